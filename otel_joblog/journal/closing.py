"""Closing records: the ends of runs and steps that their process did not live to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..conventions import Attribute, RunStatus, SpanKind
from ..records import AFTER_END, Line, Process, Progress, Record, Sample, SpanEnded, SpanEvent, SpanStarted
from .crash import Verdict

__all__ = ["OpenSpans"]


class OpenSpans:
    """Follows the records of one journal and knows what is open where they end."""

    def __init__(self) -> None:
        self._open: dict[bytes, SpanStarted] = {}
        self._lines: dict[bytes, int] = {}  # by run: the highest number of a line
        self._steps: dict[bytes, int] = {}
        self.last_seen = 0  # the time of the last record, in ns

    def see(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record, Line):
                if self._lines.get(record.run, 0) < record.seq < AFTER_END:
                    self._lines[record.run] = record.seq
                self.last_seen = max(self.last_seen, record.time)
            elif isinstance(record, SpanStarted):
                self._open[record.span_id] = record
                self._lines[record.run] = max(self._lines.get(record.run, 0), record.lines)
                self._steps[record.run] = max(self._steps.get(record.run, 0), record.seq)
                self.last_seen = max(self.last_seen, record.start)
            elif isinstance(record, SpanEnded):
                self._open.pop(record.span_id, None)
                self.last_seen = max(self.last_seen, record.end)
            elif isinstance(record, Progress | Sample):
                self.last_seen = max(self.last_seen, record.time)
            elif isinstance(record, Process):
                self.last_seen = max(self.last_seen, record.started)

    def closing(self, verdict: Verdict) -> Iterator[SpanEnded]:
        """What is open, ended as ``lost`` at the last sign of life: the innermost first, as it would have ended."""
        self.last_seen = max(self.last_seen, verdict.last_seen)
        for started in reversed(self._open.values()):
            yield self._ended(started, verdict)

    def _ended(self, started: SpanStarted, verdict: Verdict) -> SpanEnded:
        end = max(self.last_seen, started.start)
        attributes = started.attributes | {
            Attribute.STATUS: RunStatus.LOST.value,
            Attribute.STATUS_MESSAGE: verdict.words,
            Attribute.ERROR_TYPE: RunStatus.LOST.value,
        }
        lines = steps = 0
        if started.kind is SpanKind.JOB:
            lines = attributes[Attribute.LINES] = self._lines.get(started.run, 0)
            steps = attributes[Attribute.STEPS] = self._steps.get(started.run, 0)
        events = []
        if verdict.traceback:
            described = {
                Attribute.EXCEPTION_TYPE: RunStatus.LOST.value,
                Attribute.EXCEPTION_MESSAGE: verdict.words,
                Attribute.EXCEPTION_STACKTRACE: verdict.traceback,
            }
            events.append(SpanEvent(end, "exception", described))
        return SpanEnded(
            kind=started.kind,
            trace_id=started.trace_id,
            span_id=started.span_id,
            parent_id=started.parent_id,
            run=started.run,
            parent_run=started.parent_run,
            start=started.start,
            name=started.name,
            seq=started.seq,
            attributes=attributes,
            end=end,
            status=RunStatus.LOST,
            message=verdict.words,
            events=events,
            links=[],
            otel_kind=0,
            scope="otel_joblog",
            sampled=started.sampled,
            lines=lines,
            steps=steps,
        )
