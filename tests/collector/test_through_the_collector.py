"""SDK, collector, ingest: the same rows as by the SDK alone, once; and what the collector does to spans on the way."""

from __future__ import annotations

import json
import re
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from .jobs import ended, killed, ran, recovered, working
from .outage import PHASES, outage
from .programs import COLLECTOR, CONFIGURATIONS, TOKEN, Collector, Viewer, free_port, until
from .rows import VIEWS, differences, rows

needs_collector = pytest.mark.skipif(not COLLECTOR.exists(), reason="make collector builds it")
RUNS = 3  # of the program in jobs.py
TRACE_ID, SPAN_ID = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"  # of what another SDK sends


def test_a_run_is_stored_as_the_sdk_itself_stores_it(
    dsn: str, collected_dsn: str, collector: Collector, tmp_path: Path
) -> None:
    ran(tmp_path, collector, OTEL_JOBLOG_DSN=dsn)
    until(lambda: ended(collected_dsn) == RUNS, "the last run")
    assert differences(dsn, collected_dsn) == []
    assert {view: len(rows(collected_dsn, view)) for view in VIEWS} == {
        "job_history": 3,
        "job_steps": 3,
        "job_lines": 6,
        "job_daily": 3,
    }


def test_a_run_that_comes_both_ways_is_stored_once(
    dsn: str, collected_dsn: str, collector: Collector, tmp_path: Path
) -> None:
    """Into one database, by the SDK and through the collector; and beside it by the SDK alone."""
    ran(tmp_path, collector, OTEL_JOBLOG_DSN=collected_dsn)
    alone = {view: len(rows(collected_dsn, view)) for view in VIEWS}
    until(lambda: collector.sent("otlp_http/joblog") >= RUNS + 3, "the last span through the collector")
    assert {view: len(rows(collected_dsn, view)) for view in VIEWS} == alone
    (run,) = [run for run in rows(collected_dsn, "job_history") if run["job"] == "nightly-import"]
    assert (run["steps"], run["lines"], run["lines_emitted"]) == (3, 5, 5)


def test_a_killed_process_is_recovered_through_the_collector(
    dsn: str, collected_dsn: str, collector: Collector, tmp_path: Path
) -> None:
    run_id = killed(tmp_path, collector, OTEL_JOBLOG_DSN=dsn)
    recovered(tmp_path, collector, OTEL_JOBLOG_DSN=dsn)
    until(lambda: ended(collected_dsn) == 1, "the end of the run")
    (run,) = rows(collected_dsn, "job_history")
    assert (run["run_id"], run["status"]) == (run_id, "lost")
    assert "SIGKILL" in run["status_message"]
    assert differences(dsn, collected_dsn) == []


@needs_collector
@pytest.mark.timeout(300)
def test_a_short_outage_of_the_ingest_and_a_kill_of_the_collector_lose_nothing(
    dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    """``make outage`` is the long one."""
    result = outage(tmp_path, dsn, empty_dsn, spans=2_000, seconds=3)
    assert result.held > 0, "the collector held something when it was killed"
    assert result.differing == []
    assert result.stored == result.wanted
    assert result.wanted.runs == PHASES


def span(**attributes: str) -> dict[str, Any]:
    """A request of one span, as an SDK without redaction sends it."""
    encoded = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    one = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "name": "billing",
        "kind": 1,
        "startTimeUnixNano": "1762139524000000000",
        "endTimeUnixNano": "1762139525000000000",
        "attributes": [{"key": "joblog.kind", "value": {"stringValue": "job"}}, *encoded],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "billing"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one]}]}]}


def gauge(name: str, value: int) -> dict[str, Any]:
    """A request of one metric."""
    point = {"timeUnixNano": str(time.time_ns()), "asInt": str(value)}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": name, "gauge": {"dataPoints": [point]}}]}]}]}


def test_a_log_record_of_another_sdk_is_a_line_of_its_run(collected_dsn: str, collector: Collector) -> None:
    said = {
        "timeUnixNano": "1762139524500000000",
        "severityNumber": 13,
        "body": {"stringValue": "paid by Authorization: Bearer abcdefghij0123456789"},
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
    }
    httpx.post(f"{collector.url}/v1/traces", json=span(), timeout=60).raise_for_status()
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [said]}]}]}
    httpx.post(f"{collector.url}/v1/logs", json=logs, timeout=60).raise_for_status()

    def of_the_run() -> list[dict[str, Any]]:  # a line that comes before its span finds its run when that comes
        return [line for line in rows(collected_dsn, "job_lines") if line["run_id"] == f"{TRACE_ID}-{SPAN_ID}"]

    (line,) = until(of_the_run, "the line")
    assert line["level"] == "WARN"
    assert line["message"].startswith("paid by Authorization: ")
    assert "abcdefghij" not in line["message"]


def test_a_string_that_is_not_unicode_costs_nothing(collected_dsn: str, collector: Collector) -> None:
    """The collector passes it on as it came; that it was mended, it takes for a remark."""
    body = json.dumps(span(note="caf?")).encode().replace(b"caf?", b"caf\xe9")
    form = {"Content-Type": "application/json"}
    httpx.post(f"{collector.url}/v1/traces", content=body, headers=form, timeout=60).raise_for_status()
    until(lambda: ended(collected_dsn), "the run")
    (run,) = rows(collected_dsn, "job_history")
    assert run["attributes"]["note"] == r"caf\xe9"
    until(lambda: "what is not Unicode was escaped, in places: 1" in collector.log.read_text(), "the remark")


