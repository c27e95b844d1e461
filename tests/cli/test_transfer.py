"""``export`` and ``import`` as a user types them."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import JOBS, Command


@pytest.fixture
def ran(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment, after two jobs have run."""
    script = tmp_path / "jobs.py"
    script.write_text(JOBS)
    patient = environment | {"OTEL_JOBLOG_EXIT_TIMEOUT": "60"}  # all is shipped, however busy the machine
    subprocess.run([sys.executable, str(script)], env=patient, check=True, capture_output=True)
    return environment


def test_what_is_exported_comes_back_by_import(
    ran: dict[str, str],
    otel_joblog: Command,
    tmp_path: Path,
    empty_dsn: str,
) -> None:
    archive = tmp_path / "runs.jsonl.gz"
    before = json.loads(otel_joblog("list", "--json").stdout)
    otel_joblog("export", "--all", "-o", str(archive))
    ran["OTEL_JOBLOG_DSN"] = empty_dsn
    assert "records" in otel_joblog("import", str(archive)).stdout
    assert json.loads(otel_joblog("list", "--json").stdout) == before
    shown = otel_joblog("show", before[0]["run_id"]).stdout
    assert "said before the fall" in shown or "all well" in shown


def test_an_export_is_of_the_runs_that_are_asked_for(ran: dict[str, str], otel_joblog: Command) -> None:
    lines = otel_joblog("export", "--job", "import", "--status", "error").stdout.splitlines()
    names = {found["name"] for found in map(json.loads, lines) if found["record"] == "SpanEnded"}
    assert names == {"import", "parse"}
    assert "choose runs" in otel_joblog("export", check=False).stderr
    nothing = otel_joblog("export", "--until", "2001-01-01")
    assert (nothing.stdout, nothing.stderr) == ("", "No runs match.\n")


def test_lines_are_exported_as_csv(ran: dict[str, str], otel_joblog: Command) -> None:
    rows = list(csv.DictReader(otel_joblog("export", "--job", "export", "--format", "csv").stdout.splitlines()))
    assert [(row["job"], row["level"], row["stream"], row["message"]) for row in rows] == [
        ("export", "INFO", "stdout", "all well")
    ]


def test_runs_are_exported_as_otlp_json_lines(ran: dict[str, str], otel_joblog: Command) -> None:
    (line,) = otel_joblog("export", "--job", "import", "--format", "otlp").stdout.splitlines()
    (resource,) = json.loads(line)["resourceSpans"]
    assert {"key": "service.name", "value": {"stringValue": "shop"}} in resource["resource"]["attributes"]
    spans = {span["name"]: span for scope in resource["scopeSpans"] for span in scope["spans"]}
    assert spans["parse"]["parentSpanId"] == spans["import"]["spanId"]
    assert spans["import"]["status"]["code"] == 2
    assert spans["import"]["events"][0]["name"] == "log"


def test_what_is_exported_as_otlp_comes_back_by_import(
    ran: dict[str, str], otel_joblog: Command, tmp_path: Path, empty_dsn: str
) -> None:
    kept = ("run_id", "job", "status", "service", "started_at", "ended_at", "lines", "steps", "reference")
    before = [{key: run[key] for key in kept} for run in json.loads(otel_joblog("list", "--json").stdout)]
    lines = otel_joblog("export", "--all", "--format", "csv").stdout
    file = tmp_path / "traces.json"
    otel_joblog("export", "--all", "--format", "otlp", "-o", str(file))
    file.write_bytes(file.read_bytes() + b'{"resourceMetrics":[]}\n')
    ran["OTEL_JOBLOG_DSN"] = empty_dsn
    for _ in range(2):
        assert otel_joblog("import", str(file)).stdout.startswith(f"{file}: ")
        found = [{key: run[key] for key in kept} for run in json.loads(otel_joblog("list", "--json").stdout)]
        assert found == before
        assert otel_joblog("export", "--all", "--format", "csv").stdout == lines


def test_what_a_collector_wrote_is_taken_in_with_its_logs(
    environment: dict[str, str], otel_joblog: Command, tmp_path: Path
) -> None:
    ids = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}
    kind = [{"key": "joblog.kind", "value": {"stringValue": "job"}}]
    times = {"startTimeUnixNano": "1764000000000000000", "endTimeUnixNano": "1764000005000000000"}
    span = {**ids, **times, "name": "nightly", "attributes": kind}
    run_id = [{"key": "joblog.run_id", "value": {"stringValue": f"{ids['traceId']}-{ids['spanId']}"}}]
    log = {**ids, "timeUnixNano": "1764000001000000000", "body": {"stringValue": "by logs"}, "attributes": run_id}
    file = tmp_path / "collected.json"
    requests = [
        {"resourceSpans": [{"scopeSpans": [{"spans": [span, {**span, "traceId": ""}]}]}]},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]},
    ]
    file.write_bytes("\n".join(map(json.dumps, requests)).encode().replace(b"by logs", b"by\xfflogs"))
    told = otel_joblog("import", str(file)).stdout
    assert "1 cannot be kept" in told
    assert "what is not Unicode was escaped, in 1 place\n" in told
    (run,) = json.loads(otel_joblog("list", "--json").stdout)
    assert (run["job"], run["status"], run["duration"], run["lines"]) == ("nightly", "success", 5.0, 1)
    file.write_text(json.dumps(requests[0]) + '\n{"resourceSpans": 5}\n')
    assert "line 2 is not an OTLP request" in otel_joblog("import", str(file), check=False).stderr


def test_a_file_that_is_no_archive_is_told_plainly(
    environment: dict[str, str],
    otel_joblog: Command,
    tmp_path: Path,
) -> None:
    file = tmp_path / "notes.txt.gz"
    file.write_bytes(gzip.compress(b"some notes\n"))
    done = otel_joblog("import", str(file), check=False)
    assert done.returncode == 1
    assert "line 1 is not a record of an archive" in done.stderr
    assert "Traceback" not in done.stderr
