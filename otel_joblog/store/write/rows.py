"""Spans and processes as rows: the attributes that have a column find it, whatever type they came in.

Rows are dicts by column name, ready for JSON; the server reads them by ``jsonb_populate_recordset``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ...conventions import PREVIOUS_ATTEMPT, Attribute, RunStatus, SpanKind
from ...records import Dropped, Process, Queued, Sample, SpanEnded, SpanEvent, SpanLink, SpanStarted
from ..columns import Row, below, bigint, instant, told_instant
from ..encoding import without_zero
from ..errorgroups import ErrorGroup

__all__ = [
    "Step",
    "event_rows",
    "failure",
    "gap_row",
    "link_rows",
    "process_row",
    "queued_row",
    "run_row",
    "sample_row",
    "step_row",
    "step_seq",
]

Span = SpanStarted | SpanEnded
Step = tuple[Span, Process | None]  # and who tells it

_RUN_ID = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})")
# Bytes of what is in an index, whose entries take 2,700 all together (joblog.job_hour has service, type and trigger
# beside the name). What is longer says so, and is whole in the attributes or the resource.
_NAME, _SERVICE, _WORD = 1_000, 500, 200
_SMALLINT, _INT, _BIGINT = 2**15 - 1, 2**31 - 1, 2**63 - 1


def process_row(process: Process) -> Row:
    return {
        "process_id": process.process_id.hex(),
        "started_at": instant(process.started),
        "pid": process.pid,
        "host": process.host,
        "boot_id": process.boot_id,
        "service": _bounded(process.service, _SERVICE),
        "resource": process.resource or None,
    }


def run_row(span: Span, process: Process | None) -> Row:
    """A run as it began or as it ended."""
    get = span.attributes.get
    common = _common(span)
    group = ErrorGroup.of_run(common)
    return {
        **common,
        "error_group": group and group.number,
        "parent_run_span_id": bigint(span.parent_run),
        **_speaker(span, process),
        "lines_emitted": span.lines if isinstance(span, SpanEnded) else None,
        "steps_emitted": _int(span.steps) if isinstance(span, SpanEnded) else None,
        "expected_s": _float(get(Attribute.EXPECTED)),
        "exit_code": _int(get(Attribute.EXIT_CODE)),
        "attempt": _int(get(Attribute.ATTEMPT), most=_SMALLINT) or 1,
        "max_attempts": _int(get(Attribute.MAX_ATTEMPTS), most=_SMALLINT),
        **_previous_attempt(span),
        "queued_at": told_instant(get(Attribute.QUEUED_AT)),
        **_job_name(span),
        "type": _bounded(get(Attribute.JOB_TYPE), _WORD) or "",
        "trigger": _bounded(get(Attribute.TRIGGER), _WORD) or "",
        "reference": _bounded(get(Attribute.REFERENCE), _NAME),
        "owner": _text(get(Attribute.OWNER)),
        "schedule": _text(get(Attribute.SCHEDULE)),
        "returned": _text(get(Attribute.RETURNED)),
        "result": below(Attribute.RESULT, span.attributes) or None,
    }


def queued_row(queued: Queued) -> Row:
    """A run that waits. Nobody speaks for it: whoever starts it has it."""
    get = queued.attributes.get
    queued_at = instant(queued.time)
    return {
        "trace_id": queued.trace_id.hex(),
        "span_id": bigint(queued.run),
        "started_at": queued_at,
        "queued_at": queued_at,
        "status": RunStatus.PENDING.code,
        "status_message": "",
        "attempt": 1,
        "name": _bounded(queued.name, _NAME) or "",
        "type": _bounded(get(Attribute.JOB_TYPE), _WORD) or "",
        "trigger": _bounded(get(Attribute.TRIGGER), _WORD) or "",
        "service": _bounded(queued.service, _SERVICE) or "",
        "host": "",
        "reference": _bounded(get(Attribute.REFERENCE), _NAME),
        "attributes": queued.attributes or None,
        "links": link_rows(queued.links),
    }


def _job_name(span: Span) -> Row:
    """And the attributes, with the name of the span where that is the job's and too long for the column."""
    told = _bounded(span.attributes.get(Attribute.JOB_NAME), _NAME)
    name = told or _bounded(span.name, _NAME) or ""
    whole = {} if told or name == span.name else {Attribute.JOB_NAME: span.name}
    return {"name": name, "attributes": {**span.attributes, **whole}} if whole else {"name": name}


def _previous_attempt(span: Span) -> Row:
    """The run that it says was the attempt before, by an attribute or a link that is marked so."""
    if match := _RUN_ID.fullmatch(str(span.attributes.get(Attribute.PREVIOUS_ATTEMPT, ""))):
        return {"previous_trace_id": match[1], "previous_span_id": bigint(bytes.fromhex(match[2]))}
    for link in span.links if isinstance(span, SpanEnded) else ():
        if link.attributes.get(Attribute.LINK) == PREVIOUS_ATTEMPT:
            return {"previous_trace_id": link.trace_id.hex(), "previous_span_id": bigint(link.span_id)}
    return {}


