from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from otel_joblog.conventions import Attribute, RunStatus, Severity, Stream
from otel_joblog.export.semantics import UNNUMBERED
from otel_joblog.records import AFTER_END, SpanLink
from otel_joblog.store.write.writer import Writer
from otel_joblog.web.format import rough
from tests.web.serving import served
from tests.web.story import MINUTE, PROCESS, Story

Tell = Callable[..., Story]

TRACEBACK = """Traceback (most recent call last):
  File "/srv/etl/nightly.py", line 91, in load
    raise LoadFailed("batch 17 refused")
etl.errors.LoadFailed: batch 17 refused
"""
LOAD_FAILED = ("etl.errors.LoadFailed", "batch 17 refused", TRACEBACK)
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe'


def page(web: httpx.Client, address: str, status: int = 200) -> str:
    answer = web.get(address)
    assert answer.status_code == status, answer.text
    return answer.text


def shown(html: str) -> str:
    """What a reader sees of a page: its text, entities resolved as far as these tests need."""
    text = re.sub(r"<[^>]+>", " ", html.partition("<main")[2])
    for entity, character in {"&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'", "&amp;": "&"}.items():
        text = text.replace(entity, character)
    return re.sub(r"\s+", " ", text)


def seqs(html: str) -> list[int]:
    return [int(seq) for seq in re.findall(r'<tr id="L(\d+)"', html)]


# The list


def test_an_empty_store_says_how_to_make_the_first_log(web: httpx.Client):
    html = page(web, "/")
    assert "No job logs yet" in html
    assert "from otel_joblog import job" in html


def test_the_list_shows_what_a_run_did_and_why_it_failed(web: httpx.Client, tell: Tell):
    story = tell("nightly-import", **{Attribute.REFERENCE: "batch-11"})
    story.say("one", "two")
    story.say("careful", severity=Severity.WARN)
    story.end(error=LOAD_FAILED, at=94.2)
    text = shown(page(web, "/"))
    assert "nightly-import" in text
    assert "batch-11" in text
    assert "error" in text
    assert "etl.errors.LoadFailed: batch 17 refused" in text
    assert "1 m 34 s" in text
    assert "schedule" in text
    assert "worker-3" in text


def test_the_list_is_paged_by_key_newest_first(web: httpx.Client, tell: Tell):
    stories = [tell(f"job-{number:02}", began=1_700_000_000_000_000_000 + number * MINUTE) for number in range(55)]
    first = page(web, "/")
    jobs = re.findall(r'class="job">(job-\d+)', first)
    assert jobs == [f"job-{number:02}" for number in range(54, 4, -1)]
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older
    second = page(web, older[1])
    assert "job-04" in second
    assert "job-05" not in second
    assert 'rel="first">Newest' in second
    assert 'rel="next"' not in second
    assert len(stories) == first.count('<tr id="run-') + second.count('<tr id="run-')


def test_the_list_is_filtered_and_pages_keep_the_filter(web: httpx.Client, tell: Tell):
    for number in range(52):
        tell("wanted", began=1_700_000_000_000_000_000 + number * MINUTE).end(error=LOAD_FAILED)
    tell("unwanted").end()
    html = page(web, "/?job=wanted&status=failed")
    assert "unwanted" not in shown(html)
    assert "job=wanted&amp;status=failed&amp;after=" in html
    assert 'value="job:wanted status:failed"' in html  # parameters are what the box says
    assert "No run is like that" in page(web, "/?job=nobody")


def test_a_parameter_that_cannot_be_used_is_answered_with_what_can(web: httpx.Client):
    text = shown(page(web, "/?status=broken", 400))
    assert "status='broken' cannot be used" in text
    assert "timeout, lost, failed or open" in text.replace(", open", " or open")


# A run


