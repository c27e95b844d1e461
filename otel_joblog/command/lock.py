"""One run of a job at a time (``--lock``): who is first, and what the others are told.

On this host it is a lock on a file of the state folder, in which the holder writes who it is; the kernel lets go of it
when the wrapper dies. Where neither file nor database can be had, the command runs without a lock, with a warning.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from hashlib import blake2s
from pathlib import Path
from typing import Protocol

from ..config import Settings
from ..errors import JobLogError

__all__ = ["Lock", "LockUnavailable", "lock_of", "take"]

LOOK = {"host": 0.1, "database": 1.0}  # seconds between looks of who waits


class LockUnavailable(Exception):
    """There can be no lock now. The message says why."""


class Lock(Protocol):
    def take(self) -> bool:
        """Whether it is ours now."""

    def holder(self) -> str:
        """Who has it, in words; empty where that is not known."""

    def release(self) -> None: ...


def lock_of(name: str, scope: str, run_id: str) -> Lock:
    """The lock of this job. Raises :class:`LockUnavailable`."""
    settings = Settings.from_environment(on_bad=lambda _problem: None)  # the scribe tells of it
    try:
        if scope == "host":
            return FileLock(settings.state_dir, name, f"pid {os.getpid()}, run {run_id}")
        from ..store.joblock import JobLock
        from ..store.server.embedded import resolve_dsn

        service = os.environ.pop("PGSERVICE", None)  # the command's; libpq looks it up whatever a DSN says
        try:
            return JobLock(resolve_dsn(settings), name, f"otel-joblog run, pid {os.getpid()} on {os.uname().nodename}")
        finally:
            if service is not None:
                os.environ["PGSERVICE"] = service
    except (JobLogError, OSError) as error:
        raise LockUnavailable(str(error)) from error


def take(lock: Lock, scope: str, *, wait: bool, interrupted: Callable[[], bool]) -> bool:
    """Whether it is ours. ``wait`` tries until it is, or until ``interrupted``. Raises :class:`LockUnavailable`."""
    try:
        while not lock.take():
            if not wait or interrupted():
                return False
            time.sleep(LOOK[scope])
    except (JobLogError, OSError) as error:
        raise LockUnavailable(str(error)) from error
    return True


class FileLock:
    def __init__(self, state: Path, name: str, holder: str) -> None:
        folder = state / "locks"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{blake2s(name.encode('utf-8', 'surrogateescape'), digest_size=16).hexdigest()}.lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._holder = holder

    def take(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, self._holder.encode(), 0)
        return True

    def holder(self) -> str:
        return os.pread(self._descriptor, 200, 0).decode("utf-8", "replace")

    def release(self) -> None:
        os.close(self._descriptor)
