"""Search over the text of all lines, with and without the text index, in days, outside of them, and page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from otel_joblog.conventions import RunStatus, Severity, Stream
from otel_joblog.errors import BadCursor
from otel_joblog.store.read import search
from otel_joblog.store.read.models import SearchPage
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.read.search import search_words
from otel_joblog.store.sql import query
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, run_id, span, started, step

DAY = 86_400 * SECOND
NOON = NOW // DAY * DAY - DAY // 2  # of yesterday


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def searched(dsn: str, text: str = "", **options: Any) -> SearchPage:
    async def main() -> SearchPage:
        async with Reader(dsn) as reader:
            return await reader.search(text, **options)

    return asyncio.run(main())


def found(dsn: str, text: str = "", **options: Any) -> list[str]:
    page = searched(dsn, text, **options)
    assert page.next is None
    return [item.line.message for item in page.items]


def paged(dsn: str, text: str = "", **options: Any) -> list[list[str]]:
    """All pages."""
    pages, key = [], None
    while True:
        page = searched(dsn, text, after=key, **options)
        pages.append([item.line.message for item in page.items])
        if (key := page.next) is None:
            return pages


def joined(pages: list[list[str]]) -> list[str]:
    return [message for page in pages for message in page]


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def week(writer: Writer, dsn: str) -> str:
    """Seven closed days with a line an hour, indexed; and an hour of today."""
    hours = [
        line(hour + 1, time=NOON - hour * 3600 * SECOND, message=f"hour {hour:03} of Müller") for hour in range(168)
    ]
    writer.write([started(), *hours, line(1000, time=NOW, message="hour now")], PROCESS)
    assert maintain(dsn)
    return dsn


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one two", ["one", "two"]),
        ('say "one two" three', ["say", "one two", "three"]),
        ('an "open quote', ["an", "open", "quote"]),
        ('" "', [" "]),
        ('"', []),
        ("  ", []),
        ("a\0b", ["a\ufffdb"]),
    ],
)
def test_words_are_split_at_spaces_and_kept_in_quotes(text: str, words: list[str]) -> None:
    assert search_words(text) == words


def test_a_line_is_found_with_whose_it_is(writer: Writer, dsn: str) -> None:
    writer.write([started(), started(**step(1)), line(1, span_id=span(1001), message="Order 17 is late")], PROCESS)
    (item,) = searched(dsn, "order LATE").items
    assert (item.run_id, item.job, item.service, item.status) == (run_id(), "invoices", "billing", RunStatus.RUNNING)
    assert (item.line.message, item.line.step, item.line.seq, item.cut) == ("Order 17 is late", "step-1", 1, False)


def test_every_word_must_be_there_as_it_is(writer: Writer, dsn: str) -> None:
    writer.write([line(1, message="50% of a_b done\\"), line(2, message="50 of axb"), line(3, message="a b of 50%")])
    assert found(dsn, "50%") == ["a b of 50%", "50% of a_b done\\"]
    assert found(dsn, "a_b") == ["50% of a_b done\\"]
    assert found(dsn, "done\\") == ["50% of a_b done\\"]
    assert found(dsn, '"a b" 50') == ["a b of 50%"]
    assert found(dsn, "of 50 axb") == ["50 of axb"]
    assert found(dsn, "absent") == []


def test_closed_days_are_found_by_their_index_and_today_without(week: str) -> None:
    assert found(week, "HOUR NOW") == ["hour now"]
    assert found(week, "r 077") == ["hour 077 of Müller"]
    assert found(week, "16 hour müller") == [f"hour {hour:03} of Müller" for hour in (16, 116, *range(160, 168))]
    assert found(week, "MÜLLER 077") == []  # only the case of ASCII letters is overlooked
    assert len(found(week, "hour", limit=200)) == 169


def test_pages_follow_each_other_without_gap_or_repetition(week: str) -> None:
    everything = ["hour now", *(f"hour {hour:03} of Müller" for hour in range(168))]
    pages = paged(week, "hour", limit=50)
    assert [len(page) for page in pages] == [50, 50, 50, 19]
    assert joined(pages) == everything
    assert joined(paged(week, "ou", limit=40)) == everything


def test_lines_of_the_same_moment_are_paged_too(writer: Writer, dsn: str) -> None:
    writer.write([line(seq, number, time=NOW, message=f"{number} {seq}") for number in (1, 2) for seq in range(1, 6)])
    pages = paged(dsn, limit=3)
    assert joined(pages) == [f"{number} {seq}" for number in (2, 1) for seq in range(5, 0, -1)]


def test_a_page_ends_when_its_time_is_up_and_the_next_goes_on(week: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = searched(week, "076", seconds=0)
    assert (page.items, page.next is None) == ([], False)
    assert page.looked_until is not None
    assert page.looked_until <= datetime.now(UTC)
    pages = paged(week, "076", seconds=0)
    assert joined(pages) == ["hour 076 of Müller"]
    assert 7 <= len(pages) <= 10
    monkeypatch.setattr(search, "_STRETCH", 5)
    pages = paged(week, "6 7", seconds=0)
    assert len(joined(pages)) == 3
    # No word that an index can find: by stretches of five lines.
    assert len(pages) > 30


def test_a_day_that_takes_too_long_at_once_is_looked_through_by_stretches(
    week: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = b"(select pg_sleep(9 * (%(high)s::timestamptz - %(low)s::timestamptz >= interval '1 day')::int)) as asleep"

    def slow(name: str) -> bytes:
        if name == "read/limit_search":
            return b"set local statement_timeout = '50ms'"
        return query(name).replace(b"from joblog.job_log as log\n", b"from joblog.job_log as log, " + asleep + b"\n")

    monkeypatch.setattr(search, "query", slow)
    assert found(week, "077", seconds=30) == ["hour 077 of Müller"]


def test_filters_narrow_what_is_found(writer: Writer, dsn: str) -> None:
    stage = {"joblog.stage": "load"}
    writer.write(
        [
            started(1, attributes={"region": "eu"}),
            started(1, **step(1), attributes=stage),
            started(1, **step(2), attributes={"joblog.task_id": "t-7"}),
            ended(2, name="exports", status=RunStatus.ERROR, start=NOW - 40 * DAY),
            line(1, 1, message="plain 1"),
            line(2, 1, message="in load", span_id=span(1001), attributes={"shard": 3, "region": "us"}),
            line(3, 1, message="in task", span_id=span(1002), severity=Severity.ERROR, stream=Stream.STDERR),
            line(4, 2, message="of exports", severity=Severity.WARN, time=NOW + SECOND),
            line(5, 2, message="of exports before", time=NOW - 3 * DAY),
        ],
        PROCESS,
    )
    assert found(dsn, job="invoices") == ["in task", "in load", "plain 1"]
    assert found(dsn, "before", job="exports") == ["of exports before"]
    assert found(dsn, status=[RunStatus.ERROR]) == ["of exports", "of exports before"]
    assert found(dsn, status=[RunStatus.ERROR], job="invoices") == []
    assert found(dsn, min_severity=Severity.WARN) == ["of exports", "in task"]
    assert found(dsn, stream=Stream.STDERR) == ["in task"]
    for options in ({}, {"job": "invoices"}):
        assert found(dsn, stage="load", **options) == ["in load"]
        assert found(dsn, task_id="t-7", **options) == ["in task"]
        assert found(dsn, task_id="load", **options) == ["in load"]  # the stage stands for the task where there is none
        assert found(dsn, attributes={"shard": "3"}, **options) == ["in load"]
        assert found(dsn, attributes={"region": "eu"}, **options) == ["in task", "plain 1"]
        assert found(dsn, attributes={"region": "us", "shard": "4"}, **options) == []
    day = timedelta(days=1)
    now = datetime.fromtimestamp(NOW / SECOND, UTC)
    assert found(dsn, since=now - day, until=now + day / 86_400) == ["in task", "in load", "plain 1"]
    assert found(dsn, until=now - day) == ["of exports before"]


def test_lines_of_times_far_off_are_found(week: str, writer: Writer) -> None:
    writer.write([line(1, 5, time=0, message="hour zero"), line(2, 5, time=2**62, message="hour last")])
    assert found(week, "hour last") == []  # of a clock that is wrong by 90 years: it would be first for ever
    assert found(week, "hour last", since=datetime.now(UTC) + timedelta(days=1)) == ["hour last"]
    assert found(week, "hour zero") == ["hour zero"]
    assert joined(paged(week, "hour", limit=60, seconds=0))[::169] == ["hour now", "hour zero"]


def test_of_a_long_message_the_beginning_is_found_and_shown(writer: Writer, dsn: str) -> None:
    writer.write([line(1, time=NOON, message="begin " + "x" * 8186 + " end"), line(2, message="y" * 9000 + "end")])
    maintain(dsn)
    assert found(dsn, "end") == []
    (item,) = searched(dsn, "begin").items
    assert (len(item.line.message), item.cut) == (8192, True)


def test_without_the_extension_it_works_and_says_why_it_is_slower(week: str) -> None:
    assert searched(week, "hour").note is None
    execute(week, "drop extension pg_trgm cascade")
    page = searched(week, "077")
    assert [item.line.message for item in page.items] == ["hour 077 of Müller"]
    assert page.note is not None
    assert "create extension pg_trgm" in page.note


def test_short_words_are_answered_with_a_word_of_warning(week: str) -> None:
    page = searched(week, "77")
    assert [item.line.message for item in page.items] == ["hour 077 of Müller"]
    assert page.note is not None
    assert page.note.startswith("No word of three letters")


def test_lines_whose_run_is_gone_are_found(writer: Writer, dsn: str) -> None:
    writer.write([started(), line(1)], PROCESS)
    execute(dsn, "delete from joblog.job_run")
    (item,) = searched(dsn).items
    assert (item.run_id, item.job, item.status) == (run_id(), "", None)


def test_an_empty_store_and_a_strange_key_are_answered(dsn: str) -> None:
    assert found(dsn, "anything") == []
    with pytest.raises(BadCursor):
        searched(dsn, after="nonsense")


def test_any_text_may_be_looked_for(week: str) -> None:
    for text in ("'", "\\", "%%%", "((((", "\0\0\0", "a" * 5000, " ".join("abc" for _ in range(500)), "🙂🙂🙂"):
        assert found(week, text) == []
