"""What was before: the runs of a job around one of them, and failures of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...conventions import RunStatus
from ...records import format_run_id
from ..columns import span_bytes
from .asking import resolve, rows
from .figures import error_kind
from .models import ErrorKind, UsualDuration

__all__ = ["PastRun", "run_history", "same_error", "usual_duration"]

_RUNS = 50
_LATER = 10


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its job's history shows it."""

    run_id: str
    status: RunStatus
    retried: bool  # it failed, and another attempt followed
    started_at: datetime
    ended_at: datetime | None
    duration: float | None  # seconds
    lines: int
    message: str  # of its error or status, its first 200 characters


async def run_history(connection: AsyncConnection[DictRow], run_id: str) -> list[PastRun]:
    """50 runs of its job and service by start, the run and ten later ones at most among them."""
    key = await resolve(connection, run_id)
    found = await rows(connection, "read/history", {**key, "before": _RUNS, "after": _LATER})
    found.sort(key=lambda row: (row["started_at"], row["trace_id"], row["span_id"]))
    return [_past_run(row) for row in found[-_RUNS:]]


async def same_error(connection: AsyncConnection[DictRow], run_id: str) -> ErrorKind | None:
    """The kind of failure that a run is one of, with the latest run before it; None of a run that did not fail."""
    key = await resolve(connection, run_id)
    found = await rows(connection, "read/error_kind", key)
    return error_kind(found[0]) if found else None


def usual_duration(runs: Sequence[PastRun], started_at: datetime) -> UsualDuration | None:
    """How long the successes among these took that began before."""
    seconds = sorted(
        run.duration
        for run in runs
        if run.status is RunStatus.SUCCESS and run.duration is not None and run.started_at < started_at
    )
    if not seconds:
        return None
    return UsualDuration(len(seconds), _percentile(seconds, 0.5), _percentile(seconds, 0.95))


def _percentile(ascending: Sequence[float], part: float) -> float:
    place = part * (len(ascending) - 1)
    low = int(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (place - low)


def _past_run(row: DictRow) -> PastRun:
    status = RunStatus.from_code(row["status"])
    started_at = row["started_at"].astimezone(UTC)
    ended_at = row["ended_at"] and row["ended_at"].astimezone(UTC)
    return PastRun(
        run_id=format_run_id(row["trace_id"].bytes, span_bytes(row["span_id"])),
        status=status,
        retried=status.failed and row["followed"],
        started_at=started_at,
        ended_at=ended_at,
        duration=(ended_at - started_at).total_seconds() if ended_at else None,
        lines=row["lines"],
        message=row["message"] or "",
    )
