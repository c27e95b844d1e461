"""The accounts: a file that only ``otel-joblog users`` writes, and that a viewer reads again when it has changed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from ...errors import UsersUnusable
from .files import locked, replace
from .roles import Role

__all__ = ["User", "Users", "fingerprint", "normal"]

_Known = dict[str, "User"]


class User(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One account. It has a password, or a token, which is for programs."""

    name: str
    role: Role
    since: datetime
    password: str = ""  # its argon2id hash
    token: str = ""  # its SHA-256 in hex


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    users: list[User]


class Users:
    """The accounts of a file. Raises :class:`UsersUnusable` where it is there and cannot be used."""

    def __init__(self, path: Path | None) -> None:
        """None: there are none, and there can be none."""
        self.path = path
        self._signature: tuple[int, ...] | None = None
        self._by_name: _Known = {}
        self._by_token: _Known = {}

    def all(self) -> Mapping[str, User]:
        """By name."""
        self._refresh()
        return self._by_name

    def of_token(self, digest: str) -> User | None:
        """``digest`` is the token's (:func:`.tokens.digest`)."""
        self._refresh()
        return self._by_token.get(digest)

    def change(self, how: Callable[[_Known], _Known]) -> None:
        """Writes what ``how`` makes of the accounts; no other command changes them meanwhile."""
        assert self.path is not None
        with locked(self.path):
            self._refresh()
            changed = how(dict(self._by_name))
            replace(self.path, msgspec.json.format(msgspec.json.encode(_Content(list(changed.values())))) + b"\n")

    def _refresh(self) -> None:
        if self.path is None:
            return
        try:
            found = self.path.stat()
            signature = (found.st_ino, found.st_mtime_ns, found.st_size)
            if signature == self._signature:
                return
            users = msgspec.json.decode(self.path.read_bytes(), type=_Content).users
        except FileNotFoundError:
            signature, users = None, []
        except (OSError, msgspec.MsgspecError) as error:
            raise UsersUnusable(f"the accounts in {self.path} cannot be read: {error}") from error
        self._by_name = {user.name: user for user in users}
        self._by_token = {user.token: user for user in users if user.token}
        self._signature = signature


def normal(text: str) -> str:
    """A name or password in the one form of Unicode (NFC): keyboards send é as one character or as two."""
    return unicodedata.normalize("NFC", text)


def fingerprint(user: User) -> str:
    """Changes with the password and the role, so that what was signed before is no longer good."""
    from hashlib import sha256

    return sha256(f"{user.role}\0{user.password}\0{user.since}".encode()).hexdigest()[:16]
