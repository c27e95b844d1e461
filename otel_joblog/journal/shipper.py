"""The shipper: reads journals back and hands their records to the exporters, each at its own pace.

Every exporter has a *lane*: a thread with a cursor of its own, so that one that is down never slows another. A lane

1. reads the batch behind its cursor,
2. hands it over until it is taken (waiting longer each time, up to half a minute; with jitter),
3. or, where the exporter says that it will refuse it for ever, halves it until the one record is found, which goes to
   the dead-letter file beside the journal,
4. writes its cursor down, and deletes the segments that every lane is done with.

A crash between 3 and 4 ships a batch twice. The store is idempotent; for OTLP the same span arrives again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach
from opentelemetry.context.context import Context

from ..diagnostics import report
from .cursors import CursorFile
from .delivery import Deliverer, Sink
from .journal import Journal
from .reader import Batch, Cursor, JournalReader
from .recovery import dead_journals, ship_dead

__all__ = ["Lane", "Shipper"]

POLL = 0.2  # seconds between looks at an idle journal
FIRST_LOOK = 0.05  # seconds before the first: a job of milliseconds is over by then and ships at exit
SWEEP = 30.0  # seconds between looks for journals of dead processes


class Lane(threading.Thread):
    """One exporter's way through this process's own journal, and through what dead processes left."""

    def __init__(self, journal: Journal, sink: Sink, moved: Callable[[], None]) -> None:
        super().__init__(name=f"otel_joblog-{sink.name}", daemon=True)
        self.sink = sink
        self.failing = False
        self._journal = journal
        self._reader = JournalReader(journal, Cursor())
        self._cursor_file = CursorFile(sink.name)
        self._deliverer = Deliverer(sink, journal.root, self._waits)
        self._moved = moved
        self._wake = threading.Event()
        self._progressed = threading.Condition()
        self._ending = False
        self._sweep_at = 0.0

    @property
    def cursor(self) -> Cursor:
        return self._reader.cursor

    def run(self) -> None:
        # No run's context, and no spans by instrumentations of psycopg or requests for what telemetry itself does.
        attach(Context({_SUPPRESS_INSTRUMENTATION_KEY: True}))
        wait = FIRST_LOOK
        while True:
            ending = self._ending
            if not ending:
                self._wake.wait(wait)
                self._wake.clear()
            wait = POLL
            try:
                batch = self._reader.read()
                if batch.records or batch.end != self._reader.cursor:
                    if not self._take(batch):
                        return
                elif ending:
                    return
                else:
                    self._sweep()
            except Exception as error:  # never the end of the lane: what cannot be done now is tried at the next look
                report(f"lane: {type(error).__name__}", "shipping to %s stumbled: %r", self.sink.name, error)
                if ending:
                    return

    def _take(self, batch: Batch) -> bool:
        if batch.damaged:
            report("damaged", "%d bytes of the journal were damaged and passed over", batch.damaged)
        if batch.records and not self._deliverer.deliver(batch.records, batch.process):
            return False
        self._reader.cursor = batch.end
        folder = self._journal.folder
        if folder is not None:
            with contextlib.suppress(OSError):  # a cursor not written down costs a repetition, nothing else
                self._cursor_file.save(folder, batch.end, self.sink.snapshot())
        self.failing = False
        with self._progressed:
            self._progressed.notify_all()
        self._moved()
        return True

    def _sweep(self) -> None:
        """Ship what dead processes left, while this one has nothing to say."""
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + SWEEP
        for folder in dead_journals(self._journal.root):
            ship_dead(folder, self.sink.fresh(), self._may_go_on)

    def _may_go_on(self, seconds: float) -> bool:
        return seconds == 0 and not self._ending and self.cursor >= self._journal.position()

    def _waits(self, seconds: float) -> bool:
        self.failing = True
        with self._progressed:
            self._progressed.notify_all()
        if self._ending:
            return False
        self._wake.wait(seconds)
        self._wake.clear()
        return True  # when ending, one more try

    def wait_for(self, target: Cursor, deadline: float) -> bool:
        """Wait until everything before ``target`` is shipped. False past the deadline, or when the exporter is down."""
        self._wake.set()
        with self._progressed:
            while self.cursor < target:
                left = deadline - time.monotonic()
                if left <= 0 or not self.is_alive() or (self.failing and self._ending):
                    return False
                self._progressed.wait(min(left, 0.05))
        return True

    def end(self) -> None:
        """Ship what there is, then stop; stop at once where the exporter is down."""
        self._ending = True
        self._wake.set()


class Shipper:
    """All lanes of this process."""

    def __init__(self, journal: Journal, sinks: Sequence[Sink]) -> None:
        self._journal = journal
        self._lanes = [Lane(journal, sink, self._clean) for sink in sinks]
        self.started = False

    def start(self) -> None:
        if not self.started:
            self.started = True
            for lane in self._lanes:
                lane.start()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was emitted before is shipped by every exporter; False if that took too long."""
        deadline = time.monotonic() + timeout
        target = self._journal.position()
        reached = [lane.wait_for(target, deadline) for lane in self._lanes]  # every lane is waited for
        return all(reached)

    def shutdown(self, timeout: float) -> bool:
        """Ship what can be shipped within ``timeout`` seconds; the rest waits in the journal for the next process."""
        deadline = time.monotonic() + timeout
        target = self._journal.position()
        for lane in self._lanes:
            lane.end()
        reached = [lane.wait_for(target, deadline) for lane in self._lanes]
        done = self.started and all(reached)
        if done:
            for lane in self._lanes:
                lane.join(max(0.0, deadline - time.monotonic()))
                if not lane.is_alive():
                    lane.sink.close()
        return done

    def _clean(self) -> None:
        self._journal.drop_before(min(lane.cursor.segment for lane in self._lanes))
