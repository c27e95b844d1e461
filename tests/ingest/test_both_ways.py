"""Our own library's runs: straight to PostgreSQL, by OTLP and the ingest, both at once: the same rows, once.

And the stock programs with our exporter: ``opentelemetry-instrument`` by variables, and by a configuration file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import psycopg
import pytest

from .serving import served

JOB = """
    import logging
    from opentelemetry import trace
    from otel_joblog import job, step, progress

    log = logging.getLogger("importer")

    @job("nightly", reference="r-1", resources=False)
    def nightly():
        log.info("begun", extra={"rows": 3})
        log.log(25, "between the levels")
        with step("load", task_id="orders"):
            print("printed")
            with trace.get_tracer("http").start_as_current_span("GET"):
                log.warning("slow")
        with step("write"):
            raise OSError("no space left")

    try:
        nightly()
    except OSError:
        pass
"""

STANDARD = """
    from opentelemetry import trace

    with trace.get_tracer("app").start_as_current_span("nightly") as span:
        span.add_event("log", {"log.message": "hello", "log.severity": "WARN"})
        with trace.get_tracer("app").start_as_current_span("below"):
            pass
"""

# Rows without what each run has of its own.
ROWS = {
    "run": "select to_jsonb(run) from joblog.job_run as run",
    "step": "select to_jsonb(step) from joblog.job_step as step order by name",
    "line": "select seq, severity, stream, logger, message, attributes from joblog.job_log order by seq",
    "process": "select host, service from joblog.job_process",
}
OWN = ["trace_id", "span_id", "parent_span_id", "run_span_id", "process_id", "pid"]
OWN += ["started_at", "ended_at", "first_at", "last_at"]


def ran(source: str, tmp_path: Path, *launcher: str, **variables: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(source))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    variables = {"OTEL_JOBLOG_STATE_DIR": str(tmp_path / "state"), "OTEL_JOBLOG_EXIT_TIMEOUT": "60"} | variables
    command = [*(launcher or [sys.executable]), str(program)]
    done = subprocess.run(command, env=kept | variables, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr


def rows(dsn: str) -> dict[str, list[Any]]:
    with psycopg.connect(dsn) as connection:
        found = {name: connection.execute(query).fetchall() for name, query in ROWS.items()}
    for (row,) in found["run"] + found["step"]:
        for column in OWN:
            row.pop(column, None)
        for event in row["events"] or []:
            del event["time"]
        for key in ("process.pid", "service.instance.id"):
            (row.get("resource") or {}).pop(key, None)
        row["attributes"].pop("joblog.run_id", None)
        row["error_stacktrace"] = (row["error_stacktrace"] or "").partition("otel_joblog: job")[0]  # then, the run id
    return found


def emptied(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        for table in ("run", "step", "log", "process"):
            connection.execute(f"delete from joblog.job_{table}")


def test_a_run_that_comes_both_ways_is_one_with_the_same_rows(dsn: str, tmp_path: Path) -> None:
    with served(dsn) as address:
        otlp = {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
        ran(JOB, tmp_path, OTEL_JOBLOG_DSN=dsn)
        direct = rows(dsn)
        assert (len(direct["run"]), len(direct["step"]), len(direct["line"])) == (1, 3, 4)
        emptied(dsn)
        ran(JOB, tmp_path, OTEL_JOBLOG_DSN=dsn, **otlp)
        assert_same(rows(dsn), direct)
        emptied(dsn)
        # PostgreSQL is not to be had from the job: what comes, comes by OTLP.
        away = "host=127.0.0.1 port=1 dbname=nowhere"
        ran(JOB, tmp_path, **{"OTEL_JOBLOG_DSN": away, "OTEL_JOBLOG_EXIT_TIMEOUT": "10"} | otlp)
        assert_same(rows(dsn), direct)


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """The leaves of a row, for a difference to be seen at a glance."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in flat(value[key], f"{path}.{key}")]
    if isinstance(value, list | tuple):
        return [leaf for place, item in enumerate(value) for leaf in flat(item, f"{path}.{place}")]
    return [(path, value)]


def assert_same(found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    for name, rows in expected.items():
        for one, other in zip(found[name], rows, strict=True):
            assert [pair for pair in zip(flat(one), flat(other), strict=False) if pair[0] != pair[1]] == []
            assert one == other


def instrument() -> str:
    return str(Path(sys.executable).with_name("opentelemetry-instrument"))


def test_the_stock_launcher_sends_to_both_by_variables(dsn: str, tmp_path: Path) -> None:
    with served(dsn) as address:
        exporters = {"OTEL_TRACES_EXPORTER": "otlp,postgres", "OTEL_METRICS_EXPORTER": "none"}
        otlp = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        named = {"OTEL_SERVICE_NAME": "shop", "OTEL_LOGS_EXPORTER": "none"}
        ran(STANDARD, tmp_path, instrument(), sys.executable, OTEL_JOBLOG_DSN=dsn, **exporters, **otlp, **named)
    stored_once(dsn)


CONFIGURATION = """
file_format: "1.0"
resource:
  attributes:
    - name: service.name
      value: shop
tracer_provider:
  processors:
    - simple:
        exporter:
          postgres:
"""


def test_a_configuration_file_names_our_exporter(dsn: str, tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="the SDK reads configuration files with PyYAML")
    file = tmp_path / "otel.yaml"
    file.write_text(CONFIGURATION)
    ran(STANDARD, tmp_path, instrument(), sys.executable, OTEL_JOBLOG_DSN=dsn, OTEL_CONFIG_FILE=str(file))
    stored_once(dsn)


def stored_once(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        runs = connection.execute("select name, service, status, lines from joblog.job_run").fetchall()
        assert runs == [("nightly", "shop", 2, 1)]
        assert connection.execute("select name from joblog.job_step").fetchall() == [("below",)]
        lines = connection.execute("select message, severity from joblog.job_log").fetchall()
        assert lines == [("hello", 13)]