def step_row(span: Span, process: Process | None) -> Row:
    """A step or another span, as it began or as it ended."""
    ended = span if isinstance(span, SpanEnded) else None
    return {
        **_common(span),
        "run_span_id": bigint(span.run),
        "process_id": process and process.process_id.hex(),
        "seq": step_seq(span),
        "kind": int(span.kind is not SpanKind.STEP),
        "otel_kind": ended.otel_kind if ended else 0,
        "scope": ended.scope if ended else "",
        "name": span.name,
        "stage": _text(span.attributes.get(Attribute.STAGE)),
        "task_id": _text(span.attributes.get(Attribute.TASK_ID)),
    }


def step_seq(span: Span) -> int:
    return _int(span.seq, most=_BIGINT) or 0


def sample_row(sample: Sample) -> Row:
    return {
        "ts": instant(sample.time),
        "trace_id": sample.trace_id.hex(),
        "run_span_id": bigint(sample.run),
        "seq": _int(sample.seq),
        "memory": _int(sample.memory, most=_BIGINT),
        "cpu_s": _float(sample.cpu) or 0.0,
    }


def gap_row(dropped: Dropped) -> Row:
    return {
        "trace_id": dropped.trace_id.hex(),
        "run_span_id": bigint(dropped.run),
        "at_ns": dropped.time,
        "lines": dropped.lines,
        "reason": _bounded(dropped.reason, _NAME),
    }


def _common(span: Span) -> Row:
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": bigint(span.span_id),
        "parent_span_id": bigint(span.parent_id),
        "started_at": instant(span.start),
        "attributes": span.attributes or None,
        **(_outcome(span) if isinstance(span, SpanEnded) else _OPEN),
    }


_ERROR = ("error_type", "error_message", "error_stacktrace")
_OPEN: Row = {"status": RunStatus.RUNNING.code, "status_message": ""}


def _outcome(span: SpanEnded) -> Row:
    error, events = failure(span)
    return {
        "ended_at": instant(span.end),
        "status": span.status.code,
        "status_message": span.message,
        **dict(zip(_ERROR, error, strict=True)),
        "events": event_rows(events),
        "links": link_rows(span.links),
    }


def failure(span: SpanEnded) -> tuple[tuple[str | None, str | None, str | None], Sequence[SpanEvent]]:
    """What a span failed by (type, message, stack trace), and the other events.

    It is the last exception of a span that did not end well, which then is no event any more, so as not to be kept
    twice; an exception that a span survived stays an event.
    """
    get = span.attributes.get
    events = span.events
    if events and (span.status.failed or span.status is RunStatus.CANCELLED):
        for place in reversed(range(len(events))):
            if events[place].name == "exception":
                get = {**span.attributes, **events[place].attributes}.get
                events = [*events[:place], *events[place + 1 :]]
                break
    error = (
        _text(get(Attribute.EXCEPTION_TYPE)) or _text(get(Attribute.ERROR_TYPE)),
        _text(get(Attribute.EXCEPTION_MESSAGE)),
        _text(get(Attribute.EXCEPTION_STACKTRACE)),
    )
    return error, events


def event_rows(events: Iterable[SpanEvent]) -> list[Row] | None:
    return [_event(event) for event in events] or None


def link_rows(links: Iterable[SpanLink]) -> list[Row] | None:
    return [_link(link) for link in links] or None


def _event(event: SpanEvent) -> Row:
    return {"time": instant(event.time), "name": event.name, "attributes": event.attributes}


def _link(link: SpanLink) -> Row:
    return {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": link.attributes}


def _speaker(span: Span, process: Process | None) -> Row:
    if process is not None:
        return {
            "process_id": process.process_id.hex(),
            "service": _bounded(process.service, _SERVICE),
            "host": process.host,
            "pid": process.pid,
            "resource": process.resource or None,
        }
    get = span.attributes.get
    return {
        "service": _bounded(get(Attribute.SERVICE_NAME), _SERVICE) or "",
        "host": _text(get(Attribute.HOST_NAME)) or "",
        "pid": _int(get(Attribute.PROCESS_PID)),
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _bounded(value: Any, most: int) -> str | None:
    """The text, of no more than so many bytes: a longer one ends in ``… (12,431 characters)``."""
    if value is None:
        return None
    text = without_zero(str(value))
    if 4 * len(text) <= most or len(encoded := text.encode()) <= most:
        return text
    remark = f"… ({len(text):,} characters)"
    return encoded[: most - len(remark.encode())].decode(errors="ignore") + remark


def _int(value: Any, *, most: int = _INT) -> int | None:
    try:
        return max(-most, min(most, int(value)))
    except (TypeError, ValueError, OverflowError):
        return None


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
