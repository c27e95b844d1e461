"""Journals that outlived their processes: found, claimed and shipped.

1. A journal whose ``lock`` can be taken belongs to a dead process. Whoever ships it holds that lock shared, so that
   exporters may work on it side by side, and no one mistakes it for a living one.
2. Each exporter is claimed by a lock of its own, so that two never ship the same records at once.
3. What the process had open is closed: each run and step gets an end, ``lost``, with what can be said of the reason.
4. A cursor file says that an exporter has still to come to the end; it is renamed when that is done. A journal with
   nothing but such is deleted. Neither needs room on the disk, which may well be full of journals.

Only what is certainly ours and certainly done is deleted. A folder with another name is none of our business; where a
look fails, or nothing says for whom a journal waits, it is left alone, and that is told (:func:`left_alone`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..diagnostics import report
from ..records import Process, SpanEnded
from . import locks
from .bindings import adopt
from .claims import Claim
from .closing import OpenSpans
from .crash import ALIVE, verdict
from .cursors import CursorFile, cursor_names, done, marked
from .delivery import Deliverer, Sink
from .folders import discard, half_folders, journal_folders, remove_folder
from .living import goes_on, lives
from .reader import Cursor, JournalReader
from .segments import DiskSegments
from .standby import claim_journal, ship_lock

__all__ = ["Looked", "being_shipped", "dead_journals", "look", "ship_all_dead", "ship_dead", "tidy"]

STALE = 3_600.0  # seconds after which a folder half made or half deleted is nobody's any more


class Looked(NamedTuple):
    """What a look at all journals saw."""

    dead: list[Path]  # folders of journals that nobody writes any more, oldest first
    left_alone: dict[str, str]  # names of folders that are neither shipped nor deleted, and why


def look(root: Path) -> Looked:
    """Look at all journals. OSError where not even their names can be seen."""
    looked = Looked([], {})
    for folder in journal_folders(root):
        try:
            if not marked(folder):
                if folder.exists():  # else it was shipped meanwhile
                    looked.left_alone[folder.name] = "nothing in it names a destination"
            elif not lives(folder):
                looked.dead.append(folder)
        except FileNotFoundError:  # shipped meanwhile
            pass
        except OSError as error:
            looked.left_alone[folder.name] = f"it cannot be read: {error.strerror}"
    return looked


def dead_journals(root: Path) -> list[Path]:
    """Folders of journals that nobody writes any more, oldest first; of what is left alone a warning tells."""
    looked = look(root)
    for name, why in looked.left_alone.items():
        report(f"left alone: {name}", "journal %s is neither shipped nor deleted: %s", name, why)
    return looked.dead


def being_shipped(folder: Path) -> bool:
    """Whether somebody is at work on a dead journal just now."""
    with contextlib.suppress(FileNotFoundError):  # somebody just was, to its end
        return any(locks.is_held(ship_lock(folder, name)) for name in cursor_names(folder))
    return False


def ship_all_dead(root: Path, sink: Sink, waits: Callable[[float], bool]) -> None:
    """:func:`ship_dead` for every dead journal; one that cannot be read does not keep the others.

    Where ``waits`` gives up on an exporter that is away, the others are not tried either: each would take a timeout.
    """
    tidy(root)
    gave_up = False

    def waits_or_notes(seconds: float) -> bool:
        nonlocal gave_up
        goes_on = waits(seconds)
        gave_up = gave_up or not goes_on
        return goes_on

    for folder in dead_journals(root):
        if gave_up:
            return
        try:
            adopt(folder, sink.name)
            ship_dead(folder, sink.fresh(), waits_or_notes)
        except Exception as error:
            report(f"recovery: {type(error).__name__}", "journal %s could not be shipped: %r", folder.name, error)


def tidy(root: Path) -> None:
    """Delete what processes left that died while they made or deleted a journal's folder."""
    for folder in half_folders(root):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > STALE:
                discard(folder)


def ship_dead(folder: Path, sink: Sink, waits: Callable[[float], bool]) -> bool:
    """Ship what a dead process left for this exporter. True when nothing is left for it (or it never was to have any).

    ``waits`` is asked with 0 between batches, and with the seconds to wait after a failure; False gives up for now.
    """
    if not marked(folder):
        return True
    with locks.held(folder / ALIVE, exclusive=False) as free:
        if not free or goes_on(folder):
            return False
        try:
            claim = claim_journal(folder, sink.name)
        except OSError:  # somebody else is at it
            return False
        try:
            if sink.name in cursor_names(folder):
                if not (_ship(folder, sink, waits, claim) and claim.holds()):
                    return False
                CursorFile(sink.name).finish(folder)
        finally:
            claim.let_go()
        if done(folder):
            remove_folder(folder)
    return True


def closing_records(folder: Path) -> tuple[Process | None, list[SpanEnded]]:
    """Who wrote a dead journal, where that can be read, and the ends of what it left open: the same for every exporter
    that asks.
    """
    spans = OpenSpans()
    reader = JournalReader(DiskSegments(folder), Cursor())
    while (batch := reader.read()).end != reader.cursor:
        spans.see(batch.records)
        reader.cursor = batch.end
    return batch.process, list(spans.closing(verdict(batch.process, folder, spans.last_seen)))


def _ship(folder: Path, sink: Sink, waits: Callable[[float], bool], claim: Claim) -> bool:
    cursor_file = CursorFile(sink.name)
    cursor, snapshot = cursor_file.load(folder)
    sink.restore(snapshot)
    reader = JournalReader(DiskSegments(folder), cursor)
    deliverer = Deliverer(sink, folder.parent, waits)
    while True:
        batch = reader.read()
        if unread := batch.damaged + batch.cut:  # of each journal it is told
            kind = f"damaged: {folder.name}"
            report(kind, "%d bytes of journal %s belong to no whole record and were skipped", unread, folder.name)
        if batch.end == reader.cursor:
            process, ends = closing_records(folder)
            return deliverer.deliver(ends, process)
        if not waits(0) or not claim.holds():
            return False
        if batch.records and not deliverer.deliver(batch.records, batch.process):
            return False
        if not claim.holds():  # this process was stopped, and another ships on
            return False
        reader.cursor = batch.end
        with contextlib.suppress(OSError):  # a full disk: the cursor not written down costs a repetition, nothing else
            cursor_file.save(folder, batch.end, sink.snapshot())
