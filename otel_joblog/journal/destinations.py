"""Destinations: a journal is bound to those of the process that wrote it, by the names of its cursors.

Where a process is set up anew, for another database or without the collector, what it wrote before still waits for the
old ones. It is told here what waits for which; :mod:`.bindings` sends it elsewhere or gives it up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ..conventions import SpanKind
from ..records import SpanStarted, format_run_id
from .backlog import Backlog, backlog
from .cursors import CursorFile, cursor_names
from .folders import journal_folders
from .reader import Cursor, JournalReader
from .recovery import dead_journals
from .segments import LivingSegments

__all__ = ["WaitingRun", "bound_to", "foreign", "runs_waiting"]

MOST_BYTES = 4 * 1024**2  # read to name the runs that wait for a destination


class WaitingRun(msgspec.Struct, frozen=True):
    """A run of which something waits."""

    run_id: str
    job: str
    started: float  # seconds since the epoch


def foreign(root: Path, here: set[str]) -> list[Backlog]:
    """The backlogs that none of the exporters ``here`` will take."""
    return [behind for behind in backlog(root) if behind.exporter not in here and behind.bytes]


def bound_to(root: Path, exporter: str) -> tuple[list[Path], int]:
    """Dead journals that wait for it, oldest first, and how many of the living do. OSError where the look fails."""
    every = [folder for folder in journal_folders(root) if exporter in cursor_names(folder)]
    dead = set(dead_journals(root))
    return [folder for folder in every if folder in dead], sum(folder not in dead for folder in every)


def runs_waiting(root: Path, exporter: str, most: int) -> tuple[list[WaitingRun], bool]:
    """Up to ``most`` runs of which something waits, oldest first, and whether there may be more."""
    found: dict[bytes, WaitingRun] = {}
    read = 0
    for folder in journal_folders(root):
        with contextlib.suppress(OSError):
            if exporter not in cursor_names(folder):
                continue
            for start, size in _starts(folder, CursorFile(exporter).load(folder)[0]):
                read += size
                if start is not None:
                    run_id = format_run_id(start.trace_id, start.span_id)
                    found.setdefault(start.span_id, WaitingRun(run_id, start.name, start.start / 1e9))
                if len(found) > most or read > MOST_BYTES:
                    return list(found.values())[:most], True
    return list(found.values()), False


def _starts(folder: Path, cursor: Cursor) -> Iterator[tuple[SpanStarted | None, int]]:
    """The starts of runs behind the cursor, and among them what has been read, in bytes. What a run that began before
    it went on with is in the head of the segment.
    """
    reader = JournalReader(LivingSegments(folder), Cursor(cursor.segment, 0))
    while (batch := reader.read()).end != reader.cursor:
        for record in batch.records:
            if isinstance(record, SpanStarted) and record.kind is SpanKind.JOB:
                yield record, 0
        yield None, max(batch.end.offset - reader.cursor.offset, 1)
        reader.cursor = batch.end
