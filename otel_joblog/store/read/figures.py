"""Jobs in figures: what the statistics tables tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...conventions import RunStatus
from ...records import format_run_id
from ..columns import span_bytes
from ..sql import query
from .keys import after_job, job_key
from .models import DayFigures, ErrorKind, Figures, JobFigures, JobSummary, Page, Statistics
from .search import like

__all__ = ["error_kind", "error_kinds", "jobs", "statistics"]

_RANKED = 10
_OUTCOMES = ("successes", "skipped", "cancelled", "errors", "timeouts", "lost", "retried")  # of a run one

Row = Mapping[str, Any]


async def jobs(
    connection: AsyncConnection[DictRow],
    *,
    after: str | None,
    limit: int,
    days: int,
    job: str | None,
    service: str | None,
    part: str | None,
) -> Page[JobSummary]:
    parameters = {
        "job": job,
        "service": service,
        "part": part and like(part),
        **_within(days),
        "limit": limit + 1,
    }
    rows = await _rows(connection, "read/jobs", parameters | after_job(after))
    following = job_key(rows[limit - 1]["name"], rows[limit - 1]["service"]) if len(rows) > limit else None
    return Page([_job_summary(row, days) for row in rows[:limit]], following)


async def statistics(
    connection: AsyncConnection[DictRow], *, days: int, job: str | None, service: str | None
) -> Statistics:
    within = _within(days)
    since = within["since"]
    parameters = {**within, "job": job, "service": service}
    counts = await _rows(connection, "read/statistics_counts", parameters)
    durations = {row["day"]: row for row in await _rows(connection, "read/statistics_durations", parameters)}
    by_day = {row["day"]: row for row in counts if not row["all_days"]}
    (total,) = [row for row in counts if row["all_days"] and row["all_types"]]
    ranked = await _rows(connection, "read/statistics_jobs", {**within, "limit": _RANKED}) if job is None else []
    return Statistics(
        job=job,
        service=service,
        since=since,
        total=Figures(**_figures(total, durations.get(None))),
        by_day=[
            DayFigures(day=day, **_figures(by_day.get(day), durations.get(day)))
            for day in (since + timedelta(days=number) for number in range(days))
        ],
        by_type={row["type"]: Figures(**_figures(row, None)) for row in counts if not row["all_types"]},
        top_failing=[_job_figures(row) for row in ranked if row["list"] == "failing"],
        slowest=[_job_figures(row) for row in ranked if row["list"] == "slowest"],
        top_errors=await error_kinds(connection, days=days, job=job, service=service, limit=_RANKED),
    )


async def error_kinds(
    connection: AsyncConnection[DictRow], *, days: int, job: str | None, service: str | None, limit: int
) -> list[ErrorKind]:
    parameters = {**_within(days), "job": job, "service": service, "limit": limit}
    return [error_kind(row) for row in await _rows(connection, "read/errors", parameters)]


def _within(days: int) -> dict[str, date]:
    """The first of the last so many days of UTC, today included, and tomorrow: runs from later than that are not meant.

    Clocks of hosts differ, and some are wrong by decades.
    """
    today = datetime.now(UTC).date()
    return {"since": today - timedelta(days=days - 1), "until": today + timedelta(days=1)}


def _job_summary(row: Row, days: int) -> JobSummary:
    return JobSummary(
        job=row["name"],
        service=row["service"],
        type=row["type"] or "",
        schedule=row["schedule"],
        timezone=row["timezone"],
        schedule_problem=row["problem"],
        next_due_at=_utc(row["next_due_at"]),
        last_due_at=_utc(row["last_due_at"]),
        last_due_verdict=row["last_due_verdict"],
        missed_7d=row["missed_7d"],
        open_since=_utc(row["open_since"]),
        owner=row["owner"],
        last_run_id=_run_id(row),
        last_status=None if row["status"] is None else RunStatus.from_code(row["status"]),
        last_run_at=_utc(row["last_run_at"]),
        last_success_at=_utc(row["last_success_at"]),
        failures_in_a_row=row["failures_in_a_row"],
        runs_ever=row["runs"],
        failures_ever=row["failures"],
        average_ever=_average(row["duration_ms"], row["timed"]),
        days=days,
        runs=row["ended"] or 0,
        failures=row["failed"] or 0,
        retried=row["retried"] or 0,
        success_rate=1 - row["failed"] / row["counted"] if row["counted"] else None,
        average=_average(row["recent_ms"], row["recent_timed"]),
        p50=row["p50"],
        p95=row["p95"],
    )


def _figures(counts: Row | None, durations: Row | None) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if counts is not None:
        figures |= {name: counts[name] for name in _OUTCOMES}
        failures = counts["errors"] + counts["timeouts"] + counts["lost"]
        counted = counts["successes"] + failures
        longest = counts["longest_ms"]
        figures |= {
            "runs": sum(counts[name] for name in _OUTCOMES),
            "failures": failures,
            "success_rate": counts["successes"] / counted if counted else None,
            "average": _average(counts["duration_ms"], counts["timed"]),
            "longest": None if longest is None else longest / 1000,
            "average_cpu": _average(counts["cpu_ms"], counts["cpu_runs"]),
            "memory_peak": counts["memory_peak"],
        }
    if durations is not None:
        figures |= {name: durations[name] for name in ("p50", "p95", "p99")}
    return figures


def _job_figures(row: Row) -> JobFigures:
    return JobFigures(
        job=row["name"],
        service=row["service"],
        runs=row["ended"],
        failures=row["failed"],
        retried=row["retried"],
        success_rate=1 - row["failed"] / row["counted"] if row["counted"] else None,
        average=row["average"],
        longest=row["longest"],
    )


def error_kind(row: Row) -> ErrorKind:
    """A row of ``errors.sql`` or ``error_kind.sql``."""
    return ErrorKind(
        error=span_bytes(row["error_group"]).hex(),
        type=row["type"],
        message=row["message"],
        runs=row["runs"],
        first_seen_at=row["first_at"].astimezone(UTC),
        last_seen_at=row["last_at"].astimezone(UTC),
        jobs=row["jobs"],
        number_of_jobs=row["number_of_jobs"],
        last_run_id=_run_id(row),
    )


def _run_id(row: Row) -> str | None:
    return None if row["trace_id"] is None else format_run_id(row["trace_id"].bytes, span_bytes(row["span_id"]))


def _average(milliseconds: Any, number: Any) -> float | None:
    return float(milliseconds) / float(number) / 1000 if number else None


def _utc(at: datetime | None) -> datetime | None:
    return at and at.astimezone(UTC)


async def _rows(connection: AsyncConnection[DictRow], name: str, parameters: Mapping[str, Any]) -> list[DictRow]:
    return await (await connection.execute(query(name), parameters)).fetchall()
