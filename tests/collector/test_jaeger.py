"""A run's trace, read back from the real Jaeger, which got it from the real collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .jobs import killed, ran, recovered
from .programs import COLLECTOR, Collector, Jaeger, attributes, until

ERROR = 2  # STATUS_CODE_ERROR


@pytest.fixture
def collector(tmp_path: Path, jaeger: Jaeger) -> Iterator[Collector]:
    """To Jaeger; nothing listens where its ingest should be."""
    if not COLLECTOR.exists():
        pytest.skip("make collector builds it")
    with Collector(
        tmp_path, "config.yaml", JAEGER_ENDPOINT=jaeger.endpoint, OTEL_JOBLOG_INGEST_ENDPOINT="http://127.0.0.1:1"
    ) as collector:
        yield collector


def trace(jaeger: Jaeger, run_id: str, spans: int) -> dict[str, dict[str, Any]]:
    """The spans of a run's trace by their names."""
    trace_id = run_id.partition("-")[0]
    found = until(lambda: len(jaeger.spans(trace_id)) >= spans and jaeger.spans(trace_id), f"the trace {trace_id}")
    assert len(found) == spans
    return {span["name"]: span for span in found}


def lines(span: dict[str, Any]) -> list[tuple[str, str]]:
    events = [attributes(event) for event in span.get("events", ()) if event["name"] == "log"]
    return [(event["log.severity"], event["log.message"]) for event in events]


def test_a_run_is_a_trace_with_its_steps_lines_and_links(
    dsn: str, jaeger: Jaeger, collector: Collector, tmp_path: Path
) -> None:
    failed, repair = ran(tmp_path, collector, OTEL_JOBLOG_DSN=dsn)
    spans = trace(jaeger, failed, 4)

    root = spans["nightly-import"]
    assert f"{root['traceId']}-{root['spanId']}" == failed
    assert not root.get("parentSpanId")
    assert root["status"] == {"code": ERROR, "message": root["status"]["message"]}
    assert attributes(root["resource"])["service.name"] == "shop"
    told = attributes(root)
    assert (told["joblog.kind"], told["joblog.status"], told["joblog.reference"]) == ("job", "error", "2026-11-03")
    assert lines(root) == [("INFO", "importing 2026-11-03")]
    (exception,) = [event for event in root["events"] if event["name"] == "exception"]
    assert attributes(exception)["exception.message"] == "no space left"

    assert {name: spans[name]["parentSpanId"] for name in ("load", "write", "parse")} == {
        "load": root["spanId"],
        "write": root["spanId"],
        "parse": spans["load"]["spanId"],
    }
    warning, connecting = lines(spans["load"])
    assert warning == ("WARN", "3 rows look odd")
    assert connecting[1].startswith("connecting to postgres://me:[redacted]@db/x with ")
    assert lines(spans["parse"]) == [("INFO", "parsed")]
    assert lines(spans["write"]) == [("ERROR", "the disk is full")]
    assert spans["write"]["status"]["code"] == ERROR

    spans = trace(jaeger, repair, 2)
    (link,) = spans["repair"]["links"]
    assert f"{link['traceId']}-{link['spanId']}" == failed
    assert spans["child"]["parentSpanId"] == spans["repair"]["spanId"]


def test_a_killed_process_has_its_closing_span(dsn: str, jaeger: Jaeger, collector: Collector, tmp_path: Path) -> None:
    run_id = killed(tmp_path, collector, OTEL_JOBLOG_DSN=dsn)
    recovered(tmp_path, collector, OTEL_JOBLOG_DSN=dsn)
    spans = trace(jaeger, run_id, 2)
    root, step = spans["import"], spans["load"]
    assert f"{root['traceId']}-{root['spanId']}" == run_id
    assert root["status"]["code"] == ERROR
    assert "SIGKILL" in root["status"]["message"]
    assert attributes(root)["joblog.status"] == "lost"
    assert step["parentSpanId"] == root["spanId"]
    assert lines(step) == [("WARN", "last words")]
