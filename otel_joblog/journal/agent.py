"""The agent: ships the journals of all processes on this host that share a state folder, of the living and the dead.

1. It holds the host's agent lock. Every process looks for that once a second; where it is held they only append,
   without a connection of their own, and let go of the ship locks of their journals.
2. For each exporter one thread goes round all journals. It takes a living journal's ship lock and reads on from where
   the cursor file stands. When the process has died, recovery ships what is left and closes what is open.
3. When the agent stops or is killed, its locks are free at once, and the processes go on from the same cursors.

Of two agents one ships and the other waits for the lock. Without it only the dead are shipped, as anybody may.
"""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach
from opentelemetry.context.context import Context

from ..background import Background
from ..diagnostics import report
from . import locks
from .crash import ALIVE
from .cursors import CursorFile, cursor_names
from .delivery import BEAT, Deliverer, Sink, backoff
from .folders import journal_folders, make_root
from .reader import Cursor, JournalReader
from .recovery import ship_all_dead
from .room import Room
from .segments import LivingSegments, delete_segments
from .standby import AGENT_LOCK

__all__ = ["Agent", "Rounds", "allow_many_files"]

ROUND = 0.2  # seconds between two rounds
LOOK_FOR_DEAD = 1.0  # seconds between two looks for dead processes
LOOK_FOR_ROOM = 10.0  # seconds between looks at the journal's cap, while the exporter is away
STOP = 5.0  # seconds that a stopping agent waits for an exporter that hangs
SETTLE = 60.0  # seconds between two looks for runs whose host never came back


def allow_many_files() -> None:
    """Let this process open as many files as it may at all: a lock is held for each journal and exporter.

    What a process is given at first is often 256 or 1024.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS does not take its own word for it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Agent:
    """Works while its block runs. ``living`` False leaves living processes to ship for themselves."""

    def __init__(
        self, root: Path, sinks: Sequence[Sink], room: Room, *, lost_after: float, living: bool = True
    ) -> None:
        self._root = root
        self._living = living
        self._lock: int | None = None
        self._stopping = threading.Event()
        self._threads = [Rounds(root, sink, room, lost_after, self._stopping, self._may_take) for sink in sinks]

    def __enter__(self) -> Self:
        make_root(self._root)
        allow_many_files()
        self._may_ship_living()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        deadline = time.monotonic() + STOP
        for thread in self._threads:  # one whose exporter never answers ends with the process
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._lock is not None:
            locks.release(self._lock)

    def _may_take(self, _folder: Path) -> bool:
        return self._may_ship_living()

    def _may_ship_living(self) -> bool:
        if self._living and self._lock is None:
            with contextlib.suppress(OSError):  # another agent has it
                self._lock = locks.acquire(self._root / AGENT_LOCK, exclusive=True)
        return self._lock is not None


class _Tended:
    """A living process's journal, shipped for one exporter."""

    def __init__(self, folder: Path, sink: Sink, ship_lock: int, moved: Callable[[], None]) -> None:
        self.folder = folder
        self.sink = sink
        self._ship_lock = ship_lock
        self._moved = moved
        self._cursor_file = CursorFile(sink.name)
        cursor, snapshot = self._cursor_file.load(folder)
        sink.restore(snapshot)
        self._reader = JournalReader(LivingSegments(folder), cursor)
        self._deliverer = Deliverer(sink, folder.parent, lambda _seconds: False)
        self.process_id: bytes | None = None

    def ship(self, stopping: threading.Event) -> bool:
        """Ship all that is there by now; False where the exporter does not take it."""
        while not stopping.is_set():
            batch = self._reader.read()
            if batch.end == self._reader.cursor:
                return True
            if batch.damaged:
                report(
                    "damaged", "%d bytes of journal %s were damaged and passed over", batch.damaged, self.folder.name
                )
            if not self._deliverer.deliver(batch.records, batch.process):
                return False
            if batch.process is not None:
                self.process_id = batch.process.process_id
            self._move_to(batch.end)
        return True

    def _move_to(self, cursor: Cursor) -> None:
        self._moved()
        further = cursor.segment > self._reader.cursor.segment
        self._reader.cursor = cursor
        with contextlib.suppress(OSError):  # a cursor not written down costs a repetition, nothing else
            self._cursor_file.save(self.folder, cursor, self.sink.snapshot())
        if further:
            with contextlib.suppress(OSError):  # where a cursor cannot be seen, nothing is deleted yet
                behind = [CursorFile(name).load(self.folder)[0] for name in cursor_names(self.folder)]
                if behind:
                    delete_segments(self.folder, before=min(behind).segment)

    def let_go(self) -> None:
        locks.release(self._ship_lock)


