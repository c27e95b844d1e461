"""Lines given up: counted for each run, and told by :class:`Dropped` records, never silently."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

from ..interruption import foreign
from ..records import Dropped, encode, lines_of, run_of_line
from .frames import frame

__all__ = ["AT_THE_CAP", "Losses", "dropped_frames"]

AT_THE_CAP = "dropped at the journal's cap"
MANY = 10_000  # records given up after which they are told, should nothing else be written

Run = tuple[bytes, bytes]  # trace id, span id


class Losses:
    """Counts without a lock: a line may be given up under anybody's locks and in a signal handler."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._given_up: deque[tuple[Run, int]] = deque()  # how many lines of a run, record by record
        self._kept: dict[tuple[Run, int], tuple[Run, int]] = {}  # each once: what is counted takes no memory of its own

    def count(self, payload: bytes, write: Callable[[bytes], int]) -> None:
        """A record that holds lines, as it is encoded, is given up."""
        lost = run_of_line(payload), lines_of(payload)
        self._given_up.append(self._kept.setdefault(lost, lost))
        if len(self._given_up) >= MANY:
            self.tell(write)

    def tell(self, write: Callable[[bytes], int]) -> None:
        """Write down what was given up since the last time; where that fails it is told the next time."""
        if not self._given_up:
            return
        told: Counter[Run] = Counter()
        written = False
        try:
            while self._given_up:
                try:
                    run, lines = self._given_up.popleft()
                    told[run] += lines
                except IndexError as error:  # another thread tells the rest
                    if foreign(error):
                        raise
                    break
            data = dropped_frames(told, self._reason)
            written = write(data) == len(data)
        finally:
            if not written:
                self._given_up.extend(told.items())


def dropped_frames(lines: Counter[Run], reason: str) -> bytes:
    """The frames that tell, for each run, how many lines were given up."""
    now = time.time_ns()
    return b"".join(frame(encode(Dropped(*run, now, number, reason))) for run, number in lines.items())
