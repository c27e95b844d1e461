"""The pace of a lane: whether it ships the next batch at once, or looks again a little later.

A trickle of lines is shipped a few times a second, as each batch is a transaction. A burst is shipped when it is over,
or when it has gone on for long: a job that does nothing but log wants the processor that the lane would take.
"""

from __future__ import annotations

import time

from .journal import SEGMENT_BYTES
from .reader import Cursor

__all__ = ["Pace"]

PLENTY = 64 * 1024  # bytes behind the cursor that are worth a batch of their own
BUSY = 5 * 1024**2  # bytes a second that a job writes which does nothing else
FAR = 16 * 1024**2  # bytes behind the cursor from which on such a job has to share its processor


class Pace:
    """Of one lane. It is asked after each batch."""

    def __init__(self) -> None:
        self._wanted = Cursor()  # how far somebody waits for the lane to come
        self._seen = Cursor()  # the journal's end at the last batch
        self._seen_at = time.monotonic()

    def want(self, target: Cursor) -> None:
        self._wanted = max(self._wanted, target)

    def hurries(self, at: Cursor, end: Cursor, limit: int) -> bool:
        """Whether there is plenty more, or somebody waits for it: at ``at``, in a journal that ends at ``end``."""
        now = time.monotonic()
        grown, passed = _between(self._seen, end), now - self._seen_at
        self._seen, self._seen_at = end, now
        if at < self._wanted:
            return True
        behind = _between(at, end)
        busy = grown > BUSY * passed and behind < min(FAR, limit // 4)
        return behind >= PLENTY and not busy


def _between(begin: Cursor, end: Cursor) -> int:
    """Bytes from the one place to the other, about."""
    return max(0, end.segment - begin.segment) // 2 * SEGMENT_BYTES + end.offset - begin.offset