def test_a_failed_run_shows_its_error_first_and_names_the_step(web: httpx.Client, tell: Tell):
    story = tell()
    story.step("load", begin=1)
    batch = story.step("batch 17", begin=2, inside="load")
    story.say("refused", severity=Severity.ERROR, step="batch 17")
    story.end_step("batch 17", begin=2, end=3, inside="load", error=LOAD_FAILED)
    story.end_step("load", begin=1, end=4, error=LOAD_FAILED)
    story.end(error=LOAD_FAILED, at=5)
    html = page(web, f"/runs/{story.run_id}")
    assert "<title>✗ nightly-import · step load / batch 17 · otel_joblog" in html
    assert html.index('id="why"') < html.index('id="facts"') < html.index('id="lines"')
    assert "Failed in step load / batch 17 after 5.00 s." in shown(html)
    assert "etl.errors.LoadFailed : batch 17 refused at nightly.py line 91 in load" in shown(html)
    assert f'#step-{batch}"' in html
    assert 'class="k-step culprit"' in html
    assert '<span class="h-number">91</span>, in ' in page(web, f"/runs/{story.run_id}?tab=error")


def test_a_prefix_leads_to_the_run_and_keeps_the_query(web: httpx.Client, tell: Tell):
    story = tell()
    answer = web.get(f"/runs/{story.run_id[:32]}?level=error")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"/runs/{story.run_id}?level=error"


def test_no_such_run_says_so(web: httpx.Client):
    assert "No such run" in page(web, "/runs/abcdef0123", 404)
    assert "No such run" in page(web, "/runs/what%00ever", 404)


def test_lines_after_its_end_are_told_of_a_run(web: httpx.Client, tell: Tell):
    story = tell()
    story.say("in time")
    story.end()
    story.lines = AFTER_END - 1
    story.say("late", at=61)
    text = shown(page(web, f"/runs/{story.run_id}"))
    assert "2 of 2 lines, 1 after its end" in text
    told = web.get(f"/api/v1/runs/{story.run_id}").json()
    assert (told["lines"], told["lines_emitted"], told["lines_after_end"]) == (2, 2, 1)


def test_lines_missing_from_the_store_are_told_plainly(web: httpx.Client, tell: Tell):
    whole, partial = tell(), tell()
    for story, emitted in ((whole, None), (partial, 12_431)):
        story.say(*map(str, range(10)))
        story.end(emitted=emitted)
    assert "10 of 10 lines" in shown(page(web, f"/runs/{whole.run_id}"))
    text = shown(page(web, f"/runs/{partial.run_id}"))
    assert "10 of 12,431 lines" in text
    assert "12,421 lines missing: not arrived; the journal of its host may still hold them" in text


def test_steps_are_a_tree_with_bars_in_place(web: httpx.Client, tell: Tell):
    story = tell()
    story.step("outer", begin=0)
    story.step("inner", begin=5, inside="outer", **{Attribute.STAGE: "second", Attribute.TASK_ID: "orders"})
    story.end_step("inner", begin=5, end=7.5, inside="outer")
    story.end_step("outer", begin=0, end=10)
    story.end(at=10)
    html = page(web, f"/runs/{story.run_id}")
    rows = re.findall(r'<tr id="step-.*?</tr>', html, re.DOTALL)
    assert ["outer" in rows[0], "inner" in rows[1]] == [True, True]
    assert 'class="depth-0"' in rows[0]
    assert 'class="depth-1"' in rows[1]
    assert "2 pauses drawn short" in html
    assert 'x="3.00%" width="94.00%"' in rows[1]
    assert "style=" not in html


def test_an_unresponsive_run_says_since_when_it_is_silent(web: httpx.Client, tell: Tell, writer: Writer, dsn: str):
    story = tell()
    writer.beat([PROCESS.process_id])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("update joblog.job_live set beat_at = now() - interval '45 seconds'")
    assert "running unresponsive" in shown(page(web, "/"))
    for address in (f"/runs/{story.run_id}", f"/live/runs/{story.run_id}"):
        html = page(web, address)
        assert re.search(r"No sign of life for 4\d s, since <time", html)
        assert 's-running"' in html
    assert web.get("/api/v1/runs").json()["items"][0]["remark"] == "unresponsive"
    story.end()
    assert 'class="remark"' not in page(web, "/")


