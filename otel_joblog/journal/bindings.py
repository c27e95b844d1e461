"""Bindings: which exporters are to ship the journal of a dead process. Its cursor files say so, and can be changed.

1. Whoever changes one holds the journal's lock shared, as who ships it does, and the claim of the exporter it was for.
2. The cursor of the other exporter is written first, and the one that was there is done with second. Who dies between
   the two leaves both: the other ships the journal, and what was there can be done with again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import locks
from .crash import ALIVE
from .cursors import CursorFile, cursor_names, done
from .folders import remove_folder
from .living import goes_on
from .reader import Cursor
from .standby import claim_journal

__all__ = ["adopt", "give_up", "same_place", "send_elsewhere"]


def same_place(one: str, other: str) -> bool:
    """Whether two names of exporters are of one database: by a host that both lists have."""
    (database, hosts), (other_database, other_hosts) = _apart(one), _apart(other)
    return bool(hosts & other_hosts) and database == other_database


def _apart(exporter: str) -> tuple[str, set[str]]:
    kind, _, place = exporter.partition("-")
    database, at, hosts = place.partition("@")
    return (database, set(hosts.split(","))) if kind == "postgres" and at else (exporter, {exporter})


def adopt(folder: Path, exporter: str) -> None:
    """Let the exporter take what waits in a dead journal for another spelling of its own place."""
    for name in cursor_names(folder) - {exporter}:
        if same_place(name, exporter):
            _rebind(folder, name, exporter, from_the_start=False)


def send_elsewhere(folder: Path, exporter: str, other: str) -> bool:
    """Have all that is left of a dead journal shipped by another exporter. False where somebody is at work on it."""
    return _rebind(folder, exporter, other, from_the_start=True)


def give_up(folder: Path, exporter: str) -> bool:
    """Have a dead journal shipped by this exporter no more. False where somebody is at work on it."""

    def end() -> None:
        CursorFile(exporter).finish(folder)

    return _claimed(folder, exporter, end)


def _rebind(folder: Path, exporter: str, other: str, *, from_the_start: bool) -> bool:
    def rebind() -> None:
        if other not in cursor_names(folder):
            at, snapshot = (Cursor(), b"") if from_the_start else CursorFile(exporter).load(folder)
            CursorFile(other).save(folder, at, snapshot)
        CursorFile(exporter).finish(folder)

    return _claimed(folder, exporter, rebind)


def _claimed(folder: Path, exporter: str, act: Callable[[], None]) -> bool:
    with locks.held(folder / ALIVE, exclusive=False) as free:
        if not free or goes_on(folder):
            return False
        try:
            claim = claim_journal(folder, exporter)
        except OSError:
            return False
        try:
            if exporter in cursor_names(folder):
                act()
        finally:
            claim.let_go()
        if done(folder):
            remove_folder(folder)
    return True
