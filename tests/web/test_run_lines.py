"""Lines of a run beyond what one page shows: where matches and problems are, plain text, groups."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from otel_joblog.conventions import Attribute, Severity
from tests.web.story import Story

Tell = Callable[..., Story]


def test_where_matches_are_is_told_by_key_and_counted(web: httpx.Client, tell: Tell):
    story = tell()
    story.say(*(f"row {number}{' slow' * (number % 100 == 7)}" for number in range(1_500)))
    story.end()
    address = f"/api/v1/runs/{story.run_id}/matches"
    page = web.get(address, params={"q": "SLOW", "limit": 10}).json()
    assert [match["seq"] for match in page["items"]] == [8 + 100 * number for number in range(10)]
    assert (page["total"], page["matching"], page["at_least"]) == (1_500, 15, False)
    rest = web.get(address, params={"q": "slow", "limit": 10, "after": page["next"]}).json()
    assert [match["seq"] for match in rest["items"]] == [8 + 100 * number for number in range(10, 15)]
    assert (rest["next"], rest["matching"]) == (None, None)
    lines = web.get(f"/api/v1/runs/{story.run_id}/logs", params={"after": page["next"], "limit": 1}).json()["items"]
    assert lines[0]["seq"] == 909


def test_warnings_and_errors_are_placed_in_the_time_of_the_run(web: httpx.Client, tell: Tell):
    story = tell()
    story.say("begun", at=0)
    story.say("careful", severity=Severity.WARN, at=50)
    story.say("broken", severity=Severity.ERROR, at=50.01)
    story.say("the end", severity=Severity.WARN, at=100)
    story.end(at=100)
    problems = web.get(f"/api/v1/runs/{story.run_id}/problems").json()
    places = [(part["part"], part["warnings"], part["errors"], part["seq"]) for part in problems["items"]]
    assert places == [(100, 1, 1, 3), (199, 1, 0, 4)]
    html = web.get(f"/runs/{story.run_id}").text
    assert f"at={problems['items'][0]['key']}#L3" in html
    assert "1 error, 1 warning from " in html


def test_lines_are_plain_text_at_an_address_of_their_own(web: httpx.Client, tell: Tell):
    story = tell()
    story.say(*(f"\x1b[31mrow {number}\x1b[0m" for number in range(4_500)), "bell \x07", every=0.001)
    story.say("a fault", severity=Severity.ERROR, at=10)
    story.end()
    answer = web.get(f"/runs/{story.run_id}/lines.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "".join(f"row {number}\n" for number in range(4_500)) + "bell \\x07\na fault\n"
    filtered = web.get(f"/runs/{story.run_id}/lines.txt?level=error&times=1&download=1")
    assert filtered.text.endswith("Z ERROR a fault\n")
    assert filtered.text.count("\n") == 1
    assert filtered.headers["content-disposition"] == f'attachment; filename="{story.run_id}.txt"'
    assert web.get("/runs/abcdef/lines.txt").status_code == 404


def test_lines_are_grouped_by_stage_and_task(web: httpx.Client, tell: Tell):
    story = tell()
    story.step("load", begin=1, **{Attribute.STAGE: "extract", Attribute.TASK_ID: "orders <1>"})
    story.say("outside")
    story.say("row one", "row two", step="load", at=3)
    story.end()
    html = web.get(f"/runs/{story.run_id}?group=1").text
    assert "orders &lt;1&gt;" in html
    assert f'data-lines="/runs/{story.run_id}/lines?stage=extract&amp;task_id=orders+%3C1%3E"' in html
    assert "row one" not in html
