"""The collector: a thread that ships what dead processes of this host left, for as long as it runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from ..diagnostics import report
from .delivery import Sink
from .recovery import ship_all_dead

__all__ = ["Collector"]

INTERVAL = 1.0  # seconds between looks


class Collector:
    """Looks for dead journals below ``root`` once a second and ships them to these exporters.

    Use it as a context manager. Leaving it stops between two batches.
    """

    def __init__(self, root: Path, sinks: Sequence[Sink]) -> None:
        self._root = root
        self._sinks = sinks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otel_joblog-collector", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()
        for sink in self._sinks:
            sink.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                for sink in self._sinks:
                    ship_all_dead(self._root, sink, self._may_go_on)
            except Exception as error:
                report("collector", "collecting from dead processes stumbled: %r", error)
            self._stopping.wait(INTERVAL)

    def _may_go_on(self, seconds: float) -> bool:
        # After a failure the next look tries again: waiting here would hold up the other exporters.
        return seconds == 0 and not self._stopping.is_set()
