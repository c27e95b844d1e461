"""What an import brings back past its retention stays for one retention more: else the next clean-up would take it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from ...conventions import SpanKind
from ...records import Line, Record, SpanEnded, SpanStarted
from ..columns import instant
from ..write.writer import Writer
from .retention import Policy, Retention

__all__ = ["Holds"]

RunKey = tuple[bytes, bytes]


class Holds:
    """Holds the runs of an archive, as far as they would go: each before anything of it is written.

    ``runs`` is how many they were so far, ``until`` the day up to which they stay. It knows of one run at a time, as an
    archive has them one after the other, each with itself before its lines; so memory stays flat.
    """

    def __init__(self, writer: Writer, retention: Retention) -> None:
        self._writer = writer
        self._policy: Policy | None = retention.policy()
        self.until: date = datetime.now(UTC).date() + timedelta(days=retention.runs or 0)
        self.runs = 0
        self._latest: RunKey | None = None

    def cover(self, batch: Sequence[Record]) -> None:
        """Holds the runs of a batch. Raises as :meth:`Writer.write`."""
        if self._policy is None:
            return
        old: dict[RunKey, None] = {}
        for record in batch:
            if isinstance(record, SpanStarted | SpanEnded | Line) and (key := self._run(record)) != self._latest:
                self._latest = key
                if self._is_due(record, self._policy):
                    old[key] = None
        self.runs += len(old)
        self._writer.hold(old, self.until)

    @staticmethod
    def _run(record: SpanStarted | SpanEnded | Line) -> RunKey:
        return record.trace_id, record.run

    @staticmethod
    def _is_due(record: SpanStarted | SpanEnded | Line, policy: Policy) -> bool:
        """By what is told of a run first: itself, or of one that nobody saw begin a step or line."""
        if isinstance(record, SpanEnded) and record.kind is SpanKind.JOB:
            before = policy.failures_before if record.status.failed else policy.before
            return instant(record.end).date() < before
        return instant(record.time if isinstance(record, Line) else record.start).date() < policy.before
