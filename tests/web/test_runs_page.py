"""The list of runs: the box, chips, the histogram, files."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from otel_joblog.conventions import Attribute, RunStatus
from otel_joblog.runquery import RunQuery
from otel_joblog.web.api import export
from tests.web.story import MINUTE, SECOND, Story
from tests.web.test_pages import LOAD_FAILED, page, shown

Tell = Callable[..., Story]
HOUR = 60 * MINUTE


def jobs(html: str) -> list[str]:
    return re.findall(r'<tr id="run-[^>]*>.*?<bdi class="job">([^<]*)', html, re.DOTALL)


def test_the_box_says_what_is_asked_and_chips_take_it_back(web: httpx.Client, tell: Tell):
    tell("billing.a", customer=42).end(error=LOAD_FAILED)
    tell("billing.b", customer=43).end()
    html = page(web, "/?query=job:billing.*+attr.customer:42&status=error")
    assert jobs(html) == ["billing.a"]
    assert 'value="job:billing.* attr.customer:42 status:error"' in html
    without = re.findall(r'class="chip" href="([^"]+)"', html)
    assert len(without) == 3
    assert jobs(page(web, without[1].replace("&amp;", "&"))) == ["billing.a"]
    assert jobs(page(web, "/?query=job:billing.*")) == ["billing.b", "billing.a"]


def test_a_query_that_cannot_be_read_stays_in_the_box_with_what_is_wrong(web: httpx.Client):
    html = page(web, '/?query=statsu:error+"a', 400)
    assert "at character 1, 'statsu:error" in shown(html)
    assert 'value="statsu:error &#34;a"' in html
    assert "at character 1" in web.get("/api/v1/runs?query=x:y").json()["error"]["message"]


def test_columns_that_no_run_has_are_hidden(web: httpx.Client, tell: Tell):
    tell("plain").end()
    table = re.search(r'<table class="([^"]+)"', page(web, "/"))
    assert table
    assert table[1].split() == ["list", "no-progress", "no-steps", "no-reference"]
    tell("going", **{Attribute.REFERENCE: "R"}).progress(1, 2)
    table = re.search(r'<table class="([^"]+)"', page(web, "/"))
    assert table
    assert table[1].split() == ["list", "no-steps"]


def test_a_row_says_the_error_the_result_or_the_last_line_and_how_long_is_usual(web: httpx.Client, tell: Tell):
    now = time.time_ns()
    story = tell("sync", began=now - 300 * SECOND)
    story.say("first", "the last line")
    story.end(at=10)
    tell("sync", began=now - 200 * SECOND, **{f"{Attribute.RESULT}.rows": 4312}).end(at=20)
    tell("sync", began=now - 100 * SECOND).end(error=LOAD_FAILED, at=60)
    html = page(web, "/")
    assert re.findall(r'class="r-about k-(\w+)"><bdi title="([^"]*)"', html) == [
        ("error", "etl.errors.LoadFailed: batch 17 refused"),
        ("result", "rows=4,312"),
        ("line", "the last line"),
    ]
    assert "took 1 m 00 s at most" in html


def test_the_histogram_counts_runs_and_its_bars_lead_to_them(web: httpx.Client, tell: Tell):
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    noon = round((today - timedelta(days=2)).timestamp()) * SECOND + 12 * HOUR
    for number, status in enumerate([RunStatus.SUCCESS, RunStatus.SKIPPED, RunStatus.LOST, RunStatus.SUCCESS]):
        tell("sync", began=noon + number * HOUR, shard=number % 2).end(status)
    day = f"{today - timedelta(days=2):%Y-%m-%d}"
    html = page(web, "/")
    assert f'aria-label="{day}: 4 runs, 1 failed, 1 other"' in html
    (link,) = re.findall(rf'<a href="([^"]+)" aria-label="{day}: 4', html)
    narrowed = page(web, link)
    assert jobs(narrowed) == ["sync"] * 4
    assert f'aria-label="{day} 12:00: 1 run"' in narrowed
    counted = page(web, "/?query=attr.shard:0")  # which no statistics tell
    assert f'aria-label="{day}: 2 runs, 1 failed"' in counted
    assert f'aria-label="{day}: 1 run, 1 failed"' in page(web, "/?query=status:failed+job:s*")
    assert f'aria-label="{day}: 1 run, 1 failed"' in page(web, "/?query=status:failed+job:sync")
    assert "over-time" not in page(web, "/?query=job:other")
    told = web.get("/api/v1/runs/histogram?query=job:sync").json()
    assert told["looked_until"] is None
    (bin_of_it,) = [one for one in told["bins"] if one["start"].startswith(day)]
    assert (bin_of_it["success"], bin_of_it["lost"], bin_of_it["skipped"], bin_of_it["error"]) == (2, 1, 1, 0)
    assert web.get("/api/v1/runs/histogram?query=is:slow").json()["bins"] == []


@pytest.mark.parametrize("most", [10_000, 250])
def test_the_runs_of_a_query_are_saved_page_by_page(
    web: httpx.Client, tell: Tell, most: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "MOST", most)
    monkeypatch.setattr(export, "PAGE", 3)
    for number in range(7):
        tell("=cmd()" if number == 6 else f"job-{number}", began=time.time_ns() - (100 - number) * SECOND).end()
    tell("other").end(error=LOAD_FAILED)
    answer = web.get("/api/v1/runs.csv?query=status:success")
    assert answer.headers["content-disposition"] == 'attachment; filename="runs.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["job"] for row in rows] == ["'=cmd()", *(f"job-{number}" for number in range(5, -1, -1))]
    following = web.get("/api/v1/runs.csv", params={"query": "status:success", "after": rows[4]["key"]}).text
    assert [row["job"] for row in csv.DictReader(io.StringIO(following))] == ["job-1", "job-0"]
    whole = web.get("/api/v1/runs.json?query=status:success").json()
    assert (len(whole["items"]), whole["next"]) == (7, None)
    monkeypatch.setattr(export, "MOST", 3)
    part = web.get("/api/v1/runs.json?query=status:success").json()
    assert len(part["items"]) == 3
    assert web.get("/api/v1/runs.json", params={"after": part["next"]}).json()["items"][0]["job"] == "job-3"
    assert web.get("/api/v1/runs.csv?query=x:y").status_code == 400


def test_what_is_asked_most_reads_as_a_query(web: httpx.Client):
    html = page(web, "/")
    asked = re.findall(r'<nav class="quick".*?</nav>', html, re.DOTALL)[0]
    words = re.findall(r'\?query=([^"]+)"', asked)
    assert len(words) == 5
    for one in words:
        RunQuery.parse(one.replace("%3A", ":").replace("+", " "))
        page(web, f"/?query={one}")