# Lines


def test_the_first_lines_are_followed_by_load_more(web: httpx.Client, tell: Tell):
    story = tell()
    story.say(*(f"message {number}" for number in range(1, 1_001)))
    story.end()
    html = page(web, f"/runs/{story.run_id}")
    assert seqs(html) == list(range(1, 501))
    fragment = re.search(r'data-fragment="([^"]+)"', html)
    assert fragment
    more = page(web, fragment[1].replace("&amp;", "&"))
    assert seqs(more) == list(range(501, 1_001))
    assert "Load more" not in more
    assert "<html" not in more


def test_the_last_lines_are_one_link_away(web: httpx.Client, tell: Tell):
    story = tell()
    story.say(*(f"message {number}" for number in range(1, 1_501)))
    story.end()
    assert seqs(page(web, f"/runs/{story.run_id}?tail=1")) == list(range(1_001, 1_501))


def test_an_open_run_shows_its_last_lines(web: httpx.Client, tell: Tell):
    story = tell()
    story.say(*(f"message {number}" for number in range(1, 1_501)))
    html = page(web, f"/runs/{story.run_id}")
    assert seqs(html)[-1] == 1_500
    assert "1,500 lines so far" in shown(html)
    assert "<title>▶ nightly-import" in html


def test_a_link_to_any_line_leads_to_it_among_its_neighbours(web: httpx.Client, tell: Tell):
    story = tell()
    story.say(*(f"message {number}" for number in range(1, 2_501)), every=0.01)
    story.say("it broke", severity=Severity.ERROR, at=25.5)
    story.say(*(f"message {number}" for number in range(2_501, 5_001)), at=26, every=0.01)
    story.end()
    html = page(web, f"/runs/{story.run_id}?level=error")
    link = re.search(r'href="([^"]+)#L2501"', html)
    assert link
    html = page(web, link[1])
    assert seqs(html)[:102] == [*range(2_352, 2_452), 2_501, 2_452]
    assert len(seqs(html)) == 600
    earlier = re.search(r'id="load-earlier" href="([^"#]+)#lines" data-fragment="([^"]+)"', html)
    assert earlier
    assert seqs(page(web, earlier[1])) == [*range(1_852, 2_352)]
    fragment = page(web, earlier[2])
    assert seqs(fragment) == [*range(1_852, 2_352)]
    assert "Load more" not in fragment
    assert "Earlier lines" in fragment


def test_lines_are_filtered_by_severity_step_and_stream(web: httpx.Client, tell: Tell):
    story = tell()
    load = story.step("load")
    story.say("plain")
    story.say("careful", severity=Severity.WARN)
    story.say("broken", severity=Severity.ERROR, step="load")
    story.say("printed", stream=Stream.STDOUT, step="load")
    story.end()
    address = f"/runs/{story.run_id}"
    assert seqs(page(web, f"{address}?level=warn")) == [2, 3]
    assert seqs(page(web, f"{address}?level=error")) == [3]
    assert seqs(page(web, f"{address}?step={load}")) == [3, 4]
    assert seqs(page(web, f"{address}?stream=stdout")) == [4]
    assert "No line is like that" in page(web, f"{address}?level=fatal")


def test_a_long_message_is_folded_and_whole(web: httpx.Client, tell: Tell):
    story = tell()
    story.say("\n".join(f"row {number}" for number in range(400)), "x" * 1_000_000)
    story.end()
    html = page(web, f"/runs/{story.run_id}")
    assert "Show all 400 lines" in html
    assert "row 399" in html
    assert "Show all 1.0 MB" in html
    assert html.count("x") >= 1_000_000


