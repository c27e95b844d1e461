"""The shipper: reads journals back and hands their records to the exporters, each at its own pace.

Every exporter has a *lane*: a thread with a cursor of its own, so that one that is down never slows another. A lane

1. reads the batch behind its cursor,
2. hands it over until it is taken (waiting longer each time, up to half a minute; with jitter),
3. or, where the exporter says that it will refuse it for ever, halves it until the one record is found, which goes to
   the dead-letter file beside the journal,
4. writes its cursor down, and deletes the segments that every lane is done with.

It holds the ship lock of its exporter meanwhile, and stands by, without a connection, where an agent does all this for
that exporter.

A crash between 3 and 4 ships a batch twice. The store is idempotent; for OTLP the same span arrives again.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach
from opentelemetry.context.context import Context

from ..background import Background, unlist
from ..diagnostics import report
from ..errors import ExportUnavailable, StoreUnavailable
from ..interruption import foreign, suppress_own
from .claims import Claim
from .cursors import CursorFile
from .delivery import BEAT, Deliverer, Sink, chance
from .durability import Syncer
from .journal import Journal
from .ownsegments import MemoryOf
from .pace import Pace
from .reader import Batch, Cursor, JournalReader
from .recovery import ship_all_dead
from .standby import agent_at_work, claim_journal

__all__ = ["Lane", "Shipper"]

POLL = 0.2  # seconds between looks at a journal of which all is shipped, or nearly
FIRST_LOOK = 0.05  # seconds before the first: a job of milliseconds is over by then and ships at exit
LOOK_FOR_AGENT = 1.0  # seconds between looks for an agent that would ship in our place
GRACE = 10.0  # seconds within which a new agent may begin before all processes of the host have a connection each
LOOK_FOR_ROOM = 10.0  # seconds between looks at the journal's cap, while an exporter is away
LAST_TRIES = 0.25  # seconds between attempts to ship, at the end, what lies in memory
IMPORT_TIMEOUT = 5.0  # seconds that an import of an exporter is given to end before Python does
SWEEP = 30.0  # seconds between looks for journals of dead processes


class Bell:
    """Wakes a lane. It may be rung by a signal handler that interrupts its ringing, as an Event may not be set."""

    def __init__(self) -> None:
        self._rung: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        self._rung.put(None)

    def wait(self, seconds: float) -> None:
        """Until it is rung, or has been since it was last waited for."""
        with contextlib.suppress(Empty):
            self._rung.get(timeout=seconds)
            while True:
                self._rung.get_nowait()


class Lane(Background):
    """One exporter's way through this process's own journal, and through what dead processes left."""

    def __init__(self, journal: Journal, sink: Sink, moved: Callable[[], None]) -> None:
        super().__init__(self._ship)
        self.sink = sink
        self.failing = False
        self.standing_by = False  # an agent ships this journal
        self._journal = journal
        self._reader = JournalReader(journal, Cursor())
        self._cursor_file = CursorFile(sink.name)
        self.deliverer = Deliverer(sink, journal.root, self._waits)
        self._moved = moved
        self._bell = Bell()
        self._progressed = threading.Condition()
        self._ending = False
        self._deadline = 0.0  # once ending
        self._pace = Pace()
        self._claimed: Path | None = None  # the journal's folder whose ship lock is held
        self._ship_lock: Claim | None = None
        self._look_at = 0.0
        self._take_over_at = 0.0  # once no agent is at work any more
        self._sweep_at = 0.0
        self._room_at = 0.0
        self._beat_at = time.monotonic() + BEAT
        self._has_beaten = False
        self._prepared = False
        self.not_importing = threading.Event()
        self.not_importing.set()

    @property
    def cursor(self) -> Cursor:
        """How far this exporter has come, be it by this lane or by an agent."""
        folder = self._journal.folder
        if self.standing_by and folder is not None:
            try:
                return self._cursor_file.load(folder)[0]
            except OSError:  # it cannot be seen now
                return Cursor()
        return self._reader.cursor

    def _ship(self) -> None:
        # No run's context, and no spans by instrumentations of psycopg or requests for what telemetry itself does.
        attach(Context({_SUPPRESS_INSTRUMENTATION_KEY: True}))
        wait = FIRST_LOOK
        while True:
            ending = self._ending
            unlist()
            if not ending:
                self._bell.wait(wait)
            wait = POLL
            try:
                if self._stands_by():
                    if ending:
                        self._ship_memory()
                        return
                    wait = LOOK_FOR_AGENT
                    continue
                batch = self._reader.read()
                if batch.end != self._reader.cursor:
                    if self._take(batch):
                        hurries = self._pace.hurries(batch.end, self._journal.position(), self._journal.limit)
                        wait = 0.0 if hurries else POLL
                    elif self._ending:
                        return
                elif ending:
                    self._say_goodbye()
                    return
                else:
                    self._sweep()
                self._beat()
            except Exception as error:  # never the end of the lane: what cannot be done now is tried at the next look
                report(
                    f"lane: {type(error).__name__}",
                    "shipping to %s failed, and is retried: %r",
                    self.sink.name,
                    error,
                )
                if ending:
                    return

    def _stands_by(self) -> bool:
        """Leave the shipping to an agent while there is one; take it up again, from its cursor, when there is none."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_FOR_AGENT
            # What lies in memory no agent can read.
            if self._is_served() and not self._journal.in_memory:
                if not self.standing_by:
                    self.standing_by = True
                    self._let_go()
                    self.sink.close()  # the agent's connection is for all; shipping again opens another
                self._take_over_at = 0.0
                self._journal.mark_sealed()
                self._journal.show_life()
                return True
            if self.standing_by and self._is_time_to_take_over():
                self._claim()
        if not self.standing_by and self._claimed != self._journal.folder:
            self._claim()  # nothing is shipped from a folder that an agent might hold
        return self.standing_by

    def _is_served(self) -> bool:
        return agent_at_work(self._journal.root, self.sink.name)

    def _is_time_to_take_over(self) -> bool:
        """At a time of its own after the agent has gone, so that they do not all connect at once; when ending, now."""
        self._take_over_at = self._take_over_at or time.monotonic() + chance.uniform(0.0, GRACE)
        return self._ending or time.monotonic() >= self._take_over_at

    def _claim(self) -> None:
        self._let_go()
        folder = self._journal.folder
        if folder is not None:
            try:
                self._ship_lock = claim_journal(folder, self.sink.name)
            except BlockingIOError:  # an agent has not let go yet
                self.standing_by = True
                return
            except OSError:  # a disk that takes no more files: then nobody else can claim it either
                pass
            cursor, snapshot = self._cursor_file.load(folder)
            if cursor > self._reader.cursor:  # an agent's work
                self._reader.cursor = cursor
                self.sink.restore(snapshot)
            self._claimed = folder
        self.standing_by = False

    def _let_go(self) -> None:
        self._claimed = None
        if self._ship_lock is not None:
            self._ship_lock.let_go()
            self._ship_lock = None

    def _ship_memory(self) -> None:
        """At the end, what the disk refused while an agent shipped the rest: in memory it would be lost."""
        reader = JournalReader(MemoryOf(self._journal), Cursor())
        while (batch := reader.read()).end != reader.cursor:
            if not self.deliverer.deliver(batch.records, batch.process):
                return
            reader.cursor = batch.end

    def prepare(self) -> None:
        """Import what shipping takes here, before the lane starts, unless an agent ships. Imports in a thread of ours
        would show the job modules that are half made, and leave garbage where it counts its own.
        """
        try:
            if not self._is_served():
                self._prepare()
        except Exception as error:
            if foreign(error):
                raise
            # The lane tries again, and says so.

    def _prepare(self) -> None:
        if self._prepared:
            return
        self.not_importing.clear()
        try:
            self.sink.prepare()
            self._prepared = True
        finally:
            self.not_importing.set()

    def _take(self, batch: Batch) -> bool:
        self._prepare()
        if not self._still_claimed():
            return False
        if batch.damaged:
            report("damaged", "%d bytes of the journal were damaged and skipped", batch.damaged)
        if not self.deliverer.deliver(batch.records, batch.process):
            return False
        folder = self._journal.folder
        if folder is not None and self._still_claimed():
            with contextlib.suppress(OSError):  # a cursor not written down costs a repetition, nothing else
                self._cursor_file.save(folder, batch.end, self.sink.snapshot())
        self._reader.cursor = batch.end  # whoever flushes goes by this
        self.failing = False
        with self._progressed:
            self._progressed.notify_all()
        self._moved()
        return True

    def _still_claimed(self) -> bool:
        """Whether nobody else ships this journal, as an agent does when this process was stopped for long."""
        if self._ship_lock is None or self._ship_lock.holds():
            return True
        self._let_go()
        return False

    def _beat(self) -> None:
        """While something goes on, let others see that this process lives."""
        if not self._journal.open or self._ending:
            return
        self._journal.show_life()
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + BEAT
            try:
                self.sink.beat([self._journal.process.process_id])
                self._has_beaten = True
            except (StoreUnavailable, ExportUnavailable) as error:
                report(f"beat: {self.sink.name}", "no heartbeat: %s", error, outage=True)

    def _say_goodbye(self) -> None:
        if self._has_beaten:
            with contextlib.suppress(StoreUnavailable, ExportUnavailable):
                self.sink.forget([self._journal.process.process_id])

    def _sweep(self) -> None:
        """Ship what dead processes left, while this one has nothing to say."""
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + SWEEP
        ship_all_dead(self._journal.root, self.sink, self._may_go_on)

    def _may_go_on(self, seconds: float) -> bool:
        if seconds or self._ending:
            return False
        if self.cursor >= self._journal.position():
            return True
        self._sweep_at = 0.0  # its own records come first; the rest is shipped when it has nothing to say again
        return False

    def _waits(self, seconds: float) -> bool:
        self.failing = True
        with self._progressed:
            self._progressed.notify_all()
        self._journal.spill()
        self._look_for_room()
        if self._ending:
            left = self._deadline - time.monotonic()
            if left <= 0 or not self._journal.in_memory:
                return False
            time.sleep(min(seconds, left, LAST_TRIES))  # what lies in memory ends with us: all the time that is left
            return True
        self._bell.wait(seconds)
        return not self._is_served()  # when ending, one more try

    def _look_for_room(self) -> None:
        """The exporter is away, and journals gather. Jobs too short to look for themselves may be what is written."""
        if time.monotonic() >= self._room_at:
            self._room_at = time.monotonic() + LOOK_FOR_ROOM
            self._journal.make_room()

    def wait_for(self, target: Cursor, deadline: float) -> bool:
        """Wait until everything before ``target`` is shipped. False past the deadline, or when the exporter is down."""
        self._take_over_at = time.monotonic()  # should the agent be gone: somebody waits
        self._pace.want(target)
        self._bell.ring()
        with self._progressed:
            while self.cursor < target:
                left = deadline - time.monotonic()
                given_up = self.failing and self._ending and not self._journal.in_memory
                if left <= 0 or not self.is_alive() or given_up:
                    return False
                self._progressed.wait(min(left, 0.05))
        return True

    def end(self, deadline: float) -> None:
        """Ship what there is, then stop; where the exporter is down at once or, with records in memory, by then."""
        self._deadline = deadline
        self._ending = True
        self._bell.ring()


