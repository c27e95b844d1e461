"""What the exporters of Python, Node and Go send is stored as it was meant: the same run of each."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from .serving import served

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache"
MINUTES = 10 * 60  # that fetching and building may take, on a busy machine

PYTHON = """
import logging
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber, LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

spans, logs = TracerProvider(), LoggerProvider()
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
tracer = spans.get_tracer("conformance")
with tracer.start_as_current_span("nightly", attributes={"joblog.kind": "job", "joblog.reference": "r-1"}) as run:
    try:
        with tracer.start_as_current_span("load", attributes={"joblog.kind": "step", "joblog.seq": 1}) as step:
            said = {"log.message": "loaded", "log.severity": "WARN", "rows": 3, "parts": ["a", "b"]}
            step.add_event("log", said)
            body, raw = {"said": ["in", "parts"]}, {"bytes": b"\\x00\\xff"}
            number = SeverityNumber.ERROR
            logs.get_logger("app").emit(LogRecord(severity_number=number, body=body, attributes=raw))
            raise TypeError("no such table")
    except TypeError:
        run.set_status(trace.StatusCode.ERROR, "load failed")
said = {"messaging.system": "rq", "messaging.message.id": "17"}
tracer.start_span("process mails", kind=trace.SpanKind.CONSUMER, attributes=said).end()
spans.shutdown()
logs.shutdown()
print(f"{run.get_span_context().trace_id:032x}")
"""


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """One of the test's processes fetches and builds, the others wait."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetched(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode != 0:
        pytest.skip(f"{what}: {(done.stderr or done.stdout).strip()[-300:]}")


def node_modules() -> Path:
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("there is no Node here")
    folder = CACHE / "ingest-node"
    with alone("ingest-node"):
        wanted = (HERE / "node" / "package.json").read_text()
        installed = folder / "installed.json"
        if not installed.exists() or installed.read_text() != wanted:
            folder.mkdir(exist_ok=True)
            (folder / "package.json").write_text(wanted)
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=MINUTES)
            fetched(done, "npm could not fetch the exporters")
            installed.write_text(wanted)
    return folder / "node_modules"


def node(form: str) -> list[str]:
    modules = node_modules()
    program = modules.parent / "send.js"  # where require() looks for modules
    if not program.exists() or program.read_text() != (HERE / "node" / "send.js").read_text():
        shutil.copy(HERE / "node" / "send.js", program)
    return ["node", str(program), form]


def go() -> list[str]:
    if not shutil.which("go"):
        pytest.skip("there is no Go here")
    program = CACHE / "ingest-go" / "send"
    with alone("ingest-go"):
        command = ["go", "build", "-trimpath", "-o", str(program), "."]
        done = subprocess.run(command, cwd=HERE / "go", capture_output=True, text=True, check=False, timeout=MINUTES)
        fetched(done, "Go could not fetch and build the exporter")
    return [str(program)]


SENDERS = {
    "python": lambda: [sys.executable, "-c", PYTHON],
    "node-http": lambda: node("http"),  # JSON
    "node-proto": lambda: node("proto"),
    "go": go,
}


def sent(command: list[str], address: str, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_TIMEOUT": "60"} | variables
    done = subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@pytest.mark.timeout(2 * MINUTES)
@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("token", [None, "let me in"])
def test_a_run_arrives_as_it_was_meant(dsn: str, sender: str, token: str | None) -> None:
    command = SENDERS[sender]()
    timeout = {} if sender == "python" else {"OTEL_EXPORTER_OTLP_TIMEOUT": "60000"}  # Python's is in seconds
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20let%20me%20in"} if token else {}
    packed = {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"} if token else {}
    with served(dsn, ingest_token=token) as address:
        trace_id = sent(command, address, OTEL_SERVICE_NAME=sender, **timeout, **headers, **packed)
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        arrived_as_meant(connection, trace_id, sender)


def arrived_as_meant(connection: psycopg.Connection[dict[str, Any]], trace_id: str, sender: str) -> None:
    run, mails = connection.execute("select * from joblog.job_run order by name").fetchall()
    if run["trace_id"].hex != trace_id:
        run, mails = mails, run
    assert (run["trace_id"].hex, run["name"], run["reference"], run["service"]) == (trace_id, "nightly", "r-1", sender)
    assert (run["status"], run["status_message"], run["steps"]) == (5, "load failed", 1)
    assert (mails["type"], mails["trigger"], mails["reference"]) == ("queue", "queue", "17")
    assert mails["name"] == ("welcome" if sender.startswith("node") else "process mails")
    (step,) = connection.execute("select * from joblog.job_step").fetchall()
    assert (step["name"], step["seq"], step["scope"], step["kind"]) == ("load", 1, "conformance", 0)
    assert (step["status"], step["run_span_id"]) == (5, run["span_id"])
    assert step["error_message"] == "no such table"
    lines = connection.execute("select * from joblog.job_log order by severity").fetchall()
    assert {line["run_span_id"] for line in lines} == {run["span_id"]}
    assert {line["span_id"] for line in lines} == {step["span_id"]}
    assert (lines[0]["message"], lines[0]["severity"]) == ("loaded", 13)
    assert lines[0]["attributes"] == {"rows": 3, "parts": ["a", "b"]}
    if sender != "go":
        assert (lines[1]["message"], lines[1]["severity"], lines[1]["logger"]) == (
            '{"said":["in","parts"]}',
            17,
            "app",
        )
        assert lines[1]["attributes"] == {"bytes": "AP8="}
    assert run["lines"] == len(lines) == (1 if sender == "go" else 2)