class Rounds(Background):
    """One exporter's rounds of all journals: of the dead, and of the living that it may take."""

    def __init__(
        self,
        root: Path,
        sink: Sink,
        room: Room,
        lost_after: float,
        stopping: threading.Event,
        may_take: Callable[[Path], bool],
    ) -> None:
        super().__init__(self._go_rounds)
        self._root = root
        self._sink = sink
        self._room = room
        self._lost_after = lost_after
        self._stopping = stopping
        self._may_take = may_take
        self.looked_for_dead = 0.0  # when the last look for them that is over began, by time.monotonic
        self.moved_at = 0.0  # when a batch was shipped last
        self._tended: dict[Path, _Tended] = {}
        self._failures = 0  # in a row
        self._due: dict[str, float] = {}

    def _go_rounds(self) -> None:
        # No spans by instrumentations of psycopg or requests for what telemetry itself does.
        attach(Context({_SUPPRESS_INSTRUMENTATION_KEY: True}))
        while not self._stopping.wait(ROUND if not self._failures else backoff(self._failures)):
            try:
                self._go_round()
            except (
                Exception
            ) as error:  # never the end of the thread: what cannot be done now is tried at the next round
                report(f"agent: {type(error).__name__}", "shipping to %s stumbled: %r", self._sink.name, error)
        for tended in self._tended.values():
            tended.let_go()
        self._sink.close()

    def _go_round(self) -> None:
        self._ship_living()
        if self._is_due("dead", LOOK_FOR_DEAD):
            began = time.monotonic()
            ship_all_dead(self._root, self._sink, self._may_go_on)
            if not self._tended:  # one that died since is still ours: the next look finds it
                self.looked_for_dead = began
        if self._failures:
            if self._is_due("room", LOOK_FOR_ROOM):
                self._room.make()
                self._room.report()
            return
        if self._is_due("beat", BEAT):
            living = [tended.process_id for tended in self._tended.values() if tended.process_id]
            if living:
                self._sink.beat(living)
        if self._is_due("settle", SETTLE):
            self._sink.settle(self._lost_after)

    def _ship_living(self) -> None:
        folders = journal_folders(self._root)
        for gone in self._tended.keys() - set(folders):
            self._tended.pop(gone).let_go()
        failed = False
        for folder in folders:
            try:
                tended = self._tend(folder)
            except OSError:  # it cannot be seen now: the look for the dead tells of that
                continue
            if tended is not None and not tended.ship(self._stopping):
                failed = True
                break  # the exporter is away: no use asking it for every journal
        self._failures = self._failures + 1 if failed else 0

    def _tend(self, folder: Path) -> _Tended | None:
        """The journal of a living process that is ours to ship."""
        if self._sink.name not in cursor_names(folder):
            return None
        dead = not locks.is_held(folder / ALIVE)
        tended = self._tended.get(folder) or (None if dead else self._take(folder))
        if tended is not None and dead:  # the rest is for recovery
            self._tended.pop(folder).let_go()
            return None
        return tended

    def _take(self, folder: Path) -> _Tended | None:
        if not self._may_take(folder):
            return None
        try:
            ship_lock = locks.acquire(folder / f"{self._sink.name}.ship", exclusive=True)
        except OSError:  # the process has not let go yet
            return None
        try:
            tended = self._tended[folder] = _Tended(folder, self._sink.fresh(), ship_lock, self._moved)
        except OSError:
            locks.release(ship_lock)
            raise
        return tended

    def _moved(self) -> None:
        self.moved_at = time.monotonic()

    def _may_go_on(self, seconds: float) -> bool:
        if not seconds:  # between two batches
            self._moved()
        # After a failure the next round tries again: waiting here would hold up the living.
        return seconds == 0 and not self._stopping.is_set()

    def _is_due(self, what: str, interval: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + interval
        return True
