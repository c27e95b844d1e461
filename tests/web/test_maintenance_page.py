"""The page of the store itself, and the same as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import psycopg
import pytest

from otel_joblog.health.keeper import keep_due_times
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.upkeep.retention import Retention
from tests.web.story import MINUTE, Story

DAY = 24 * 60 * MINUTE
LONG_AGO = 100


@pytest.fixture
def past(dsn: str, tell: Callable[..., Story]) -> None:
    """A run of today and one of long ago."""
    for days_ago in (0, LONG_AGO):
        run = tell(began=time.time_ns() - days_ago * DAY - 5 * MINUTE)
        run.say("said")
        run.end()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("analyze")


def test_it_tells_of_sizes_and_of_days_that_wait_for_a_clean_up(web: httpx.Client, past: None) -> None:
    found = web.get("/api/v1/maintenance").json()
    tables = {table["table"]: table for table in found["tables"]}
    assert tables["job_log"]["rows"] == 2
    assert tables["job_log"]["days"] >= 2
    assert 0 < tables["job_log"]["bytes"] < found["bytes"]
    assert (found["clean_up"], found["retention_days"], found["failures_retention_days"]) == (None, 90, 180)
    (warning,) = found["warnings"]
    assert warning.startswith("1 day with 1 row past")
    page = web.get("/maintenance").text
    assert "past the retention" in page
    assert "job_log" in page


def test_it_tells_of_the_latest_clean_up(web: httpx.Client, dsn: str, past: None) -> None:
    maintain(dsn, Retention(runs=90, failures=180))
    found = web.get("/api/v1/maintenance").json()
    assert found["warnings"] == []
    assert (found["clean_up"]["runs"], found["clean_up"]["lines"], found["clean_up"]["days"]) == (1, 1, 1)
    assert found["clean_up"]["ended_at"] is not None
    assert "1 run, 1 line, 1 day" in web.get("/maintenance").text


def test_it_warns_when_nobody_works_out_what_is_due_or_can(
    web: httpx.Client, dsn: str, tell: Callable[..., Story]
) -> None:
    tell("hourly", **{"joblog.schedule": "@hourly"}).end()
    tell("odd", **{"joblog.schedule": "some time"}).end()
    assert maintain(dsn, None, [keep_due_times])
    (odd,) = web.get("/api/v1/maintenance").json()["warnings"]
    assert odd.startswith("1 job with a schedule that nothing is due by, such as odd: not understood: neither five")
    with psycopg.connect(dsn) as connection:
        connection.execute("delete from joblog.job_expected where due_at > now()")
    warning, _ = web.get("/api/v1/maintenance").json()["warnings"]
    assert warning.startswith("Of 1 job with a schedule nobody works out")


def test_it_is_one_of_the_places(web: httpx.Client) -> None:
    assert 'href="/maintenance"' in web.get("/").text
    assert 'href="/maintenance" aria-current="page"' in web.get("/maintenance").text
