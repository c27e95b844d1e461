"""Claims: who ships a journal to an exporter, and who ships for all. Each is a lock that shows signs of life.

1. A claim is an exclusive lock on a file, and the time of that file says when its holder was last seen at work.
2. A process that is stopped (SIGSTOP, a debugger) keeps its locks and does nothing. Where a claim is held and not
   touched for long, another puts a new file, locked by itself, in its place.
3. So a holder asks before and after each batch whether the claim is still its own. One that was stopped in between
   repeats that batch at most.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from threading import Lock

from ..descriptors import Kept
from ..interruption import foreign
from . import locks

__all__ = ["FROZEN", "Claim", "Lease", "silent"]

FROZEN = 15.0  # seconds without a sign of life after which whoever ships for others is taken for stopped
LOOK = 0.1  # seconds for which a look at a lease holds good
MOMENT = 0.05  # seconds for which a claim that was just taken may look as old as its file


class Claim:
    """A claim that is held. Made by :meth:`take`."""

    def __init__(self, path: Path, lock: Kept) -> None:
        self._path = path
        self._lock = lock

    @classmethod
    def take(cls, path: Path, *, stale: float) -> Claim:
        """Claim it, away from another who has not touched it for ``stale`` seconds. BlockingIOError where one has."""
        try:
            lock = locks.acquire(path, exclusive=True)
        except BlockingIOError as error:
            if foreign(error):
                raise
            if not silent(path, stale):
                raise
            lock = _take_away(path, stale)
        try:
            claim = cls(path, lock)
            claim.holds()
            return claim
        except BaseException:
            locks.release(lock)
            raise

    def holds(self) -> bool:
        """Show life. Whether the claim is still ours: else another has taken it away, or the program has closed it."""
        if not self._lock.ours:
            return False
        try:
            with contextlib.suppress(OSError):  # a disk that has become read-only
                os.utime(self._lock.number)
            return self._lock.is_at(self._path)
        except OSError:  # it cannot be seen, then nor can it by others
            return True

    def let_go(self) -> None:
        locks.release(self._lock)


class Lease:
    """The claim of whoever ships for all, taken where it is free or its holder is stopped. For several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._claim: Claim | None = None
        self._lock = Lock()
        self._over = False
        self._look_at = 0.0

    def holds(self) -> bool:
        """Whether it is ours, seen at most a tenth of a second ago; shows life, as a claim does."""
        with self._lock:
            now = time.monotonic()
            if now < self._look_at or self._over:
                return self._claim is not None
            self._look_at = now + LOOK
            if self._claim is not None and not self._claim.holds():
                self._claim.let_go()
                self._claim = None
            if self._claim is None:
                try:
                    self._claim = Claim.take(self._path, stale=FROZEN)
                except OSError as error:  # another has it
                    if foreign(error):
                        raise
                    return False
            return True

    def let_go(self) -> None:
        """For good."""
        with self._lock:
            self._over = True
            claim, self._claim = self._claim, None
        if claim is not None:
            claim.let_go()


def silent(path: Path, seconds: float) -> bool:
    """Whether whoever holds this claim has not touched it for so long. A clock that was set back counts as long ago."""
    try:
        return abs(time.time() - path.stat().st_mtime) > seconds
    except FileNotFoundError as error:
        if foreign(error):
            raise
        return False


def _take_away(path: Path, stale: float) -> Kept:
    """Of several that try, one does; BlockingIOError for the others."""
    guard = locks.acquire(path.with_name("taking-away.lock"), exclusive=True)
    try:
        time.sleep(MOMENT)
        if not silent(path, stale):
            raise BlockingIOError
        making = path.with_name(f".{path.name}")
        making.unlink(missing_ok=True)
        lock = locks.acquire(making, exclusive=True)
        try:
            making.replace(path)
        except BaseException:
            locks.release(lock)
            raise
        return lock
    finally:
        locks.release(guard)
