"""The pages in a real Chromium: what only a browser can tell."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from otel_joblog.conventions import Attribute, Severity
from tests.browsing import chromium, quiet_page
from tests.web.story import SECOND, Story

Tell = Callable[..., Story]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with quiet_page(browser, base_url=address, timezone_id="Asia/Kolkata") as page:
        yield page


def running(tell: Tell, job: str = "nightly-import") -> Story:
    return tell(job, began=time.time_ns() - 3 * SECOND)


def test_a_run_is_found_with_its_steps_and_lines(page: Page, tell: Tell):
    story = tell()
    story.step("load", begin=1)
    story.say("first words", step="load")
    story.end_step("load", begin=1, end=2)
    story.end()
    page.goto("/")
    page.get_by_role("link", name="nightly-import").click()
    expect(page).to_have_title("✓ nightly-import · otel_joblog")
    expect(page.get_by_role("rowheader", name="load")).to_be_visible()
    expect(page.locator("#L1")).to_contain_text("first words")


def test_times_are_shown_where_the_reader_is(page: Page, tell: Tell):
    story = tell(began=1_762_139_524_123_000_000)  # 2025-11-03 03:12:04.123 UTC
    story.say("hello", at=0)
    story.end()
    page.goto(f"/runs/{story.run_id}")
    expect(page.locator("#facts time").first).to_have_text("2025-11-03 08:42:04")
    expect(page.locator("#L1 time")).to_have_text("08:42:04.123")


def test_lines_appear_while_the_run_goes_on_until_its_end(page: Page, tell: Tell):
    story = running(tell)
    story.say("one")
    page.goto(f"/runs/{story.run_id}")
    expect(page.get_by_role("status")).to_have_text("Live")
    story.step("load", begin=3)
    story.say("two", step="load", at=3)
    expect(page.locator("#L2")).to_contain_text("two")
    expect(page.get_by_role("rowheader", name="load")).to_be_visible()
    story.say("late, of another process", at=2.5)
    expect(page.locator("#L3")).to_be_visible()
    assert page.locator(".line-rows tr").evaluate_all("rows => rows.map((row) => row.id)") == ["L1", "L3", "L2"]
    story.end(error=("ValueError", "no", "Traceback: no"), at=4)
    expect(page.locator("#why")).to_contain_text("ValueError")
    expect(page).to_have_title("✗ nightly-import · step load · otel_joblog")
    expect(page.get_by_role("status")).to_have_text("")
    expect(page.locator("#follow")).to_be_hidden()


def test_a_talkative_run_is_followed_from_its_last_lines(page: Page, tell: Tell):
    story = running(tell)
    story.say(*map(str, range(1_200)), every=0.0001)
    page.goto(f"/runs/{story.run_id}")
    story.say("and on", at=1.5)
    expect(page.locator("#L1201")).to_be_visible(timeout=15_000)
    expect(page.locator("#L1")).to_have_count(0)


def test_following_keeps_the_newest_line_in_sight_until_one_scrolls_back(page: Page, tell: Tell):
    story = running(tell)
    story.say(*map(str, range(200)))
    page.goto(f"/runs/{story.run_id}")
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "true")
    story.say(*map(str, range(200, 300)), at=3)
    expect(page.locator("#L300")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator("#L1")).to_be_in_viewport()
    expect(follow).to_have_attribute("aria-pressed", "false")
    story.say(*map(str, range(300, 337)), at=4)
    page.get_by_role("button", name="37 new").click()
    expect(page.locator("#L337")).to_be_in_viewport()
    expect(follow).to_have_attribute("aria-pressed", "true")


def test_lines_are_loaded_as_one_scrolls_down(page: Page, tell: Tell):
    story = tell()
    story.say(*map(str, range(900)))
    story.end()
    page.goto(f"/runs/{story.run_id}")
    expect(page.get_by_role("link", name="Load more")).to_have_count(1)
    page.locator("#L500").scroll_into_view_if_needed()
    expect(page.locator(".line-rows tr")).to_have_count(900)
    expect(page.get_by_role("link", name="Load more")).to_have_count(0)


def test_the_keys_end_and_home_lead_to_the_last_and_the_first_line_of_the_run(page: Page, tell: Tell):
    story = tell()
    story.say(*map(str, range(4_500)))
    story.end()
    page.goto(f"/runs/{story.run_id}")
    page.keyboard.press("End")
    expect(page.locator("#L4500")).to_be_in_viewport()
    page.keyboard.press("PageUp")
    expect(page.locator("#L4500")).not_to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator("#L1")).to_be_in_viewport()


def test_earlier_lines_are_put_above_and_the_reader_stays_where_they_are(page: Page, tell: Tell):
    story = tell()
    story.say(*map(str, range(1_250)))
    story.end()
    page.goto(f"/runs/{story.run_id}?tail=1")
    expect(page.locator(".line-rows tr")).to_have_count(1_000)
    expect(page.locator("#L751")).to_be_in_viewport()
    page.locator("#L251").scroll_into_view_if_needed()
    expect(page.locator(".line-rows tr")).to_have_count(1_250)
    expect(page.locator("#L251")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Earlier lines")).to_have_count(0)
    ids = page.locator(".line-rows tr").evaluate_all("rows => rows.map((row) => row.id)")
    assert ids == [f"L{number}" for number in range(1, 1_251)]


def test_new_runs_are_counted_and_move_nothing_until_they_are_asked_for(page: Page, tell: Tell):
    for number in range(55):
        tell(f"job-{number}", began=1_700_000_000_000_000_000 + number * SECOND).end()
    page.goto("/")
    tell("sync-crm").end()
    tell("sync-crm").end()
    expect(page.get_by_role("link", name="2 new")).to_be_visible(timeout=15_000)
    expect(page.locator("#runs tr").first).to_contain_text("job-54")
    page.get_by_role("link", name="2 new").click()
    expect(page.locator("#runs tr").first).to_contain_text("sync-crm")
    expect(page.locator("#runs tr")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#runs")).to_contain_text("job-0")


def test_this_mornings_failed_run_and_why_in_two_clicks_and_by_keys(page: Page, tell: Tell):
    now = time.time_ns()
    for number in range(60):
        tell(f"sync-{number}", began=now - (200 + number) * SECOND).end()
    failed = tell("nightly-import", began=now - 100 * SECOND, **{Attribute.REFERENCE: "batch-11", "customer": 42})
    failed.end(error=("etl.errors.LoadFailed", "batch 17 refused", "Traceback: batch 17"), at=90)
    page.goto("/")
    page.get_by_role("link", name="Failed today").click()
    page.locator("#runs").get_by_role("link", name="nightly-import").click()
    expect(page.locator("#error")).to_contain_text("batch 17 refused")

    page.goto("/")
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.type("attr.customer:42 status:error")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Without attr.customer:42")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#error")).to_contain_text("batch 17 refused")


def test_the_list_is_found_again_as_it_was(page: Page, tell: Tell):
    now = time.time_ns()
    stories = [tell("sync", began=now - (100 + number) * SECOND) for number in range(50)]
    for story in stories:
        story.end()
    page.set_viewport_size({"width": 1000, "height": 500})
    page.goto("/?query=job:sync")
    for _ in range(40):
        page.keyboard.press("j")
    row = page.locator(f"#run-{stories[39].run_id}")
    expect(row).to_be_in_viewport()
    for back in (page.go_back, page.locator("a[data-back]").click):
        place = row.bounding_box()
        page.keyboard.press("Enter")
        expect(page.locator("#head")).to_be_visible()
        back()
        expect(page).to_have_url(re.compile(r"/\?query=job:sync$"))
        expect(row.get_by_role("link")).to_be_focused()
        assert place is not None
        found = row.bounding_box()
        assert found is not None
        assert abs(found["y"] - place["y"]) < 3


def test_times_of_the_list_are_shown_in_utc_on_request(page: Page, tell: Tell):
    tell("sync").end()
    page.goto("/?query=job:sync")
    assert "UTC+05:30" in (page.locator("#runs time").first.get_attribute("title") or "")
    page.get_by_role("button", name="UTC").click()
    expect(page.get_by_role("button", name="UTC")).to_have_attribute("aria-pressed", "true")
    assert (page.locator("#runs time").first.get_attribute("title") or "").endswith(" UTC")


def test_the_first_run_that_a_filter_waits_for_appears_by_itself(page: Page, tell: Tell):
    tell("other").end()
    page.goto("/?job=sync-crm")
    expect(page.get_by_text("No run is like that")).to_be_visible()
    tell("sync-crm").end()
    expect(page.locator("#runs tr")).to_contain_text("sync-crm", timeout=8_000)


def test_the_list_follows_a_run_to_its_end(page: Page, tell: Tell):
    story = running(tell, "sync-crm")
    page.goto("/")
    expect(page.locator("#runs .badge")).to_have_text("running")
    story.progress(3, 4, "files")
    expect(page.locator("#runs")).to_contain_text("75 %")
    story.end()
    expect(page.locator("#runs .badge")).to_have_text("success")


def test_hostile_strings_do_nothing(page: Page, tell: Tell):
    hostile = (
        "<script>alert(1)</script><img src=x onerror=alert(2)>' onclick='alert(3)\u202e\x1b]8;;javascript:alert(4)"
    )
    story = running(tell, hostile)
    story.attributes[Attribute.OWNER] = hostile
    story.step(hostile)
    story.say(hostile, "\x1b[31mnever closed", severity=Severity.ERROR, step=hostile, **{hostile: hostile})
    page.goto("/")
    page.goto(f"/runs/{story.run_id}")
    story.say(hostile, at=3)
    expect(page.locator("#L3")).to_contain_text("<script>alert(1)</script>")
    story.end(error=(hostile, hostile, hostile), at=4)
    expect(page.locator("#why")).to_contain_text("<script>alert(1)</script>")
    page.get_by_role("link", name="Error", exact=True).click()
    expect(page.locator("#error")).to_contain_text("<script>alert(1)</script>")
    assert page.locator("main script, main img, [onclick], [onerror], [style]").count() == 0


def test_the_page_fits_a_phone(page: Page, tell: Tell):
    story = tell("a-job-with-quite-a-long-name-that-somebody-thought-was-a-good-idea")
    story.step("a-step-" * 20)
    story.say("word " * 200, "x" * 3_000)
    story.end(error=("some.package.errors.LoadFailed", "m" * 300, "t" * 500))
    page.set_viewport_size({"width": 360, "height": 740})
    for address in ("/", f"/runs/{story.run_id}", "/maintenance"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