def test_a_fold_cuts_no_escape_sequence(web: httpx.Client, tell: Tell):
    story = tell()
    story.say("x" * 1_998 + "\x1b[31m" + "red" * 500)
    story.end()
    html = page(web, f"/runs/{story.run_id}")
    assert '<span class="a-red">redred' in html
    assert "[31m" not in html
    assert r"\x1b" not in html


def test_colours_become_classes_and_control_characters_are_seen(web: httpx.Client, tell: Tell):
    story = tell()
    story.say(
        "\x1b[1;31mred\x1b[0m plain", "bell \x07, broken \x1b[12", "\x1b]8;;http://example.com\x07link\x1b]8;;\x07"
    )
    story.end()
    html = page(web, f"/runs/{story.run_id}")
    assert '<span class="a-bold a-red">red</span> plain' in html
    assert r"bell \x07, broken \x1b[12" in html
    assert ">link<" in html


def test_a_line_whose_sender_gave_it_no_number_shows_none(web: httpx.Client, tell: Tell):
    story = tell()
    story.say("the first")
    story.lines = UNNUMBERED
    story.say("of no number", at=2)
    story.lines = 2
    story.end()
    html = page(web, f"/runs/{story.run_id}")
    assert seqs(html) == [1, UNNUMBERED + 1]
    assert re.findall(r'aria-label="Line \d+">([^<]+)<', html) == ["1", "·"]


def test_attributes_of_a_line_can_be_opened(web: httpx.Client, tell: Tell):
    story = tell()
    story.say("with extras", order_id=88213, payload={"deep": [1, 2]})
    story.end()
    html = page(web, f"/runs/{story.run_id}")
    assert "2 attributes" in html
    assert "88213" in html
    assert "{&#34;deep&#34;:[1,2]}" in html


# Live


def test_the_live_fragment_of_the_list_has_the_rows_asked_for_and_counts_new_ones(web: httpx.Client, tell: Tell):
    story, other = tell(), tell("other")
    newest = re.search(r'data-newest="([^"]+)"', page(web, "/"))
    assert newest
    fragment = page(web, f"/live/runs?open={story.run_id}")
    assert f'<tr id="run-{story.run_id}" data-open="{story.run_id}"' in fragment
    assert other.run_id not in fragment
    assert "<html" not in fragment
    address = f"/live/runs?newest={newest[1].replace('+', '%2B')}"
    assert 'data-number=""' in page(web, address)
    tell(began=time.time_ns())
    assert 'data-number="1"' in page(web, address)
    assert 'data-number="1"' in page(web, f"{address}&query=job:nightly-import")
    assert 'data-number=""' in page(web, f"{address}&query=job:other")
    page(web, "/live/runs?open=abc", 400)
    page(web, "/live/runs?newest=abc", 400)


def test_the_live_fragment_of_a_run_brings_only_new_lines(web: httpx.Client, tell: Tell):
    story = tell()
    story.say("one", "two")
    keys = re.findall(r'data-key="([^"]+)"', page(web, f"/runs/{story.run_id}"))
    story.say("three", at=2)
    fragment = page(web, f"/live/runs/{story.run_id}?lines=1&after={keys[-1]}")
    assert seqs(fragment) == [3]
    assert 'data-state="open"' in fragment
    story.end()
    assert 'data-state=""' in page(web, f"/live/runs/{story.run_id}?lines=1&after={keys[-1]}")


# Safety


