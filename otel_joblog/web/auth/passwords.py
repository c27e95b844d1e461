"""Passwords: kept as argon2id hashes, compared beside the event loop.

A comparison takes 64 MiB and some 150 ms of a core, by design. So two are made at a time, few wait, and a good one is
remembered for some minutes: a program sends its password with each request.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from .users import User, normal

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["Passwords", "TooBusy", "hashed"]

REMEMBERED = 300.0  # seconds
MOST_REMEMBERED = 1_000
AT_ONCE = 2
WAITING = 32  # comparisons, after which others are told to come again


class TooBusy(Exception):
    """More passwords wait to be compared than will be in a while."""


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    """The hash of no password: comparing with it takes as long as with one, so that nobody learns which names exist."""
    return _hasher().hash(secrets.token_hex())


def hashed(password: str) -> str:
    return _hasher().hash(normal(password))


class Passwords:
    """Compares passwords; one for the life of an application."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    def remembered(self, user: User | None, password: str) -> bool:
        """Whether it fitted some minutes ago: this takes no time."""
        return user is not None and self._good.get(self._digest(user, password), 0.0) > self._clock()

    async def fits(self, user: User | None, password: str) -> bool:
        """Raises :class:`TooBusy`. It takes as long where there is no such user."""
        if self._waiting >= WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            async with self._turn:
                fits = await asyncio.to_thread(_compare, user, normal(password))
        finally:
            self._waiting -= 1
        if fits and user is not None:
            self._good[self._digest(user, password)] = self._clock() + REMEMBERED
            while len(self._good) > MOST_REMEMBERED:
                self._good.popitem(last=False)
        return fits

    def _digest(self, user: User, password: str) -> bytes:
        """Of the hash, too: a new password makes the old one forgotten."""
        text = "\0".join((user.name, user.password, normal(password)))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()


def _compare(user: User | None, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    kept = user.password if user is not None else ""
    try:
        _hasher().verify(kept or _nobodys(), password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False
    return bool(kept)