def test_secrets_of_other_sdks_are_masked_on_the_way(collected_dsn: str, collector: Collector) -> None:
    sent = {
        "db.password": "hunter2",
        "http.request.header.authorization": "abc",
        "note": "curl -H 'Authorization: Bearer abcdefghij0123456789'",
        "url": "postgres://me:hunter2@db/x",
        "order.token_count": "120",
        "joblog.reference": "order-7",
    }
    httpx.post(f"{collector.url}/v1/traces", json=span(**sent), timeout=60).raise_for_status()
    until(lambda: ended(collected_dsn), "the run")
    (run,) = rows(collected_dsn, "job_history")
    kept = json.dumps(run["attributes"])
    assert "hunter2" not in kept
    assert "abc" not in kept
    assert run["attributes"]["order.token_count"] == "120"
    assert run["reference"] == "order-7"
    assert not [key for key in run["attributes"] if key.startswith("redaction.")], "a summary would be a difference"


def test_runs_are_counted_for_prometheus_by_job_and_outcome_over_processes(
    dsn: str, collector: Collector, tmp_path: Path
) -> None:
    for _ in range(2):
        ran(tmp_path, collector, OTEL_JOBLOG_DSN=dsn)

    def counted() -> list[str]:
        return [
            line
            for line in collector.metrics()
            if line.startswith("traces_span_metrics_calls_total{")
            and 'joblog_kind="job"' in line
            and 'joblog_job_name="nightly-import"' in line
            and 'joblog_status="error"' in line
            and 'service_name="shop"' in line
        ]

    (series,) = until(lambda: [line for line in counted() if line.endswith(" 2.0")], "the second run")
    assert 'joblog_job_type="function"' in series
    buckets = [line for line in collector.metrics() if line.startswith("traces_span_metrics_duration_seconds_bucket{")]
    assert any('le="86400.0"' in line for line in buckets), "a day"


def test_the_dashboard_finds_what_a_worker_tells_of_its_exporters_and_journal(
    dsn: str, collector: Collector, tmp_path: Path
) -> None:
    """The worker of docker-compose.yml, sending more often."""
    compose = yaml.safe_load((CONFIGURATIONS.parent / "docker-compose.yml").read_text())
    program = compose["configs"]["worker"]["content"].replace("$$", "$")
    dashboard = (CONFIGURATIONS.parent / "dashboards" / "joblog-health.json").read_text()
    asked = set(re.findall(r"\b(?:joblog|otel_sdk)_\w+_(?:total|bytes|seconds)\b", dashboard))
    assert len(asked) == 7

    def taken(exporter: str) -> list[str]:
        begin, of = "otel_sdk_exporter_span_exported_total{", f'otel_component_name="{exporter}-'
        return [line for line in collector.metrics() if line.startswith(begin) and of in line and line[-4:] != " 0.0"]

    with working(program, tmp_path, collector, OTEL_METRIC_EXPORT_INTERVAL="500", OTEL_JOBLOG_DSN=dsn):
        for exporter in ("postgres", "otlp"):
            (series,) = until(partial(taken, exporter), f"what {exporter} has taken")
            assert 'job="shop"' in series
        assert asked <= {re.split(r"[{ ]", line)[0] for line in collector.metrics()}


@needs_collector
@pytest.mark.parametrize("token", [TOKEN, "a wrong one"])
def test_an_agent_of_another_host_is_let_in_by_its_token(
    token: str, collected_dsn: str, viewer: Viewer, tmp_path: Path, certificate: tuple[str, str]
) -> None:
    port = free_port()
    door = {"receivers": {"otlp/hosts": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}}}
    with (
        Collector(
            tmp_path,
            "config.yaml",
            "remote.yaml",
            more=door,
            COLLECTOR_GATEWAY_TOKEN=TOKEN,
            COLLECTOR_CERTIFICATE=certificate[0],
            COLLECTOR_CERTIFICATE_KEY=certificate[1],
            JAEGER_ENDPOINT="127.0.0.1:1",
            OTEL_JOBLOG_INGEST_ENDPOINT=viewer.url,
        ) as gateway,
        Collector(
            tmp_path,
            "agent.yaml",
            COLLECTOR_GATEWAY=f"127.0.0.1:{port}",
            COLLECTOR_GATEWAY_TOKEN=token,
            COLLECTOR_GATEWAY_CA=certificate[0],
        ) as agent,
    ):
        httpx.post(f"{agent.url}/v1/traces", json=span(), timeout=60).raise_for_status()
        httpx.post(f"{agent.url}/v1/metrics", json=gauge("orders_open", 7), timeout=60).raise_for_status()
        if token == TOKEN:
            until(lambda: ended(collected_dsn), "the run")
            until(lambda: [line for line in gateway.metrics() if line.startswith("orders_open")], "the metric")
        else:
            until(lambda: "Unauthenticated" in agent.log.read_text(), "the refusal")
            assert ended(collected_dsn) == 0
