"""The page of a run in a real Chromium: lines found, chosen and copied by keyboard and mouse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from otel_joblog.conventions import Attribute, Severity
from tests.browsing import chromium, quiet_page
from tests.web.story import Story

Tell = Callable[..., Story]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    allowed = ["clipboard-read", "clipboard-write"]
    with quiet_page(browser, base_url=address, permissions=allowed) as page:
        yield page


def test_words_are_found_by_keyboard_in_lines_that_are_not_loaded_yet(page: Page, tell: Tell):
    story = tell()
    story.say(*(f"row {number}{' is refused' * (number in (9, 3_000, 4_700))}" for number in range(1, 5_001)))
    story.end()
    page.goto(f"/runs/{story.run_id}")
    page.keyboard.press("/")
    page.keyboard.type("refused")
    page.keyboard.press("Enter")
    found = page.locator("#found")
    expect(found).to_have_text("1 of 3")
    expect(page.locator("#L9")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(found).to_have_text("2 of 3")
    expect(page.locator("#L3000")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#L4700")).to_be_in_viewport()
    page.keyboard.press("Shift+Enter")
    expect(found).to_have_text("2 of 3")
    expect(page.locator("#L3000.here")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(found).to_have_text("")


def test_a_range_of_lines_has_an_address(page: Page, tell: Tell):
    story = tell()
    story.say(*(f"row {number}" for number in range(1, 2_501)))
    story.end()
    page.goto(f"/runs/{story.run_id}")
    page.get_by_role("link", name="Line 5", exact=True).click()
    expect(page).to_have_url(re.compile("#L5$"))
    page.get_by_role("link", name="Line 20", exact=True).click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile("#L5-L20$"))
    address = page.url
    page.goto("/")
    page.goto(address)
    expect(page.locator("tr.chosen")).to_have_count(16)
    expect(page.locator("#L5")).to_be_in_viewport()


def test_what_is_copied_are_the_messages_and_their_times_if_asked_for(page: Page, tell: Tell):
    story = tell()
    story.say("first\nof two lines", "second", "third")
    story.end()
    page.goto(f"/runs/{story.run_id}")
    select = """() => getSelection().setBaseAndExtent(
        document.querySelector("#L1 .text").firstChild, 0, document.querySelector("#L2 .text").firstChild, 6)"""
    page.evaluate(select)
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == "first\nof two lines\nsecond"
    page.get_by_text("Options").click()
    page.get_by_label("Copy with times").check()
    page.evaluate(select)
    page.keyboard.press("Control+c")
    first, second, third, _ = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert first.endswith("Z INFO first")
    assert second == "of two lines"
    assert third.endswith("Z INFO second")


def test_the_map_of_problems_leads_to_them_and_groups_open(page: Page, tell: Tell):
    story = tell()
    story.step("load", begin=1, **{Attribute.STAGE: "extract", Attribute.TASK_ID: "orders"})
    story.say(*map(str, range(3_000)), step="load", every=0.01)
    story.say("broken", severity=Severity.ERROR, at=40)
    story.end()
    page.goto(f"/runs/{story.run_id}")
    page.get_by_role("link", name="1 error from").click()
    expect(page.locator("#L3001.here")).to_be_in_viewport()
    page.goto(f"/runs/{story.run_id}?group=1")
    page.locator("details.task summary").click()
    expect(page.locator("#L1")).to_be_visible()


def test_a_run_of_many_steps_and_lines_keeps_both_in_view(page: Page, tell: Tell):
    story = tell()
    for number in range(95):
        story.step(f"step {'abcdefghij'[number % 10]}{number}x", begin=number)
    story.say(*(f"row {number}" for number in range(1, 30)))
    story.end()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"/runs/{story.run_id}")
    expect(page.locator("#L1")).to_be_in_viewport()
    expect(page.locator("#step-rows tr").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


LARGE = """
insert into joblog.job_step
  (started_at, ended_at, trace_id, span_id, parent_span_id, run_span_id, seq, status, kind, otel_kind, name,
  status_message, scope)
select began + n * interval '10 ms', began + (n + 1) * interval '10 ms', %(trace)s, 1000000 + n, %(run)s, %(run)s, n,
  case when mod(n, 1000) = 0 then 5 else 2 end, 0, 0, 'import', '', ''
from generate_series(1, 10000) as n
cross join (select started_at as began from joblog.job_run where trace_id = %(trace)s) as run;
insert into joblog.job_log (ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, message)
select began + n * interval '1 ms', %(trace)s, %(run)s, 1000000 + n / 11 + 1, n, 9, 0, 'etl',
  'row ' || n || case when n in (50, 99000) then ' of special interest' else '' end
from generate_series(1, 100000) as n
cross join (select started_at as began from joblog.job_run where trace_id = %(trace)s) as run;
update joblog.job_run
set lines = 100000, lines_emitted = 100000, steps = 10000, first_at = started_at,
  last_at = started_at + interval '101 s'
where trace_id = %(trace)s;
"""


def test_a_run_of_a_hundred_thousand_lines_and_ten_thousand_steps_is_read_like_any_other(
    page: Page, tell: Tell, dsn: str
):
    story = tell()
    story.end(at=101)
    with psycopg.connect(dsn) as connection, psycopg.ClientCursor(connection) as cursor:
        run = int.from_bytes(story.span_id, signed=True)
        cursor.execute(LARGE, {"trace": UUID(bytes=story.trace_id), "run": run})
    page.goto(f"/runs/{story.run_id}")
    expect(page.locator("tr.fold a")).to_be_visible()
    expect(page.locator("#step-rows tr")).to_have_count(11)
    page.keyboard.press("End")
    expect(page.locator("#L100000")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator("#L1")).to_be_in_viewport()
    page.keyboard.press("/")
    page.keyboard.type('"special interest"')
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_text("2 of 2")
    expect(page.locator("#L99000")).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#L99000'))")
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()").strip() == "row 99000 of special interest"
    page.locator("tr.fold a").click()
    expect(page.locator("#step-rows tr")).to_have_count(1_001)
