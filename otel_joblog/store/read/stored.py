"""Rows as the records that make them: what :mod:`.rows` does, the other way round.

Records made of a store's rows and written to another give the same rows there.
"""

from __future__ import annotations

from typing import Any

from ...conventions import Attribute, RunStatus, SpanKind
from ...records import Dropped, Line, Process, Progress, Queued, Sample, SpanEnded, SpanEvent, SpanLink, SpanStarted
from ..columns import Row, nanoseconds, span_bytes

__all__ = ["gap_of", "line_of", "process_of", "progress_of", "queued_of", "run_of", "sample_of", "step_of"]

_ERROR = {
    "error_type": Attribute.EXCEPTION_TYPE,
    "error_message": Attribute.EXCEPTION_MESSAGE,
    "error_stacktrace": Attribute.EXCEPTION_STACKTRACE,
}


def process_of(run: Row) -> Process | None:
    """Who spoke of this run; None where only its attributes say so."""
    if run["process_id"] is None:
        return None
    started = run["process_started_at"] or run["started_at"]
    return Process(
        run["process_id"].bytes,
        nanoseconds(started),
        run["pid"] or 0,
        run["host"],
        run["process_boot_id"] or "",
        run["service"],
        run["resource"] or {},
    )


def run_of(run: Row) -> SpanStarted | SpanEnded:
    parent_run = run["parent_run_span_id"]
    return _span(
        run,
        kind=SpanKind.JOB,
        run_span_id=run["span_id"],
        parent_run=None if parent_run is None else span_bytes(parent_run),
        seq=0,
        lines=run["lines_emitted"] or 0,
        steps=run["steps_emitted"] or 0,
    )


def queued_of(run: Row) -> Queued:
    return Queued(
        run["trace_id"].bytes,
        span_bytes(run["span_id"]),
        nanoseconds(run["queued_at"] or run["started_at"]),
        run["name"],
        run["service"],
        run["attributes"] or {},
        _links(run),
    )


def step_of(step: Row) -> SpanStarted | SpanEnded:
    kind = SpanKind.STEP if step["kind"] == 0 else SpanKind.SPAN
    return _span(
        step,
        kind=kind,
        run_span_id=step["run_span_id"],
        parent_run=None,
        seq=step["seq"],
        otel_kind=step["otel_kind"],
        scope=step["scope"],
    )


def line_of(line: Row) -> Line:
    return Line(
        line["trace_id"].bytes,
        span_bytes(line["run_span_id"]),
        span_bytes(line["span_id"]),
        nanoseconds(line["ts"]),
        line["seq"],
        line["severity"],
        line["stream"],
        line["logger"],
        line["message"],
        line["attributes"],
    )


def gap_of(gap: Row) -> Dropped:
    return Dropped(gap["trace_id"].bytes, span_bytes(gap["run_span_id"]), gap["at_ns"], gap["lines"], gap["reason"])


def progress_of(run: Row) -> Progress | None:
    if run["progress_at"] is None:
        return None
    run_span_id = span_bytes(run["span_id"])
    return Progress(
        run["trace_id"].bytes,
        run_span_id,
        run_span_id,
        nanoseconds(run["progress_at"]),
        run["progress_current"],
        run["progress_total"],
        run["progress_unit"] or "",
        0 if run["progress_since"] is None else nanoseconds(run["progress_since"]),
        run["progress_base"] or 0.0,
    )


def sample_of(sample: Row, run: Row) -> Sample:
    return Sample(
        sample["trace_id"].bytes,
        span_bytes(sample["run_span_id"]),
        nanoseconds(sample["ts"]),
        sample["seq"],
        sample["memory"],
        sample["cpu_s"],
        nanoseconds(run["started_at"]),
    )


def _span(
    row: Row,
    *,
    kind: SpanKind,
    run_span_id: int,
    parent_run: bytes | None,
    seq: int,
    otel_kind: int = 0,
    scope: str = "",
    lines: int = 0,
    steps: int = 0,
) -> SpanStarted | SpanEnded:
    parent = row["parent_span_id"]
    common: dict[str, Any] = {
        "kind": kind,
        "trace_id": row["trace_id"].bytes,
        "span_id": span_bytes(row["span_id"]),
        "parent_id": None if parent is None else span_bytes(parent),
        "run": span_bytes(run_span_id),
        "parent_run": parent_run,
        "start": nanoseconds(row["started_at"]),
        "name": row["name"],
        "seq": seq,
        "attributes": row["attributes"] or {},
    }
    if row["ended_at"] is None:
        return SpanStarted(**common)
    return SpanEnded(
        **common,
        end=nanoseconds(row["ended_at"]),
        status=RunStatus.from_code(row["status"]),
        message=row["status_message"],
        events=_events(row),
        links=_links(row),
        otel_kind=otel_kind,
        scope=scope,
        sampled=True,
        lines=lines,
        steps=steps,
    )


def _events(row: Row) -> list[SpanEvent]:
    events = [SpanEvent(_time(event["time"]), event["name"], event["attributes"]) for event in row["events"] or []]
    error = {attribute: row[column] for column, attribute in _ERROR.items() if row[column] is not None}
    if error and (RunStatus.from_code(row["status"]).failed or row["status"] == RunStatus.CANCELLED.code):
        events.append(SpanEvent(nanoseconds(row["ended_at"]), "exception", error))
    return events


def _links(row: Row) -> list[SpanLink]:
    return [
        SpanLink(bytes.fromhex(link["trace_id"]), bytes.fromhex(link["span_id"]), link["attributes"])
        for link in row["links"] or []
    ]


def _time(text: str) -> int:
    from datetime import datetime

    return nanoseconds(datetime.fromisoformat(text))
