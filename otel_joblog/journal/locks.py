"""Locks on files, by ``flock``: held by an open file, so that the kernel lets go of them when their process dies.

A forked child inherits open files and would hold the lock on after its parent's death; here it closes them at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["acquire", "held", "is_at", "is_held", "release"]

_descriptors: set[int] = set()


def acquire(path: Path, *, exclusive: bool) -> int:
    """Lock this file, made where there is none, without waiting. BlockingIOError where another holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _descriptors.add(descriptor)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            if is_at(descriptor, path):
                return descriptor
        except OSError:
            release(descriptor)
            raise
        release(descriptor)  # somebody has put another file in its place meanwhile


def is_at(descriptor: int, path: Path) -> bool:
    """Whether this open file is the one that lies there."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def release(descriptor: int) -> None:
    if descriptor in _descriptors:
        _descriptors.discard(descriptor)
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds this lock exclusively. OSError where that cannot be seen."""
    try:
        release(acquire(path, exclusive=False))
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def held(path: Path, *, exclusive: bool) -> Iterator[bool]:
    """Whether the lock could be taken at once; it is held while the block runs."""
    try:
        descriptor = acquire(path, exclusive=exclusive)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        release(descriptor)


def _after_fork() -> None:
    for descriptor in list(_descriptors):
        release(descriptor)


os.register_at_fork(after_in_child=_after_fork)
