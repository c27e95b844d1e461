"""The pages and the API of jobs, errors and the search."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import expect

from otel_joblog.conventions import Severity
from otel_joblog.health.keeper import keep_due_times
from otel_joblog.store.read.models import DayFigures
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.web.highlight import excerpt
from otel_joblog.web.pages.job.chart import chart
from tests.browsing import browser_page
from tests.web.story import SECOND, Story

Tell = Callable[..., Story]

HOSTILE = "<img src=x onerror=alert(1)>&amp;'\""


@pytest.fixture
def told(tell: Tell) -> Story:
    """A job that succeeded, failed twice and runs; another one."""
    tell().end(at=2)
    for row in (17, 18):
        failed = tell()
        failed.say(f"Order {row} could not be read", severity=Severity.ERROR, shard=row)
        failed.end(at=3, error=("ValueError", f"row {row} is bad", "Traceback"))
    tell("exports").end()
    running = tell()
    running.step("load", **{"joblog.stage": "fetch"})
    running.say("order 19 is read", step="load")
    return running


def test_jobs_are_listed_with_how_they_fare(web: httpx.Client, told: Story) -> None:
    page = web.get("/jobs").text
    assert page.index("exports") < page.index("nightly-import")
    assert "2 failed in a row" in page
    assert "33 %" in page
    assert "No job matches" in web.get("/jobs?q=absent").text
    found = web.get("/api/v1/jobs?q=NIGHT").json()
    (job,) = found["items"]
    assert (job["job"], job["service"], job["runs"], job["failures"]) == ("nightly-import", "etl", 3, 2)
    assert (job["last_run_id"], job["last_status"]) == (told.run_id, "running")
    assert found["next"] is None


def test_jobs_tell_what_did_not_come_and_when_they_are_due_next(web: httpx.Client, tell: Tell, dsn: str) -> None:
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    hourly, before = f"{due.minute} * * * *", round((due - timedelta(minutes=70)).timestamp()) * SECOND
    on_time = {"joblog.schedule": hourly, "joblog.schedule.timezone": "UTC"}
    tell("silent", began=before, **on_time).end()
    tell("stuck", began=before, **on_time)
    tell("steady", began=before, **on_time).end()
    tell("steady", began=round(due.timestamp()) * SECOND, **on_time).end()
    tell("odd", **{"joblog.schedule": f"<b>{HOSTILE}"}).end()
    assert maintain(dsn, None, [keep_due_times])
    page = web.get("/jobs").text
    assert page.count(">late</span>, due ") == 2
    assert ">not understood: neither five fields" in page
    assert page.count("; the run that began ") == web.get("/job?job=stuck").text.count("; the run that began ") == 1
    following = due + timedelta(hours=1)
    assert page.count(f"next due {following:%Y-%m-%d %H:%M:00} UTC") == 3
    assert HOSTILE not in page
    silent = web.get("/job?job=silent").text
    for words in (">late</span>, due ", "Next due", f"{following:%Y-%m-%d %H:%M:00} UTC", "1 missed</span> in 7 days"):
        assert words in silent
    steady = web.get("/job?job=steady").text
    assert "</time> on time" in steady
    assert "</span>, due" not in steady
    assert "<bdi>not understood: neither five fields" in web.get("/job?job=odd").text
    jobs = {job["job"]: job for job in web.get("/api/v1/jobs").json()["items"]}
    assert jobs["silent"]["last_due_verdict"] == "late"
    assert jobs["silent"]["last_due_at"] == f"{due:%Y-%m-%dT%H:%M:%SZ}"
    assert jobs["silent"]["next_due_at"] == f"{following:%Y-%m-%dT%H:%M:%SZ}"
    assert (jobs["silent"]["timezone"], jobs["silent"]["missed_7d"], jobs["steady"]["missed_7d"]) == ("UTC", 1, 1)
    assert jobs["odd"]["schedule_problem"] == "not understood: neither five fields as in cron nor a word such as @daily"


def test_a_job_has_a_page_of_its_own(web: httpx.Client, told: Story) -> None:
    page = web.get("/job?job=nightly-import").text
    for words in (
        "2 failed in a row",
        "row &lt;n&gt; is bad",
        "The last 30 days",
        "/?job=nightly-import&amp;service=etl",
    ):
        assert words in page
    assert "/job?job=nightly-import&amp;service=etl" in web.get(f"/runs/{told.run_id}").text
    assert web.get("/job?job=absent").status_code == 404
    assert web.get("/job").status_code == 400
    assert web.get("/job?job=exports&service=other").status_code == 404


def test_errors_are_grouped_and_lead_to_their_runs(web: httpx.Client, told: Story) -> None:
    page = web.get("/errors").text
    assert "row &lt;n&gt; is bad" in page
    (kind,) = web.get("/api/v1/errors?days=7").json()["items"]
    assert (kind["type"], kind["runs"], kind["jobs"]) == ("ValueError", 2, ["nightly-import"])
    assert f"?error={kind['error']}" in page
    runs = web.get(f"/api/v1/runs?error={kind['error']}").json()["items"]
    assert [run["error"]["message"] for run in runs] == ["row 18 is bad", "row 17 is bad"]
    assert web.get("/api/v1/runs?error=nonsense").status_code == 400
    assert "No run failed" in web.get("/errors?job=exports").text
    assert web.get("/errors?days=0").status_code == 400


def test_statistics_are_told_in_numbers(web: httpx.Client, told: Story) -> None:
    found = web.get("/api/v1/statistics?days=2&job=nightly-import").json()
    assert (found["total"]["runs"], found["total"]["failures"]) == (3, 2)
    assert len(found["by_day"]) == 2
    everything = web.get("/api/v1/statistics").json()
    assert everything["top_failing"][0]["job"] == "nightly-import"
    assert everything["slowest"][0]["job"] == "exports"


def test_lines_are_found_and_shown_where_they_stand(web: httpx.Client, told: Story) -> None:
    page = web.get("/search", params={"q": "ORDER read"}).text
    assert page.count("<mark>") == 6
    assert page.index("order</mark> 19") < page.index("Order</mark> 18") < page.index("Order</mark> 17")
    assert f"/runs/{told.run_id}?at=" in page
    assert "No line is like that" in web.get("/search?q=zeppelin").text
    assert "No older line is like that" in page
    assert "newest first" in web.get("/search").text


def test_the_search_takes_every_filter(web: httpx.Client, told: Story) -> None:
    def found(**parameters: str) -> list[str]:
        return [item["line"]["message"] for item in web.get("/api/v1/search", params=parameters).json()["items"]]

    assert found(stage="fetch") == found(task_id="fetch") == ["order 19 is read"]
    assert found(status="failed", q="order") == ["Order 18 could not be read", "Order 17 could not be read"]
    assert found(level="error", attribute="shard=17") == ["Order 17 could not be read"]
    assert (
        found(job="exports") == found(stream="stderr") == found(since="2100-01-01") == found(until="2000-01-01") == []
    )
    assert web.get("/search?attribute=nonsense").status_code == 400
    assert web.get("/search?after=nonsense&q=x").status_code == 400


def test_a_search_goes_on_where_its_page_ended(web: httpx.Client, told: Story) -> None:
    first = web.get("/api/v1/search?q=order&limit=2").json()
    second = web.get(f"/api/v1/search?q=order&limit=2&after={first['next']}").json()
    assert [len(page["items"]) for page in (first, second)] == [2, 1]
    assert first["looked_until"] is not None
    assert second["next"] is second["looked_until"] is None


@pytest.mark.parametrize("path", ["/jobs?q={}", "/jobs", "/job?job={}", "/errors", "/errors?job={}", "/search?q={}"])
def test_hostile_text_stays_text(web: httpx.Client, tell: Tell, path: str) -> None:
    story = tell(HOSTILE)
    story.say(HOSTILE)
    story.end(error=(HOSTILE, HOSTILE, HOSTILE))
    page = web.get(path.format(httpx.QueryParams(x=HOSTILE)["x"].replace("&", "%26")))
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "Content-Security-Policy" in page.headers


def test_pages_are_clean_in_a_browser(address: str, told: Story) -> None:
    with browser_page() as page:
        page.goto(f"{address}/jobs")
        page.get_by_role("link", name="nightly-import").click()
        expect(page.get_by_role("heading", name="The last 30 days")).to_be_visible()
        page.get_by_role("link", name="Search its lines").click()
        page.get_by_role("searchbox").fill("order")
        page.get_by_role("searchbox").press("Enter")
        expect(page.locator("mark")).to_have_count(3)
        page.locator(".l-when a").first.click()
        expect(page.locator(".lines tr:target")).to_contain_text("order 19 is read")


@pytest.mark.parametrize(
    ("message", "words", "shown"),
    [
        ("Order one ORDER two", ["order"], "[Order] one [ORDER] two"),
        ("a.b axb", ["a.b"], "[a.b] axb"),
        ("abab", ["ab", "abab"], "[abab]"),
        ("nothing", [], "nothing"),
        ("x" * 600, [], "x" * 500 + " …"),
        ("x" * 400 + "needle" + "y" * 600, ["needle"], "… " + "x" * 100 + "[needle]" + "y" * 394 + " …"),
    ],
)
def test_an_excerpt_shows_what_was_found(message: str, words: list[str], shown: str) -> None:
    assert "".join(f"[{text}]" if found else text for text, found in excerpt(message, words)) == shown


def test_a_chart_leaves_a_gap_where_nothing_ran() -> None:
    p50s = [1.0, None, 2.0, 4.0]
    days = [
        DayFigures(day=date(2026, 11, 1) + timedelta(days=number), runs=number, failures=number // 2, p50=p50, p95=p50)
        for number, p50 in enumerate(p50s)
    ]
    drawn = chart(days)
    assert (drawn.most_runs, drawn.longest) == (3, 4.0)
    assert drawn.p50 == ["60.0,75.0 60.0,75.0", "360.0,50.0 510.0,0.0"]
    assert [round(bar.failures + bar.others) for bar in drawn.bars] == [0, 33, 67, 100]
    assert chart([]).bars == []
