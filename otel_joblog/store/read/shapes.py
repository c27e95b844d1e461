"""Rows as the shapes of ``models.py``. Rows are dicts by column name, as the queries of ``sql/read`` return them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...conventions import RunStatus, Severity, Stream
from ..samples import MOST
from .completeness import emitted, missing
from .keys import span_hex
from .liveness import last_heard, last_seen, overlong, remark
from .models import ErrorInfo, FoundLine, LogLine, ProgressInfo, RunSummary, SampleInfo, StepInfo, UsualDuration
from .places import NOWHERE, Place

__all__ = ["error_info", "found_line", "log_line", "run_summary", "sample_infos", "step_info"]

Row = Mapping[str, Any]


def run_summary(row: Row) -> RunSummary:
    """A row of ``runs.sql`` or ``run.sql``."""
    started_at = row["started_at"].astimezone(UTC)
    return RunSummary(
        run_id=_run_id(row, row["span_id"]),
        name=f"{started_at:%Y%m%d%H%M%S}" + (f"_{row['twin']}" if row["twin"] else ""),
        job=row["name"],
        status=RunStatus.from_code(row["status"]),
        status_message=row["status_message"],
        remark=remark(row),
        last_seen=last_seen(row),
        last_heard=last_heard(row),
        usual=_usual(row),
        overlong=overlong(row),
        **_queued(row),
        **_times(row),
        type=row["type"],
        trigger=row["trigger"],
        reference=row["reference"],
        owner=row["owner"],
        schedule=row["schedule"],
        expected=row["expected_s"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        **_attempts(row),
        service=row["service"],
        host=row["host"],
        pid=row["pid"],
        progress=_progress(row),
        lines=row["lines"],
        bytes=row["bytes"],
        lines_elsewhere=row["lines_elsewhere"],
        lines_after_end=row["lines_after_end"],
        lines_emitted=emitted(row),
        missing=missing(row),
        warnings=row["warnings"],
        errors=row["errors"],
        steps=row["steps"],
        parent_run=None if row["parent_run_span_id"] is None else _run_id(row, row["parent_run_span_id"]),
        exit_code=row["exit_code"],
        result=dict(sorted((row["result"] or {}).items())),
        error=error_info(row, stacktrace=False),
        cut=row["cut"],
    )


def step_info(row: Row) -> StepInfo:
    """A row of ``steps.sql`` or ``step.sql``."""
    return StepInfo(
        span_id=span_hex(row["span_id"]),
        parent_id=None if row["parent_span_id"] is None else span_hex(row["parent_span_id"]),
        kind="span" if row["kind"] else "step",
        name=row["name"],
        service=row["service"],
        seq=row["seq"],
        stage=row["stage"],
        task_id=row["task_id"],
        status=RunStatus.from_code(row["status"]),
        status_message=row["status_message"],
        **_times(row),
        error=error_info(row),
        attributes=row["attributes"] or {},
        cut=row["cut"],
    )


def log_line(row: Row, place: Place | None) -> LogLine:
    """A row of ``lines.sql``, ``last_lines.sql`` or ``search_lines.sql``; without a place, one of the run itself."""
    place = place or NOWHERE
    return LogLine(
        time=row["ts"].astimezone(UTC),
        seq=row["seq"],
        span_id=span_hex(row["span_id"]),
        step=place.step,
        stage=place.stage,
        task_id=place.task_id,
        severity=row["severity"],
        level=Severity.label(row["severity"]),
        stream=Stream(row["stream"]).name.lower(),
        logger=row["logger"],
        message=row["message"],
        attributes=row["attributes"] or {},
    )


def sample_infos(rows: Sequence[Row], started_at: datetime) -> list[SampleInfo]:
    """Rows of ``samples.sql``, thinned out where there are more than are kept."""
    samples: list[SampleInfo] = []
    before, cpu_s = started_at, 0.0
    for row in rows[:: -(-len(rows) // MOST) or 1]:
        at: datetime = row["ts"].astimezone(UTC)
        seconds = (at - before).total_seconds()
        if seconds > 0:
            samples.append(SampleInfo(at, row["memory"], round(max(0.0, row["cpu_s"] - cpu_s) / seconds, 3)))
        before, cpu_s = at, row["cpu_s"]
    return samples


def found_line(row: Row, run: Row | None, place: Place | None) -> FoundLine:
    """A row of ``search_lines.sql`` with that of ``found_runs.sql``."""
    return FoundLine(
        run_id=_run_id(row, row["run_span_id"]),
        job=run["name"] if run else "",
        service=run["service"] if run else "",
        status=RunStatus.from_code(run["status"]) if run else None,
        line=log_line(row, place),
        cut=row["cut"],
    )


def error_info(row: Row, *, stacktrace: bool = True) -> ErrorInfo | None:
    if row["error_type"] is None and row["error_message"] is None:
        return None
    return ErrorInfo(
        type=row["error_type"] or "",
        message=row["error_message"] or row["status_message"] or "",
        stacktrace=row["error_stacktrace"] if stacktrace else None,
    )


def _attempts(row: Row) -> dict[str, Any]:
    """Of an execution of which several attempts are known; the one before is only said, until it was found."""
    first, own, before, after = (
        None if row[f"{which}trace_id"] is None else f"{row[f'{which}trace_id'].hex}-{span_hex(row[f'{which}span_id'])}"
        for which in ("first_", "", "previous_", "next_")
    )
    return {
        "retried": after is not None and RunStatus.from_code(row["status"]).failed,
        "previous_attempt": None if first in (None, own) else before,
        "next_attempt": after,
        "execution": first,
    }


def _usual(row: Row) -> UsualDuration | None:
    if not row["usual_successes"]:
        return None
    return UsualDuration(row["usual_successes"], row["usual_p50_s"], row["usual_p95_s"])


def _queued(row: Row) -> dict[str, Any]:
    if row["queued_at"] is None:
        return {"queued_at": None, "queue_delay": None}
    waited = max(0.0, (row["started_at"] - row["queued_at"]).total_seconds())  # two clocks
    pending = RunStatus.from_code(row["status"]) is RunStatus.PENDING
    return {"queued_at": row["queued_at"].astimezone(UTC), "queue_delay": None if pending else waited}


def _times(row: Row) -> dict[str, Any]:
    started_at: datetime = row["started_at"].astimezone(UTC)
    ended_at: datetime | None = row["ended_at"] and row["ended_at"].astimezone(UTC)
    duration = (ended_at - started_at).total_seconds() if ended_at else None
    return {"started_at": started_at, "ended_at": ended_at, "duration": duration}


def _progress(row: Row) -> ProgressInfo | None:
    if row["progress_current"] is None:
        return None
    current, total, at = row["progress_current"], row["progress_total"], row["progress_at"]
    going = not RunStatus.from_code(row["status"]).terminal
    rate = None
    if row["progress_since"] is not None:
        # Of an open run until now: where nothing moves any more, the rate falls and the rest takes longer.
        seconds = ((max(at, row["clock"]) if going else at) - row["progress_since"]).total_seconds()
        gained = current - (row["progress_base"] or 0.0)
        rate = gained / seconds if seconds > 0 and gained > 0 else None
    return ProgressInfo(
        current=current,
        total=total,
        unit=row["progress_unit"] or "",
        percent=max(0.0, min(100.0, 100.0 * current / total)) if total else None,
        rate=rate,
        left=max(0.0, total - current) / rate if going and rate and total is not None else None,
    )


def _run_id(row: Row, span_id: int) -> str:
    return f"{row['trace_id'].hex}-{span_hex(span_id)}"
