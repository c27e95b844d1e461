"""The courier: ships the journals that are entrusted to it and those of the dead, and ends when there are none.

A command's scribe starts one where none is at work; of several with the same exporters, one holds the lock and the
others end at once. What is not for any of its exporters is none of its business.

1. While an entrusted journal's process lives, the courier goes its rounds as an agent does (:mod:`.agent`).
2. When none lives any more it looks once more for the dead, whether they can be shipped or not, and lets go of the
   lock.
3. It looks again then. A scribe closes its journal first and looks for a courier second: where it saw the lock held and
   left its journal there, this look finds it.

An agent does all that itself for its exporters: where there is one for each, the courier ends.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .agent import ROUND, Rounds, allow_many_files
from .claims import FROZEN, Claim
from .cursors import cursor_names
from .delivery import Sink
from .folders import journal_folders, make_root
from .living import lives
from .recovery import dead_journals
from .room import Room
from .standby import ENTRUSTED, agent_at_work, courier_lock

__all__ = ["run_courier"]

STOP = 5.0  # seconds that it waits, at its end, for an exporter that hangs
PATIENCE = 60.0  # and for a look at the dead to be over, while nothing is shipped


def run_courier(root: Path, sinks: Sequence[Sink], room: Room, *, lost_after: float) -> None:
    """Ship until nothing is left that can be shipped now."""
    make_root(root)
    allow_many_files()
    exporters = {sink.name for sink in sinks}
    rounds: list[Rounds] = []
    stopping = threading.Event()
    tried: set[Path] | None = None
    while tried is None or _dead(root, exporters) - tried:
        try:
            alone = Claim.take(courier_lock(root, exporters), stale=FROZEN)
        except OSError:
            break
        try:
            if _served(root, exporters):
                break
            if not rounds:
                rounds = [
                    Rounds(root, sink, room, lost_after, stopping, partial(_is_ours, root, sink.name)) for sink in sinks
                ]
                for thread in rounds:
                    thread.start()
            tried = _go_round_until_idle(root, exporters, rounds, alone)
        finally:
            alone.let_go()
    stopping.set()
    deadline = time.monotonic() + STOP
    for thread in rounds:
        thread.join(max(0.0, deadline - time.monotonic()))


def _go_round_until_idle(root: Path, exporters: set[str], rounds: Sequence[Rounds], alone: Claim) -> set[Path]:
    """Returns the dead journals that a whole look has tried to ship since no entrusted one lives."""
    idle_since: float | None = None
    dead: set[Path] = set()
    while alone.holds() and not _served(root, exporters):
        if _entrusted_live(root, exporters):
            idle_since = None
        elif idle_since is None:
            dead = _dead(root, exporters)
            idle_since = time.monotonic()
        elif (
            all(thread.looked_for_dead > idle_since for thread in rounds)
            or time.monotonic() > max(idle_since, *(thread.moved_at for thread in rounds)) + PATIENCE
        ):
            break
        time.sleep(ROUND)
    return dead


def _dead(root: Path, exporters: set[str]) -> set[Path]:
    return {folder for folder in dead_journals(root) if _waits_for(folder, exporters)}


def _waits_for(folder: Path, exporters: set[str]) -> bool:
    with contextlib.suppress(OSError):
        return bool(cursor_names(folder) & exporters)
    return False


def _entrusted_live(root: Path, exporters: set[str]) -> bool:
    for folder in journal_folders(root):
        with contextlib.suppress(OSError):  # it cannot be seen: the look for the dead tells of that
            if _is_entrusted(folder) and cursor_names(folder) & exporters and lives(folder):
                return True
    return False


def _served(root: Path, exporters: set[str]) -> bool:
    """Whether agents do all that."""
    return bool(exporters) and all(agent_at_work(root, exporter) for exporter in exporters)


def _is_ours(root: Path, exporter: str, folder: Path) -> bool:
    return _is_entrusted(folder) and not agent_at_work(root, exporter)


def _is_entrusted(folder: Path) -> bool:
    return (folder / ENTRUSTED).exists()
