from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from otel_joblog.conventions import Attribute, Severity, Stream
from tests.web.story import MINUTE, Story

Tell = Callable[..., Story]

ERROR = ("ValueError", "no", "Traceback (most recent call last):\nValueError: no\n")


def test_runs_are_listed_newest_first_and_paged_by_key(web: httpx.Client, tell: Tell):
    stories = [tell("a-job", began=1_700_000_000_000_000_000 + number * MINUTE) for number in range(5)]
    first = web.get("/api/v1/runs", params={"limit": 3}).json()
    second = web.get("/api/v1/runs", params={"limit": 3, "after": first["next"]}).json()
    assert [run["run_id"] for run in first["items"] + second["items"]] == [story.run_id for story in stories[::-1]]
    assert second["next"] is None


def test_runs_are_filtered(web: httpx.Client, tell: Tell):
    tell("good").end()
    bad = tell("bad", **{Attribute.REFERENCE: "r1"})
    bad.end(error=ERROR)
    tell("open")

    def jobs(**query: str) -> list[str]:
        return [run["job"] for run in web.get("/api/v1/runs", params=query).json()["items"]]

    assert jobs(job="good") == ["good"]
    assert jobs(status="error") == ["bad"]
    assert jobs(status="failed") == ["bad"]
    assert jobs(status="open") == ["open"]
    assert sorted(jobs(status="error,success")) == ["bad", "good"]
    assert jobs(reference="r1") == ["bad"]
    assert jobs(since="2999-01-01") == []
    assert len(jobs(until="2999-01-01T00:00:00+02:00")) == 3


def test_times_are_utc_and_say_so(web: httpx.Client, tell: Tell):
    story = tell()
    story.end()
    (run,) = web.get("/api/v1/runs").json()["items"]
    assert run["started_at"].endswith("Z")
    assert run["ended_at"].endswith("Z")
    assert datetime.fromisoformat(run["ended_at"]).timestamp() == pytest.approx(story.began / 1e9 + 60)
    assert run["duration"] == 60.0


def test_a_run_comes_with_its_error_and_steps(web: httpx.Client, tell: Tell):
    story = tell()
    span_id = story.step("load", begin=1)
    story.end_step("load", begin=1, end=2, error=ERROR)
    story.end(error=ERROR)
    run = web.get(f"/api/v1/runs/{story.run_id[:32]}").json()
    assert run["run_id"] == story.run_id
    assert run["status"] == "error"
    assert run["error"] == {"type": "ValueError", "message": "no", "stacktrace": ERROR[2]}
    assert [(step["name"], step["span_id"], step["status"]) for step in run["steps"]] == [("load", span_id, "error")]
    assert run["resource"]["service.name"] == "etl"


def test_lines_are_paged_filtered_and_tailed(web: httpx.Client, tell: Tell):
    story = tell()
    step = story.step("load")
    story.say("one", "two", "three")
    story.say("printed", stream=Stream.STDERR, step="load", at=3)
    story.say("broken", severity=Severity.ERROR, at=4, code=7)
    story.end()
    address = f"/api/v1/runs/{story.run_id}/logs"

    def messages(**query: str | int | None) -> list[str]:
        return [line["message"] for line in web.get(address, params=query).json()["items"]]

    first = web.get(address, params={"limit": 2}).json()
    assert [line["message"] for line in first["items"]] == ["one", "two"]
    assert messages(after=first["next"]) == ["three", "printed", "broken"]
    assert messages(tail=1, limit=2) == ["printed", "broken"]
    assert messages(level="error") == ["broken"]
    assert messages(stream="stderr") == ["printed"]
    assert messages(step=step) == ["printed"]
    last = web.get(address, params={"tail": "true", "limit": 1}).json()["items"][0]
    assert last["level"] == "ERROR"
    assert last["attributes"] == {"code": 7}
    assert last["time"].endswith("Z")


def test_lines_are_chosen_by_stage_task_time_and_words_and_counted(web: httpx.Client, tell: Tell):
    story = tell()
    story.step("load", begin=1, **{Attribute.STAGE: "extract", Attribute.TASK_ID: "a/b 1"})
    story.step("parse", begin=2, inside="load")
    story.say("outside")
    story.say("loaded", "more", step="load", at=3)
    story.say("parsed", step="parse", at=10)
    story.end()
    address = f"/api/v1/runs/{story.run_id}/logs"

    def messages(**query: str) -> list[str]:
        answer = web.get(address, params=query).json()
        assert (answer["total"], answer["matching"], answer["at_least"]) == (4, len(answer["items"]), False)
        return [line["message"] for line in answer["items"]]

    assert messages() == ["outside", "loaded", "more", "parsed"]
    assert messages(stage="extract") == messages(task_id="a/b 1") == ["loaded", "more", "parsed"]
    assert messages(q="or", stage="extract") == ["more"]
    assert messages(since=datetime.fromtimestamp(story.at(9) / 1e9, UTC).isoformat()) == ["parsed"]
    page = web.get(address, params={"stage": "extract", "limit": 1}).json()
    following = web.get(address, params={"stage": "extract", "after": page["next"]}).json()
    assert [line["message"] for line in following["items"]] == ["more", "parsed"]
    assert following["matching"] is None
    refused = web.get(address, params={"stage": "lod"})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        "this run has no stage 'lod': it has extract",
    )
    (line,) = web.get(address, params={"q": "parsed"}).json()["items"]
    assert (line["step"], line["stage"], line["task_id"]) == ("parse", "extract", "a/b 1")


