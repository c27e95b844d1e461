"""The agent: ships the journals of all processes on this host that share a state folder, of the living and the dead.

1. It holds the host's agent lock of each exporter that it has, and touches it every second. Every process looks for
   the locks of its own exporters as often; where one is held, and its holder seen at work, the process only appends,
   without a connection of its own, and lets go of the ship lock of its journal.
2. For each exporter one thread goes round all journals. It takes a living journal's ship lock and reads on from where
   the cursor file stands. When the process has died, recovery ships what is left and closes what is open.
3. When the agent stops or is killed, its locks are free at once, and the processes go on from the same cursors. When it
   is frozen (SIGSTOP), they are taken away from it after a while (:mod:`.claims`).

Of two agents with the same exporter one ships and the other waits for the lock. Without it only the dead are shipped,
as anybody may.
"""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach
from opentelemetry.context.context import Context

from ..background import Background
from ..diagnostics import report
from .claims import Claim, Lease
from .cursors import CursorFile, cursor_names
from .delivery import BEAT, Deliverer, Sink, backoff
from .folders import journal_folders, make_root
from .living import lives
from .reader import Cursor, JournalReader
from .recovery import ship_all_dead
from .room import Room
from .segments import LivingSegments, delete_segments
from .standby import BATCH, agent_lock, claim_journal

__all__ = ["Agent", "Rounds", "allow_many_files"]

ROUND = 0.2  # seconds between two rounds
PULSE = 1.0  # seconds between two signs of life
TURN = 1.0  # seconds that are spent on one journal before the others have their turn
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
        self._stopping = threading.Event()
        self._leases = [Lease(agent_lock(root, sink.name)) for sink in sinks] if living else []
        may_take: list[Callable[[Path], bool]] = [partial(_if_held, lease) for lease in self._leases]
        self._rounds = [
            Rounds(root, sink, room, lost_after, self._stopping, may)
            for sink, may in zip(sinks, may_take or [_never] * len(sinks), strict=True)
        ]
        self._pulse = Background(self._show_life)

    def __enter__(self) -> Self:
        make_root(self._root)
        allow_many_files()
        for lease in self._leases:
            lease.holds()
        for thread in (*self._rounds, self._pulse):
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        deadline = time.monotonic() + STOP
        for thread in (*self._rounds, self._pulse):  # one whose exporter never answers ends with the process
            thread.join(max(0.0, deadline - time.monotonic()))
        for lease in self._leases:
            lease.let_go()

    def _show_life(self) -> None:
        """In a thread of its own: a batch may take a minute. A thread that hangs for longer is as good as frozen."""
        while not self._stopping.wait(PULSE):
            for lease, rounds in zip(self._leases, self._rounds, strict=False):
                if time.monotonic() < rounds.stirred_at + BATCH:
                    lease.holds()


def _if_held(lease: Lease, _folder: Path) -> bool:
    return lease.holds()


def _never(_folder: Path) -> bool:
    return False


class _Tended:
    """A living process's journal, shipped for one exporter."""

    def __init__(self, folder: Path, sink: Sink, claim: Claim, moved: Callable[[], None]) -> None:
        self.folder = folder
        self.sink = sink
        self.claim = claim
        self.behind = False  # more may be there than a turn takes
        self.lost = False  # another ships it, as this process was stopped for long
        self._moved = moved
        self._cursor_file = CursorFile(sink.name)
        cursor, snapshot = self._cursor_file.load(folder)
        sink.restore(snapshot)
        self._reader = JournalReader(LivingSegments(folder), cursor)
        self._deliverer = Deliverer(sink, folder.parent, lambda _seconds: False)
        self.process_id: bytes | None = None

    def ship(self, stopping: threading.Event) -> bool:
        """Ship what is there, for about a second: others wait, too. False where the exporter does not take it."""
        self.behind = False
        over = time.monotonic() + TURN
        while not stopping.is_set():
            batch = self._reader.read()
            if batch.end == self._reader.cursor:
                return True
            self.lost = not self.claim.holds()
            if self.lost:
                return True
            if batch.damaged:
                report("damaged", "%d bytes of journal %s were damaged and skipped", batch.damaged, self.folder.name)
            if not self._deliverer.deliver(batch.records, batch.process):
                return False
            if batch.process is not None:
                self.process_id = batch.process.process_id
            self.lost = not self.claim.holds()
            if self.lost:
                return True
            self._move_to(batch.end)
            if time.monotonic() >= over:
                self.behind = True
                break
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
        self.stirred_at = time.monotonic()  # when anything was done last
        self._tended: dict[Path, _Tended] = {}
        self._failures = 0  # in a row
        self._due: dict[str, float] = {}

    def _go_rounds(self) -> None:
        # No spans by instrumentations of psycopg or requests for what telemetry itself does.
        attach(Context({_SUPPRESS_INSTRUMENTATION_KEY: True}))
        while not self._stopping.wait(self._pause()):
            self.stirred_at = time.monotonic()
            try:
                self._go_round()
            except (
                Exception
            ) as error:  # never the end of the thread: what cannot be done now is tried at the next round
                report(
                    f"agent: {type(error).__name__}",
                    "shipping to %s failed, and is retried: %r",
                    self._sink.name,
                    error,
                )
        for tended in self._tended.values():
            tended.claim.let_go()
        self._sink.close()

    def _pause(self) -> float:
        if self._failures:
            return backoff(self._failures)
        return 0.0 if any(tended.behind for tended in self._tended.values()) else ROUND

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
            self._tended.pop(gone).claim.let_go()
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
        dead = not lives(folder)
        may = not dead and self._may_take(folder)
        tended = self._tended.get(folder)
        if tended is not None and (tended.lost or not may):  # the rest is for recovery, or for another
            self._tended.pop(folder).claim.let_go()
            return None
        return tended or (self._take(folder) if may else None)

    def _take(self, folder: Path) -> _Tended | None:
        try:
            claim = claim_journal(folder, self._sink.name)
        except OSError:  # the process has not let go yet
            return None
        try:
            tended = self._tended[folder] = _Tended(folder, self._sink.fresh(), claim, self._moved)
        except OSError:
            claim.let_go()
            raise
        return tended

    def _moved(self) -> None:
        self.moved_at = self.stirred_at = time.monotonic()

    def _may_go_on(self, seconds: float) -> bool:
        if seconds:  # the next round tries again: waiting here would hold up the living
            return False
        self._moved()
        if self._is_due("living", TURN):
            self._ship_living()
        return not self._failures and not self._stopping.is_set()

    def _is_due(self, what: str, interval: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + interval
        return True
