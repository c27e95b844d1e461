"""A batch of records, sorted by what becomes of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from ...conventions import RunStatus, SpanKind
from ...records import NO_RUN, Dropped, Line, Process, Progress, Queued, Record, Sample, SpanEnded, SpanStarted, Told
from ..columns import Row
from ..samples import Thinning, thinnings
from .gains import Gain, Gains
from .rows import Step, gap_row, process_row, queued_row, run_row, sample_row

__all__ = ["Batch"]

Span = SpanStarted | SpanEnded

_DAY = 86_400 * 10**9
_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class Batch:
    """Rows by table, a run or step once; lines and steps as they came; and the progress of runs."""

    processes: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    samples: list[Row] = field(default_factory=list)
    thinnings: list[Thinning] = field(default_factory=list)  # of samples of runs
    orphans: list[tuple[bytes, int]] = field(default_factory=list)  # runs whose parent is no run: trace and start
    days: set[date] = field(default_factory=set)  # that lines, steps and samples fall on

    @classmethod
    def of(cls, records: Iterable[Record], process: Process | None) -> Batch:
        """Sorts the records; ``process`` speaks until a Process record names another."""
        batch = cls()
        spans: dict[tuple[bytes, bytes, int], tuple[Span, Process | None]] = {}
        samples: list[Sample] = []
        queued: dict[tuple[bytes, bytes], Queued] = {}
        processes: dict[bytes, Process] = {}

        def take(records: Iterable[Record], process: Process | None) -> None:
            for record in records:
                if isinstance(record, Line):
                    batch.lines.append(record)
                elif isinstance(record, Progress):
                    batch.progress.append(record)
                elif isinstance(record, Process):
                    process = record
                    if record.process_id not in processes or record.boot_id:
                        processes[record.process_id] = record
                elif isinstance(record, Sample):
                    samples.append(record)
                elif isinstance(record, Dropped):
                    batch.gaps.append(gap_row(record))
                elif isinstance(record, Queued):
                    queued[record.trace_id, record.run] = record
                elif isinstance(record, Told):
                    take([record.process, *record.records], None)
                else:
                    # An end makes its start superfluous.
                    key = (record.trace_id, record.span_id, 0 if record.kind is SpanKind.JOB else record.start)
                    if key not in spans or _weight(record) > _weight(spans[key][0]):
                        spans[key] = record, process

        take(records, process)
        for span, speaker in spans.values():
            if span.kind is SpanKind.JOB:
                batch.runs.append(run_row(span, speaker))
                if span.parent_id is not None and span.parent_run is None:
                    batch.orphans.append((span.trace_id, span.start))
            else:
                batch.steps.append((span, speaker))
                batch.days.add(_day(span.start // _DAY))
        batch.runs += [queued_row(record) for run, record in queued.items() if (*run, 0) not in spans]
        batch.processes = [process_row(process) for process in processes.values()]
        batch.samples = [sample_row(sample) for sample in samples]
        batch.thinnings = thinnings(samples)
        days = {line.time // _DAY for line in batch.lines} | {sample.time // _DAY for sample in samples}
        batch.days |= {_day(number) for number in days}
        return batch

    def progress_gains(self) -> Gains:
        """What runs gain by the batch's progress alone: new ones each time, to add to."""
        gains: Gains = defaultdict(Gain)
        for progress in self.progress:
            if all(map(math.isfinite, (progress.current, progress.total or 0, progress.base))):
                gains[progress.trace_id, progress.run].add_progress(progress)
        return gains


def _weight(span: Span) -> tuple[int, bool]:
    return _finality(span), span.run != NO_RUN


def _finality(span: Span) -> int:
    """As ``joblog.finality`` in the schema."""
    if isinstance(span, SpanStarted) or not span.status.terminal:
        return 1
    return 2 if span.status is RunStatus.LOST else 3


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)
