"""A thread that looks after the runs that go on, once a second: what they use, and progress not recorded yet.

There is one a process, from its first run on; it sleeps for as long as none goes on. A run shorter than a second is not
sampled.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach

from ..background import Background
from ..diagnostics import report
from .facts.resources import RunUsage, resident

if TYPE_CHECKING:
    from .runs import ActiveRun

__all__ = ["Sampler"]

TICK = 1.0  # seconds


class Sampler:
    """Looks after these runs, and calls ``let_go`` while any have left something behind; the sets are the caller's, who
    says :meth:`begin` when something was added to them.
    """

    def __init__(self, runs: AbstractSet[ActiveRun], left: AbstractSet[ActiveRun], let_go: Callable[[], None]) -> None:
        self._runs = runs
        self._left = left
        self._let_go = let_go
        self._busy = threading.Event()
        self._thread = Background(self._look_after)
        self._started = False

    def begin(self) -> None:
        if not self._started:
            self._thread.start()
            self._started = True
        if not self._busy.is_set():
            self._busy.set()

    def _look_after(self) -> None:
        attach(Context({_SUPPRESS_INSTRUMENTATION_KEY: True}))
        while True:
            self._busy.clear()
            if not self._runs and not self._left:
                self._busy.wait()
            time.sleep(TICK)
            try:
                self.look(time.monotonic_ns())
                if self._left:
                    self._let_go()
            except Exception as error:
                report("sampler", "the resources of runs could not be read: %r", error)

    def look(self, now: int) -> None:
        """Once round all runs; ``now`` is the time of ``time.monotonic_ns``."""
        here = os.getpid()
        due: list[RunUsage] = []
        for run in list(self._runs):
            if run.recording and run.pid == here:  # what a parent process began is the parent's to look after
                run.count.tell()
                if run.usage is not None and run.usage.due <= now:
                    due.append(run.usage)
        memory = resident() if due else None
        for usage in due:
            usage.sample(now, memory)
