"""Small files of secrets: read by this account alone, and never seen half written."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["locked", "replace", "secret_of"]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time changes the file; the lock is a file beside it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Writes the file anew with mode 0600: a reader sees the old one or the new one. To be called within its lock."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def secret_of(path: Path) -> bytes:
    """The random key that the file holds; it is made where there is none, once for all processes."""
    with locked(path):
        with contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        replace(path, secrets.token_bytes(32))
        return path.read_bytes()
