"""Two runs compared: by API, on a page, and from a failed run in one click."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from otel_joblog.conventions import Severity
from tests.browsing import chromium, quiet_page
from tests.web.story import MINUTE, Story

Tell = Callable[..., Story]
HOUR = 60 * MINUTE


def two_runs(tell: Tell) -> tuple[Story, Story]:
    """A success, and a failed run an hour later: one step takes longer, one is missing, one is new."""
    good = tell(began=time.time_ns() - 2 * HOUR, **{"joblog.argument.day": "monday", "app.version": "1.0"})
    bad = tell(began=time.time_ns() - HOUR, **{"joblog.argument.day": "tuesday", "app.version": "1.1"})
    for story, seconds, other in ((good, 2.0, "vacuum"), (bad, 9.0, "repair <b>")):
        story.step("load", begin=0)
        for number in range(2):
            story.step(f"batch {number}", begin=number, inside="load")
            story.end_step(f"batch {number}", begin=number, end=number + seconds, inside="load")
        story.end_step("load", begin=0, end=1 + seconds)
        story.step(other, begin=10)
        story.end_step(other, begin=10, end=11)
        story.say(*(f"read {number} rows of 'table {number}' at 2026-11-03" for number in range(20)))
    good.say("all is well")
    good.end(at=12)
    bad.say("server <4> refused", severity=Severity.ERROR)
    bad.end(error=("LoadFailed", "refused", ""), at=12)
    return good, bad


def test_a_failed_run_is_compared_with_the_last_success_before_it(web: httpx.Client, tell: Tell):
    good, bad = two_runs(tell)
    tell(began=time.time_ns() - MINUTE).end()  # a later one
    found = web.get(f"/api/v1/runs/{bad.run_id}/compare").json()
    assert (found["run"]["run_id"], found["other"]["run_id"]) == (bad.run_id, good.run_id)
    changes = {" / ".join(step["path"]): step["change"] for step in found["steps"]}
    assert changes == {
        "load": "slower",
        "load / batch …": "slower",
        "vacuum": "missing",
        "repair <b>": "new",
    }
    assert [(each["example"], each["lines"], each["level"]) for each in found["only_run"]] == [
        ("server <4> refused", 1, "ERROR")
    ]
    assert [each["example"] for each in found["only_other"]] == ["all is well"]
    assert found["lines_read"] == [21, 21]
    assert found["arguments"] == [{"name": "day", "run": "tuesday", "other": "monday"}]
    assert found["versions"] == [{"name": "app.version", "run": "1.1", "other": "1.0"}]
    assert found["attributes"] == []
    backwards = web.get(f"/api/v1/runs/{good.run_id}/compare/{bad.run_id}").json()
    assert {step["change"] for step in backwards["steps"]} == {"quicker", "missing", "new"}


def test_no_success_to_compare_with_is_told(web: httpx.Client, tell: Tell):
    story = tell()
    story.end(error=("LoadFailed", "refused", ""))
    for address in (f"/runs/{story.run_id}/compare", f"/api/v1/runs/{story.run_id}/compare"):
        answer = web.get(address)
        assert answer.status_code == 404
        assert "is a success to compare it with" in answer.text


def test_of_many_lines_the_ends_and_the_problems_are_read_and_the_page_says_so(web: httpx.Client, tell: Tell):
    good, bad = tell(began=time.time_ns() - 2 * HOUR), tell(began=time.time_ns() - HOUR)
    for story in (good, bad):
        story.say(*(f"row {number}" for number in range(6_000)), every=0.001)
    bad.say("in the midst", severity=Severity.WARN, at=3.5)
    for story in (good, bad):
        story.end()
    html = web.get(f"/runs/{bad.run_id}/compare").text
    assert "in the midst" in html
    assert "Read were 4,001 of 6,001 lines and 4,000 of 6,000" in html


def test_a_failed_run_is_one_click_from_the_comparison(tell: Tell, address: str):
    _, bad = two_runs(tell)
    with chromium() as browser, quiet_page(browser, base_url=address) as page:
        page.goto(f"/runs/{bad.run_id}")
        page.get_by_role("link", name="Compare with the last success").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("nightly-import compared with its last success")
        expect(page.get_by_role("row", name=re.compile("^vacuum missing"))).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("^repair <b> new"))).to_be_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("link", name="server <4> refused").click()
        expect(page.locator("#L21")).to_be_in_viewport()