class Shipper:
    """All lanes of this process."""

    def __init__(self, journal: Journal, sinks: Sequence[Sink]) -> None:
        self._journal = journal
        self._lanes = [Lane(journal, sink, self._clean) for sink in sinks]
        self._syncer = Syncer(journal) if journal.fsync == "interval" else None
        self._threads: list[Background] = [*self._lanes, *([self._syncer] if self._syncer else [])]
        self.started = False

    def start(self) -> None:
        """Start the lanes, once. Where no thread can be started, at the interpreter's end, the records wait on disk."""
        for lane in self._lanes:
            lane.prepare()
        for thread in self._threads:
            with suppress_own(RuntimeError):
                thread.start()
        self.started = True  # once it is so

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
        if self._syncer is not None:
            self._syncer.end()
        for lane in self._lanes:
            lane.end(deadline)
        reached = [lane.wait_for(target, deadline) for lane in self._lanes]
        # A daemon thread that is stopped while it imports keeps the import lock, and the interpreter's end may need it.
        for lane in self._lanes:
            lane.not_importing.wait(IMPORT_TIMEOUT)
        # What an agent ships it ships to the end; the journal is not ours to delete then.
        done = all(reached) and not any(lane.standing_by for lane in self._lanes)
        for lane, ready in zip(self._lanes, reached, strict=True):
            if not ready:
                lane.deliverer.tell_at_end()
        if done and self.started:
            for lane in self._lanes:
                lane.join(max(0.0, deadline - time.monotonic()))
                if not lane.is_alive():
                    lane.sink.close()
        _still_interrupted()
        return done

    def _clean(self) -> None:
        self._journal.shipped_to(min(lane.cursor for lane in self._lanes))


def _still_interrupted() -> None:
    """Let a process that ends by Ctrl-C say so, as Python does, by dying of SIGINT.

    Python forgets that when code is compiled and run meanwhile, as imports of exporters do (dataclasses, namedtuples);
    the same once more reminds it.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102


def _before_fork() -> None:
    """Since 3.12 Python warns of a fork while there are threads. Where they are only ours it would not warn without us.

    The child never uses what our threads hold: it begins a journal, a shipper and locks of its own. Threads that Python
    lists are the application's.
    """
    warnings.filterwarnings("ignore", _FORK_WARNING, DeprecationWarning)  # once, however often it is said
    if any(thread is not threading.current_thread() for thread in threading.enumerate()):
        del warnings.filters[0]  # type: ignore[attr-defined]  # a list, whatever typeshed says


_FORK_WARNING = r"This process \(pid=\d+\) is multi-threaded"
if sys.version_info >= (3, 12):
    os.register_at_fork(before=_before_fork)
