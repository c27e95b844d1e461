"""Records for the tests of the store: one day in the past hour, ids by number."""

from __future__ import annotations

import time
from typing import Any

from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.records import Line, Process, Progress, SpanEnded, SpanStarted, format_run_id

NOW = time.time_ns() // 1000 * 1000 - 60 * 10**9
SECOND = 10**9

PROCESS = Process(b"p" * 16, NOW, 4711, "host-1", "boot-1", "billing", {"service.name": "billing"})


def trace(number: int) -> bytes:
    return bytes([0xAB, 0xCD, *number.to_bytes(4, "big")]) + bytes(10)


def span(number: int) -> bytes:
    return (0xF0 << 56 | number).to_bytes(8, "big")  # above 2**63: negative as a bigint


def run_id(number: int = 1, run: int = 1) -> str:
    return format_run_id(trace(number), span(run))


def started(number: int = 1, run: int = 1, **fields: Any) -> SpanStarted:
    values = {
        "kind": SpanKind.JOB,
        "trace_id": trace(number),
        "span_id": span(run),
        "parent_id": None,
        "run": span(run),
        "parent_run": None,
        "start": NOW,
        "name": "invoices",
        "seq": 0,
        "attributes": {},
    }
    return SpanStarted(**(values | fields))


def ended(number: int = 1, run: int = 1, status: RunStatus = RunStatus.SUCCESS, **fields: Any) -> SpanEnded:
    values = {
        "kind": SpanKind.JOB,
        "trace_id": trace(number),
        "span_id": span(run),
        "parent_id": None,
        "run": span(run),
        "parent_run": None,
        "start": NOW,
        "name": "invoices",
        "seq": 0,
        "attributes": {},
        "end": NOW + 5 * SECOND,
        "status": status,
        "message": "",
        "events": [],
        "links": [],
        "otel_kind": 0,
        "scope": "",
        "sampled": True,
    }
    return SpanEnded(**(values | fields))


def step(place: int, number: int = 1, run: int = 1) -> dict[str, Any]:
    """The fields that make a start or an end that of a step."""
    return {
        "kind": SpanKind.STEP,
        "span_id": span(1000 * run + place),
        "parent_id": span(run),
        "seq": place,
        "name": f"step-{place}",
        "start": NOW + place * 1000,
    }


def line(seq: int, number: int = 1, run: int = 1, **fields: Any) -> Line:
    values = {
        "trace_id": trace(number),
        "run": span(run),
        "span_id": span(run),
        "time": NOW + seq * 1000,
        "seq": seq,
        "severity": 9,
        "stream": 0,
        "logger": "app",
        "message": f"line {seq}",
    }
    return Line(**(values | fields))


def progress(current: float, number: int = 1, run: int = 1, **fields: Any) -> Progress:
    values = {
        "trace_id": trace(number),
        "run": span(run),
        "span_id": span(run),
        "time": NOW + int(current * 1000),
        "current": current,
        "total": 100.0,
        "unit": "rows",
    }
    return Progress(**(values | fields))
