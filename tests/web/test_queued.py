"""A run that waits in a queue, as pages and the API show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from otel_joblog.records import Queued, format_run_id
from otel_joblog.store.columns import instant
from otel_joblog.store.write.writer import Writer
from tests.web.story import MINUTE, Story

DAY = 24 * 60 * MINUTE

Tell = Callable[..., Story]

WAITS = bytes(range(1, 17)), bytes(range(1, 9))
RUN_ID = format_run_id(*WAITS)


@pytest.fixture
def queued_at(writer: Writer) -> int:
    at = time.time_ns() - 12 * DAY
    said = {"joblog.job.type": "queue", "joblog.trigger": "queue", "joblog.queued_at": instant(at).isoformat()}
    writer.write([Queued(*WAITS, at, "send-invoice", "shop", {**said, "joblog.reference": "invoice-7"}, [])])
    return at


@pytest.mark.usefixtures("queued_at")
def test_what_waits_is_found_by_its_status_with_how_long_it_has_waited(web: httpx.Client, tell: Tell) -> None:
    tell("nightly-import")
    (run,) = web.get("/api/v1/runs?status=pending").json()["items"]
    assert (run["run_id"], run["job"], run["status"], run["reference"]) == (
        RUN_ID,
        "send-invoice",
        "pending",
        "invoice-7",
    )
    assert (run["queued_at"], run["queue_delay"], run["duration"]) == (run["started_at"], None, None)
    page = web.get("/?status=pending").text
    assert "waiting 12 d" in page
    assert "nightly-import" not in page


@pytest.mark.usefixtures("queued_at")
def test_the_page_of_a_run_that_waits_says_so(web: httpx.Client) -> None:
    page = web.get(f"/runs/{RUN_ID}").text
    assert "<dt>Queued</dt>" in page
    assert "<dt>Started</dt><dd>not yet</dd>" in page
    assert "Waiting for 12 d" in " ".join(page.split())
    assert "<dt>Host</dt>" not in page
    assert "<dt>Process</dt>" not in page


def test_a_run_that_waited_says_how_long_it_was_in_the_queue(web: httpx.Client, tell: Tell, queued_at: int) -> None:
    said = {"joblog.queued_at": instant(queued_at).isoformat()}
    tell("send-invoice", run_id=RUN_ID, began=queued_at + 150 * 10**9, **said).end()
    (run,) = web.get("/api/v1/runs").json()["items"]
    assert (run["run_id"], run["status"], run["queue_delay"]) == (RUN_ID, "success", 150.0)
    assert datetime.fromisoformat(run["started_at"]) > datetime.fromisoformat(run["queued_at"])
    page = web.get(f"/runs/{RUN_ID}").text
    assert "<dt>In the queue</dt><dd>2 m 30 s</dd>" in page
    assert "not yet" not in page
