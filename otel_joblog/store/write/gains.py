"""What runs gain by a batch: rows that were really inserted, the time they span, the latest progress."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...records import AFTER_END, ELSEWHERE, Line, Progress
from ..columns import Row, bigint, instant

__all__ = ["Gain", "Gains", "RunKey", "add_lines", "gain_row"]

RunKey = tuple[bytes, bytes]  # trace id, span id of the run


@dataclass(slots=True)
class Gain:
    """Times in nanoseconds."""

    first: int | None = None  # of lines and step starts
    last: int | None = None
    lines: int = 0
    bytes: int = 0  # of their messages
    warnings: int = 0
    errors: int = 0
    elsewhere: int = 0
    after_end: int = 0
    after_end_emitted: int = 0  # at least, by the numbers of these
    steps: int = 0
    progress: Progress | None = None
    progressed: int | None = None  # the first progress: a run that is not known yet began no later

    def stretch(self, first: int, last: int) -> None:
        if self.first is None or first < self.first:
            self.first = first
        if self.last is None or last > self.last:
            self.last = last

    def add_progress(self, progress: Progress) -> None:
        if self.progressed is None or progress.time < self.progressed:
            self.progressed = progress.time
        if self.progress is None or _newness(progress) > _newness(self.progress):
            self.progress = progress


Gains = defaultdict[RunKey, Gain]


def add_lines(gains: Gains, lines: Iterable[Line], sizes: Sequence[int]) -> None:
    """Counts lines, all of them new, and the bytes of their messages."""
    trace_id = run = None
    for line, size in zip(lines, sizes, strict=True):
        if line.run != run or line.trace_id != trace_id:  # mostly they come run by run
            trace_id, run = line.trace_id, line.run
            gain = gains[trace_id, run]
        time = line.time
        if gain.first is None or time < gain.first:
            gain.first = time
        if gain.last is None or time > gain.last:
            gain.last = time
        gain.lines += 1
        gain.bytes += size
        if line.severity >= 17:
            gain.errors += 1
        elif line.severity >= 13:
            gain.warnings += 1
        if line.seq >= AFTER_END:
            _add_apart(gain, line.seq)


def _add_apart(gain: Gain, seq: int) -> None:
    if seq >= ELSEWHERE:
        gain.elsewhere += 1
    else:
        gain.after_end += 1
        gain.after_end_emitted = max(gain.after_end_emitted, seq - AFTER_END + 1)


def gain_row(run: RunKey, gain: Gain) -> Row:
    """Of a row what ``touched_runs.sql`` and ``new_runs.sql`` add."""
    progress = gain.progress
    return {
        "trace_id": run[0].hex(),
        "span_id": bigint(run[1]),
        "started_at": instant(min(time for time in (gain.first, gain.progressed) if time is not None)),
        "first_at": None if gain.first is None else instant(gain.first),
        "last_at": None if gain.last is None else instant(gain.last),
        "lines": gain.lines,
        "bytes": gain.bytes,
        "warnings": gain.warnings,
        "errors": gain.errors,
        "lines_elsewhere": gain.elsewhere,
        "lines_after_end": gain.after_end,
        "lines_after_end_emitted": gain.after_end_emitted,
        "steps": gain.steps,
        "progress_at": progress and instant(progress.time),
        "progress_current": progress and progress.current,
        "progress_total": progress and progress.total,
        "progress_unit": progress and progress.unit,
        "progress_since": instant(progress.since) if progress and progress.since else None,
        "progress_base": progress and progress.base,
    }


def _newness(progress: Progress) -> tuple[int, float, float, str]:
    """The order of ``touched_runs.sql``."""
    total = -math.inf if progress.total is None else progress.total
    return progress.time // 1000, progress.current, total, progress.unit
