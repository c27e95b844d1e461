"""The same run, by its trace id: in Postgres, in the JSON API, on its page in a browser, and at an OTLP endpoint."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.browsing import browser_page
from tests.export.receiver import Receiver
from tests.web.serving import served

PROGRAM = """
    import logging
    from otel_joblog import job, step, current_run

    log = logging.getLogger("importer")

    @job("nightly-import", reference=lambda day: day)
    def nightly(day):
        print(current_run().run_id)
        log.info("importing %s", day)
        with step("load", task_id="orders"):
            log.warning("3 rows look odd", extra={"rows": 3})
        with step("write"):
            log.error("the disk is full")
            raise OSError("no space left")

    nightly("2026-11-03")
"""


@pytest.fixture
def run_id(run_script: Callable[..., subprocess.CompletedProcess[str]], dsn: str, receiver: Receiver) -> str:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_SERVICE_NAME": "shop"}
    done = run_script(PROGRAM, check=False, OTEL_JOBLOG_DSN=dsn, **endpoint)
    assert done.returncode == 1, done.stderr
    return done.stdout.splitlines()[0]


def test_a_run_is_found_by_its_trace_id_in_every_place(run_id: str, dsn: str, receiver: Receiver) -> None:
    trace_id, span_id = run_id.split("-")

    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select name, reference, service, lines, lines_emitted, errors from joblog.job_run where trace_id = %s",
            [trace_id],
        ).fetchone()
    assert row == ("nightly-import", "2026-11-03", "shop", 4, 4, 1)

    with served(dsn) as address:
        seen_by_the_api(address, run_id)
        seen_in_a_browser(address, trace_id)

    seen_by_otlp(receiver, bytes.fromhex(trace_id), bytes.fromhex(span_id))


def seen_by_the_api(address: str, run_id: str) -> None:
    run: dict[str, Any] = httpx.get(f"{address}/api/v1/runs/{run_id}", timeout=60).json()
    assert run["status"] == "error"
    assert run["error"]["type"] == "OSError"
    assert [(step["name"], step["status"]) for step in run["steps"]] == [("load", "success"), ("write", "error")]
    logs = httpx.get(f"{address}/api/v1/runs/{run_id}/logs", timeout=60).json()["items"]
    assert [(line["step"], line["level"], line["message"]) for line in logs] == [
        (None, "INFO", run_id),
        (None, "INFO", "importing 2026-11-03"),
        ("load", "WARN", "3 rows look odd"),
        ("write", "ERROR", "the disk is full"),
    ]


def seen_in_a_browser(address: str, trace_id: str) -> None:
    with browser_page() as page:
        page.goto(f"{address}/runs/{trace_id[:8]}")
        text = page.inner_text("main")
        for shown in (
            "nightly-import",
            "2026-11-03",
            "4 of 4 lines",
            "load",
            "write",
            "3 rows look odd",
            "no space left",
        ):
            assert shown in text


def seen_by_otlp(receiver: Receiver, trace_id: bytes, span_id: bytes) -> None:
    spans = {span.name: span for span in receiver.spans}
    assert len(receiver.spans) == len(spans) == 3, "one root and its two steps, once each"
    assert receiver.services == {"shop"}
    root = spans["nightly-import"]
    assert (root.trace_id, root.span_id, root.parent_span_id) == (trace_id, span_id, b"")
    assert root.status.code == Status.STATUS_CODE_ERROR
    for name in ("load", "write"):
        assert (spans[name].trace_id, spans[name].parent_span_id) == (trace_id, span_id)
    assert log_events(root) == [f"INFO {trace_id.hex()}-{span_id.hex()}", "INFO importing 2026-11-03"]
    assert log_events(spans["load"]) == ["WARN 3 rows look odd"]
    assert log_events(spans["write"]) == ["ERROR the disk is full"]
    assert [event.name for event in spans["write"].events] == ["log", "exception"]


def log_events(span: Span) -> list[str]:
    found = []
    for event in span.events:
        attributes = {attribute.key: attribute.value.string_value for attribute in event.attributes}
        if event.name == "log":
            found.append(f"{attributes['log.severity']} {attributes['log.message']}")
    return found
