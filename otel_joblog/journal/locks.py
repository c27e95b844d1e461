"""Locks on files, by ``flock``: held by an open file, so that the kernel lets go of them when their process dies.

A forked child inherits open files and would hold the lock on after its parent's death; here it closes them at once.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ..descriptors import Kept
from ..interruption import foreign

__all__ = ["acquire", "held", "is_held", "release"]

TRIES = 5  # at a file that others put in its place anew

_locks: set[Kept] = set()


def acquire(path: Path, *, exclusive: bool, brief: bool = False) -> Kept:
    """Lock this file, made where there is none, without waiting. BlockingIOError where another holds it."""
    while True:
        lock = _opened(path, brief=brief)
        try:
            _locks.add(lock)
            fcntl.flock(lock.number, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            if lock.is_at(path):
                return lock
        except BaseException:
            release(lock)
            raise
        release(lock)  # somebody has put another file in its place meanwhile


def _opened(path: Path, *, brief: bool) -> Kept:
    for tries_left in reversed(range(TRIES)):
        try:
            return Kept.open(path, os.O_RDWR | os.O_CREAT, brief=brief)
        except OSError as error:  # somebody may have put another file in its place as it was opened
            if error.errno != errno.EBADF or not tries_left:
                raise
    raise AssertionError


def release(lock: Kept) -> bool:
    """False where it was let go of before, by a fork."""
    if lock not in _locks:
        return False
    try:
        _locks.discard(lock)
    finally:
        lock.close()
    return True


def is_held(path: Path) -> bool:
    """Whether somebody holds this lock exclusively. OSError where that cannot be seen."""
    try:
        release(acquire(path, exclusive=False, brief=True))
    except BlockingIOError as error:
        if foreign(error):
            raise
        return True
    return False


@contextlib.contextmanager
def held(path: Path, *, exclusive: bool) -> Iterator[bool]:
    """Whether the lock could be taken at once; it is held while the block runs."""
    try:
        lock = acquire(path, exclusive=exclusive)
    except OSError as error:
        if foreign(error):
            raise
        yield False
        return
    try:
        yield True
    finally:
        release(lock)


def _after_fork() -> None:
    for lock in list(_locks):
        release(lock)


os.register_at_fork(after_in_child=_after_fork)
