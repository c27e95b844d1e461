"""Delivery: handing batches to an exporter until they are taken, or found to be refused for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Protocol

from ..diagnostics import report
from ..errors import ExportUnavailable, RecordRefused, StoreNotStarted, StoreUnavailable
from ..records import Process, Record
from .deadletter import set_aside
from .figures import figures_of
from .trouble import TroubleFile, tell_of_trouble, tell_unless_reached

__all__ = ["BEAT", "Deliverer", "Sink", "backoff", "chance"]

BEAT = 10.0  # seconds between two heartbeats of a process
MAX_BACKOFF = 30.0
PATIENCE = 1.0  # seconds after which somebody who has not answered yet does not answer

# The kernel's: a job that seeds Python's own gets from it what it would without us, and forked processes differ.
chance = SystemRandom()


class Sink(Protocol):
    """An exporter that takes records."""

    name: str  # names its cursor: "postgres-1f0c33a9", with a mark of where it ships to

    def prepare(self) -> None:
        """Import what shipping takes, before the first of it: an import must not be under way when Python ends."""

    def ship(self, records: Sequence[Record], process: Process | None) -> None:
        """Take these records, all or none.

        Raises :class:`RecordRefused` where it never will; any other error means: again later.
        """

    def snapshot(self) -> bytes:
        """What it remembers of records already shipped (spans still open), to be restored by whoever ships on."""

    def restore(self, snapshot: bytes) -> None: ...

    def beat(self, process_ids: Sequence[bytes]) -> None:
        """Say that these processes live, where that is of use. May fail; nothing is lost by it."""

    def forget(self, process_ids: Sequence[bytes]) -> None:
        """Say that these processes have ended. As :meth:`beat`."""

    def settle(self, lost_after: float) -> None:
        """End the runs that have given no sign of life for so many seconds. As :meth:`beat`."""

    def fresh(self) -> Sink:
        """One for another journal: the same connection, nothing remembered."""

    def close(self) -> None:
        """Let go of the connection; shipping more opens another."""


class Deliverer:
    """Hands batches of one journal to one sink: steps 2 and 3 of a lane."""

    def __init__(self, sink: Sink, dead_letters: Path, waits: Callable[[float], bool]) -> None:
        self._sink = sink
        self._dead_letters = dead_letters
        self._waits = waits  # waits the given seconds; False when it is time to give up
        self._failures = 0  # in a row
        self._figures = figures_of(sink.name)
        self._trouble = TroubleFile(dead_letters, sink.name)
        self._trying_since: float | None = None

    def deliver(self, records: Sequence[Record], process: Process | None) -> bool:
        """True when every record was taken or set aside; False when told to give up before."""
        while records:
            self._trying_since = time.monotonic()
            try:
                self._sink.ship(records, process)
            except RecordRefused as refusal:
                self._failures = 0
                self._trouble.worked()
                if len(records) == 1:
                    return self._set_aside(records[0], process, refusal)
                middle = len(records) // 2
                return self.deliver(records[:middle], process) and self.deliver(records[middle:], process)
            except Exception as error:
                self._failures += 1
                self._figures.retries += 1
                self._trouble.failed(error)
                # A fault of our own is treated like an outage, but it is seen: nothing is lost by it either.
                away = isinstance(error, StoreUnavailable | ExportUnavailable)
                kind = f"{self._sink.name}: {type(error).__name__}"
                report(kind, "%s; retried until it works", error, outage=away)
                if away and not isinstance(error, StoreNotStarted):
                    tell_unless_reached(self._dead_letters, self._sink.name, str(error))
                if not self._waits(backoff(self._failures)):
                    return False
            else:
                self._failures = 0
                self._figures.took(records)
                self._trouble.worked()
                return True
        return True

    def _set_aside(self, record: Record, process: Process | None, refusal: RecordRefused) -> bool:
        """True when it is kept, whole; False when told to give up before, and then it comes again."""
        while True:
            try:
                set_aside(self._dead_letters, self._sink.name, record, process, refusal)
            except OSError as error:
                self._failures += 1
                report("set aside", "a refused record cannot be set aside; retried: %s", error)
                if not self._waits(backoff(self._failures)):
                    return False
            else:
                self._failures = 0
                self._figures.refused += 1
                report("refused", "%s refused a record, which was set aside: %s", self._sink.name, refusal)
                return True

    def tell_at_end(self) -> None:
        """What is left waits; where the exporter never accepted a record and nobody was told, somebody should be."""
        since = self._trying_since
        if not tell_of_trouble(self._dead_letters, self._sink.name) and since and time.monotonic() > since + PATIENCE:
            tell_unless_reached(self._dead_letters, self._sink.name, "it does not answer")


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0.25, 0.5, 1… up to 30, less up to half at random."""
    return min(MAX_BACKOFF, 0.25 * 2.0 ** min(failures - 1, 10)) * chance.uniform(0.5, 1.0)
