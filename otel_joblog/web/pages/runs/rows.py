"""Runs as rows of the list: what each says in one line, and which columns there is anything in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ....conventions import RunStatus
from ....store.read.models import RunsBeside, RunSummary
from ... import format as words

__all__ = ["OPTIONAL", "Row", "columns", "listed"]

OPTIONAL = ("progress", "steps", "trigger", "host", "reference")
LONG = 1.5  # times the p95: where a bar ends


class Row(NamedTuple):
    run: RunSummary
    kind: str  # of what is said: error, overlong, result, line, or nothing
    about: str
    share: float | None  # of the bar: the duration so far, where the whole is 1.5 times the p95
    p95: float | None  # seconds

    @property
    def mark(self) -> float:
        """Where in the bar the p95 is."""
        return 100 / LONG

    def has(self, column: str) -> bool:
        if column == "progress":
            return self.run.progress is not None and not self.run.status.terminal
        return bool(getattr(self.run, column))


def listed(runs: Sequence[RunSummary], beside: RunsBeside, now: datetime) -> list[Row]:
    return [_row(run, beside, now) for run in runs]


def columns(rows: Sequence[Row]) -> frozenset[str]:
    """Those of :data:`OPTIONAL` that some row has."""
    return frozenset(column for column in OPTIONAL if any(row.has(column) for row in rows))


def _row(run: RunSummary, beside: RunsBeside, now: datetime) -> Row:
    p95 = None if run.status is RunStatus.PENDING else beside.p95.get((run.job, run.service))
    took = (run.ended_at or now) - run.started_at
    share = min(100.0, 100 * max(0.0, took.total_seconds()) / (LONG * p95)) if p95 else None
    return Row(run, *_about(run, beside, now), share, p95)


def _about(run: RunSummary, beside: RunsBeside, now: datetime) -> tuple[str, str]:
    if run.error is not None:
        return "error", ": ".join(filter(None, (run.error.type, run.error.message)))
    if run.status_message:
        return "error" if run.status.failed else "line", run.status_message
    if going_on := words.going_on(run, now):
        return "overlong", going_on
    if run.result:
        return "result", words.facts(run.result)
    return ("line", beside.last_lines[run.run_id]) if run.run_id in beside.last_lines else ("", "")