def test_hostile_strings_are_inert_in_every_field(web: httpx.Client, tell: Tell):
    fields = (Attribute.REFERENCE, Attribute.OWNER, Attribute.TRIGGER, Attribute.SCHEDULE, Attribute.JOB_TYPE, HOSTILE)
    story = tell(HOSTILE, **dict.fromkeys(fields, HOSTILE))
    story.step(HOSTILE, **{Attribute.STAGE: HOSTILE + "1", Attribute.TASK_ID: HOSTILE + "2"})
    story.say(HOSTILE, step=HOSTILE, **{HOSTILE: HOSTILE})
    story.end(error=(HOSTILE, HOSTILE, HOSTILE))
    for address in (
        "/",
        f"/runs/{story.run_id}",
        f"/live/runs/{story.run_id}?lines=1",
        f"/live/runs?open={story.run_id}",
    ):
        html = page(web, address)
        assert "gnp.exe" in html
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "\u202e" not in html
    assert "<script>alert" not in page(web, "/?status=<script>alert(1)</script>", 400)


def test_every_answer_carries_strict_headers(web: httpx.Client):
    for address in ("/", "/runs/nope", "/static/viewer.css", "/api/v1/runs", "/healthz", "/?status=bad"):
        headers = web.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_foreign_host_names_are_refused(web: httpx.Client):
    assert web.get("/", headers={"Host": "rebound.example.com"}).status_code == 400
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert web.get("/", headers={"Host": host}).status_code == 200


