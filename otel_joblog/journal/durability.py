"""``OTEL_JOBLOG_FSYNC=interval``: what was written is synced once a second, by a thread of its own."""

from __future__ import annotations

import threading

from ..background import Background
from .journal import Journal

__all__ = ["Syncer"]

INTERVAL = 1.0  # seconds


class Syncer(Background):
    """Apart from the lanes, which may wait for an exporter. At the end the journal itself syncs, as it closes."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(self._sync)
        self._journal = journal
        self._ending = threading.Event()

    def _sync(self) -> None:
        while not self._ending.wait(INTERVAL):
            self._journal.sync()

    def end(self) -> None:
        self._ending.set()