def test_a_task_is_read_over_all_runs_and_a_run_by_its_stages(web: httpx.Client, tell: Tell):
    for number, job in enumerate(("orders", "billing")):
        story = tell(job, began=1_790_000_000_000_000_000 + number * MINUTE)
        story.step("load", begin=1, **{Attribute.STAGE: "extract", Attribute.TASK_ID: "a/b 1"})
        story.say(f"{job} loads", step="load", at=2)
        story.end()
    address = "/api/v1/tasks/a%2Fb%201/logs"
    answer = web.get(address).json()
    assert [(item["job"], item["line"]["message"]) for item in answer["items"]] == [
        ("billing", "billing loads"),
        ("orders", "orders loads"),
    ]
    first = web.get(address, params={"limit": 1}).json()
    rest = web.get(address, params={"after": first["next"], "limit": 1}).json()
    assert [item["job"] for item in rest["items"]] == ["orders"]
    assert [item["job"] for item in web.get(address, params={"job": "orders"}).json()["items"]] == ["orders"]
    assert web.get(address, params={"level": "error"}).json() == {"items": [], "next": None}
    missing = web.get("/api/v1/tasks/load/logs")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "task_not_found")
    stages = web.get(f"/api/v1/runs/{story.run_id}/stages").json()
    (stage,) = stages["items"]
    assert (stage["stage"], stage["lines"], [task["task_id"] for task in stage["tasks"]]) == ("extract", 1, ["a/b 1"])
    assert stages["outside"] == {"lines": 0, "warnings": 0, "errors": 0}


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("limit=0", "from 1 to 200"),
        ("limit=201", "from 1 to 200"),
        ("limit=many", "from 1 to 200"),
        ("limit=²", "from 1 to 200"),
        ("status=broken", "pending, running, success"),
        ("since=yesterday", "2026-11-03T03:12, or how long ago it was"),
        ("since=0001-01-01T00:00:00%2B14:00", "such as 2026-11-03T03:12"),
        ("job=%00", "NUL"),
        ("after=%F0%9F%98%80", "no key of a page"),
    ],
)
def test_a_bad_parameter_is_refused_with_what_is_allowed(web: httpx.Client, query: str, hint: str):
    answer = web.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"
    assert hint in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("limit=5001", "from 1 to 5000"),
        ("level=loud", "trace, debug, info, warn, error or fatal"),
        ("stream=stdin", "log, stdout or stderr"),
        ("step=load", "16 digits"),
        ("tail=perhaps", "1, true, 0 or false"),
        ("since=yesterday", "2026-11-03T03:12, or how long ago it was"),
        ("after=zz", "no key of a page"),
    ],
)
def test_a_bad_parameter_of_lines_is_refused_with_what_is_allowed(web: httpx.Client, tell: Tell, query: str, hint: str):
    answer = web.get(f"/api/v1/runs/{tell().run_id}/logs?{query}")
    assert answer.status_code == 400
    assert hint in answer.json()["error"]["message"]


def test_an_unknown_run_or_address_is_not_found(web: httpx.Client):
    for address in ("/api/v1/runs/abcdef0123", "/api/v1/runs/abcdef0123/logs"):
        answer = web.get(address)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "run_not_found"
    assert web.get("/api/v1/nothing").json()["error"]["code"] == "not_found"


def test_health_tells_that_the_database_answers(web: httpx.Client):
    answer = web.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["ok"] is True


def test_what_is_cut_among_others_is_whole_by_its_own_address(web: httpx.Client, tell: Tell):
    story = tell()
    span_id = story.step("load", begin=1)
    story.end_step("load", begin=1, end=2, error=("ValueError", "m" * 3_000, "t" * 30_000))
    story.end(error=("ValueError", "m" * 3_000, "t" * 30_000))
    (listed,) = web.get("/api/v1/runs").json()["items"]
    run = web.get(f"/api/v1/runs/{story.run_id}").json()
    (among,) = run["steps"]
    alone = web.get(f"/api/v1/runs/{story.run_id}/steps/{span_id}").json()
    lengths = [len(one["error"]["message"]) for one in (listed, run, among, alone)]
    assert lengths == [500, 3_000, 2_000, 3_000]
    assert [len(one["error"]["stacktrace"]) for one in (run, among, alone)] == [30_000, 20_000, 30_000]
    assert [one["cut"] for one in (listed, run, among, alone)] == [True, False, True, False]
    assert f"/api/v1/runs/{story.run_id}/steps/{span_id}" in web.get(f"/runs/{story.run_id}").text


@pytest.mark.parametrize("span_id", ["0" * 15 + "9", "load", "0" * 17])
def test_a_step_that_is_not_there_is_not_found(span_id: str, web: httpx.Client, tell: Tell):
    answer = web.get(f"/api/v1/runs/{tell().run_id}/steps/{span_id}")
    assert answer.status_code == 404
    assert "step" in answer.json()["error"]["message"]


def test_a_page_tells_of_runs_that_a_wrong_clock_put_far_ahead(web: httpx.Client, tell: Tell):
    tell("now").end()
    assert "a clock is wrong" not in web.get("/").text
    tell("ahead", began=(2116 - 1970) * 365 * 86_400 * 10**9)
    page = web.get("/").text
    assert "1 run said to begin more than a day from now" in page
    assert ">ahead<" not in page
    assert web.get("/api/v1/runs").json()["ahead"] == 1
    address = re.search(r"clock is wrong. <a href=\"([^\"]+)", page)
    assert address is not None
    assert ">ahead<" in web.get(address[1]).text