def test_nothing_but_reading_is_served(web: httpx.Client, tell: Tell):
    story = tell()
    for address in ("/", f"/runs/{story.run_id}", "/api/v1/runs", "/live/runs"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert web.request(method, address).status_code == 405


# The database


def test_a_database_that_is_down_is_told_plainly_and_recovered_from(dsn: str, tell: Tell):
    tell("came-back").end(RunStatus.SUCCESS)
    with (
        door(dsn) as (through, open_door),
        served(through) as address,
        httpx.Client(base_url=address, timeout=20) as web,
    ):
        answer = web.get("/")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "The database does not answer" in answer.text
        assert "otel-joblog db start" in answer.text
        assert web.get("/healthz").status_code == 503
        assert web.get("/api/v1/runs").json()["error"]["code"] == "store_unavailable"
        open_door()
        assert "came-back" in page(web, "/")


@contextmanager
def door(dsn: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """A DSN that leads to the same database by a port that stays shut until it is opened."""
    words = conninfo_to_dict(dsn)
    host, port = str(words.get("host", "127.0.0.1")), int(words.get("port") or 5432)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    outside, _ = listener.accept()
                    inside = _database_socket(host, port)
                    for pair in ((outside, inside), (inside, outside)):
                        threading.Thread(target=_pump, args=pair, daemon=True).start()

        def open_door() -> None:
            listener.listen()
            threading.Thread(target=accept, daemon=True).start()

        yield make_conninfo(dsn, host="127.0.0.1", port=listener.getsockname()[1], sslmode="disable"), open_door


def _database_socket(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    inside = socket.socket(socket.AF_UNIX)
    inside.connect(f"{host}/.s.PGSQL.{port}")
    return inside


def _pump(source: socket.socket, target: socket.socket) -> None:
    with source, target, suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)


# What a run used and what came of it


def test_a_page_shows_what_the_run_used_and_how_it_went(web: httpx.Client, tell: Tell):
    used = {
        Attribute.PROCESS_CPU_USER: 1.25,
        Attribute.PROCESS_CPU_SYSTEM: 0.5,
        Attribute.THREAD_CPU: 1.5,
        Attribute.PROCESS_MEMORY_PEAK: 512_000_000,
        Attribute.PROCESS_MEMORY_PEAK_GROWTH: 100_000_000,
        Attribute.PROCESS_DISK_READ: "nonsense",
    }
    story = tell("climbing", **used)
    story.step("load", **used)
    story.sample((1, 100_000_000, 0.5), (2, 400_000_000, 2.5), (3, 200_000_000, 2.5))
    story.end(at=4)
    html = page(web, f"/runs/{story.run_id}?tab=resources")
    text = shown(html)
    assert "1.25 s user, 500 ms system; 1.50 s of its thread" in text
    assert "512.0 MB, 100.0 MB of it new" in text
    assert "100.0 MB at first, 400.0 MB at most, 200.0 MB at last" in text
    assert "2.00 at most, 0.00 at last" in text
    assert 'points="250.0,76.0 500.0,4.0 750.0,52.0"' in html
    assert "+100.0 MB" in shown(page(web, f"/runs/{story.run_id}"))


def test_a_run_that_says_nothing_of_what_it_used_has_no_such_section(web: httpx.Client, tell: Tell):
    story = tell("short")
    story.end()
    assert "Resources" not in shown(page(web, f"/runs/{story.run_id}"))


def test_results_are_shown_in_lists_and_on_the_page(web: httpx.Client, tell: Tell):
    story = tell(
        "import",
        **{
            f"{Attribute.RESULT}.records": 4312,
            f"{Attribute.RESULT}.note": HOSTILE,
            f"{Attribute.ARGUMENT}.day": "2026-11-03",
            Attribute.RETURNED: "[1, 2]",
            Attribute.MAX_ATTEMPTS: 3,
        },
    )
    story.end()
    assert "records=4,312" in shown(page(web, "/"))
    html = page(web, f"/runs/{story.run_id}")
    for said in ("records=4,312", "Returned [1, 2]", "Called with day=2026-11-03", "Attempt 1 of 3"):
        assert said in shown(html)
    assert "<img" not in html
    run = web.get(f"/api/v1/runs/{story.run_id}").json()
    assert (run["result"]["records"], run["returned"], run["arguments"]) == (4312, "[1, 2]", {"day": "2026-11-03"})


def test_an_attempt_leads_to_the_one_before(web: httpx.Client, tell: Tell):
    first = tell("fetch", **{Attribute.ATTEMPT: 1, Attribute.MAX_ATTEMPTS: 3})
    first.end(error=LOAD_FAILED)
    second = tell("fetch", **{Attribute.ATTEMPT: 2, Attribute.MAX_ATTEMPTS: 3})
    second.end(links=[SpanLink(first.trace_id, first.span_id, {Attribute.LINK: "previous_attempt"})])
    html = page(web, f"/runs/{second.run_id}")
    assert f'retry of <a href="/runs/{first.run_id}">attempt 1 of 3</a>' in html
    assert "Attempt 2 of 3" in shown(html)
    assert "attempt 2 of 3" in shown(page(web, "/"))


def test_a_retried_attempt_leads_to_the_next_one_and_counts_as_no_failure(web: httpx.Client, tell: Tell):
    first = tell("fetch", **{Attribute.ATTEMPT: 1, Attribute.REFERENCE: "order 7"})
    first.end(error=LOAD_FAILED)
    assert "retried" not in shown(page(web, f"/runs/{first.run_id}"))
    second = tell("fetch", **{Attribute.ATTEMPT: 2, Attribute.REFERENCE: "order 7"})
    html = page(web, f"/runs/{first.run_id}")
    assert f'retried by <a href="/runs/{second.run_id}">attempt 2</a>' in html
    assert "✗ error" not in html
    assert "error retried" in shown(html)
    listed = shown(page(web, "/"))
    assert listed.index("attempt 2") < listed.index("error retried") < listed.index("attempt 1")
    for query, found in {
        "status=failed": [],
        "status=retried": [first],
        "retried=1": [first],
        "retried=0": [second],
        "status=error": [first],
        "status=failed&retried=1": [first],
    }.items():
        items = web.get(f"/api/v1/runs?job=fetch&{query}").json()["items"]
        assert [item["run_id"] for item in items] == [story.run_id for story in found], query
    assert "goes alone" in web.get("/api/v1/runs?status=retried,success").json()["error"]["message"]
    second.end()
    assert "2, 1 retried" in shown(page(web, "/job?job=fetch"))
    run = web.get(f"/api/v1/runs/{first.run_id}").json()
    assert (run["retried"], run["next_attempt"], run["previous_attempt"]) == (True, second.run_id, None)
    assert [each["run_id"] for each in run["attempts"]] == [first.run_id, second.run_id]
    assert {each["execution"] for each in run["attempts"]} == {first.run_id}
    (job,) = web.get("/api/v1/jobs?job=fetch").json()["items"]
    assert (job["runs"], job["failures"], job["retried"], job["failures_in_a_row"]) == (2, 0, 1, 0)
    assert job["success_rate"] == 1.0
    assert web.get("/api/v1/errors?job=fetch").json()["items"] == []


def test_a_hang_says_what_is_usual_and_for_how_long_nothing_was_heard(web: httpx.Client, tell: Tell):
    minute = 60 * 1_000_000_000
    now = time.time_ns()
    for number in range(5):
        tell("sync", began=now - (10 - number) * 60 * minute).end(at=720)
    story = tell("sync", began=now - 180 * minute)
    story.say("begun", at=20 * 60 + 1)
    said = r"unning for 3 h( \d+ min)?, usually 12 min; nothing heard for 2 h 4\d min"
    assert re.search(f"r{said}", shown(page(web, "/")))
    html = shown(page(web, f"/runs/{story.run_id}"))
    assert re.search(f"R{said}.", html)
    assert "Usually 12 min 5 successes" in html
    story.end()
    assert "Succeeded after 1 m 00 s, usually 12 min" in shown(page(web, f"/runs/{story.run_id}"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "400 ms"), (45, "45 s"), (720, "12 min"), (9_600, "2 h 40 min"), (10_800, "3 h"), (187_200, "2 d 4 h")],
)
def test_how_long_something_took_is_told_roughly(seconds: float, words: str):
    assert rough(seconds) == words


def test_the_bytes_of_lines_are_beside_their_number(web: httpx.Client, tell: Tell):
    story = tell("big")
    story.say("é" * 600)
    story.say("x" * 300)
    assert "2 lines so far, 2 kB" in shown(page(web, f"/runs/{story.run_id}"))
    story.end()
    assert "2 of 2 lines, 2 kB" in shown(page(web, f"/runs/{story.run_id}"))
    assert "2 2 kB" in shown(page(web, "/job?job=big"))
    assert web.get(f"/api/v1/runs/{story.run_id}").json()["bytes"] == 1_500


def test_progress_says_its_rate_and_what_is_left(web: httpx.Client, tell: Tell):
    story = tell("going", began=time.time_ns() - 100 * 1_000_000_000)
    story.progress(50, 100, "rows", since=0)
    text = shown(page(web, f"/runs/{story.run_id}"))
    assert re.search(r"50 of 100 rows, (29\.\d|30) a minute, 1 m 4\d s left", text), text


def test_the_lines_of_a_run_are_filtered_by_stage_task_words_and_time_and_counted(web: httpx.Client, tell: Tell):
    story = tell()
    story.step("load", begin=1, **{Attribute.STAGE: "extract", Attribute.TASK_ID: "<a> & 1"})
    story.step("parse", begin=2, inside="load")
    story.say("outside")
    story.say("row one", "row two", step="load", at=3)
    story.say("row three", step="parse", at=4)
    story.end()
    page = web.get(f"/runs/{story.run_id}", params={"stage": "extract", "q": "row t", "task_id": "<a> & 1"}).text
    assert "2 of 4" in page
    assert "row two" in page
    assert "row one" not in page
    assert "&lt;a&gt; &amp; 1" in page
    assert "<a> & 1" not in page
    assert "?task_id=%3Ca%3E+%26+1#lines" in page
    whole = web.get(f"/runs/{story.run_id}").text
    assert whole.count('title="extract / &lt;a&gt; &amp; 1 / load"') == 2
    assert "No line is like that." in web.get(f"/runs/{story.run_id}?q=absent").text
    refused = web.get(f"/runs/{story.run_id}?stage=lod")
    assert (refused.status_code, "it has extract" in refused.text) == (400, True)
