from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
import pytest

from otel_joblog.conventions import RunStatus, SpanKind, Stream
from otel_joblog.errors import BadCursor, RunNotFound, SchemaError, StoreUnavailable
from otel_joblog.records import Record, SpanEvent
from otel_joblog.store.read import lines as lines_module
from otel_joblog.store.read import reader as reader_module
from otel_joblog.store.read.reader import Reader, line_key
from otel_joblog.store.schema.migrate import migrations
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, progress, run_id, span, started, step

T = TypeVar("T")
Ask = Callable[[Callable[[Reader], Awaitable[T]]], T]

BEGAN = datetime.fromtimestamp(NOW // SECOND, UTC)


def write(dsn: str, records: Iterable[Record]) -> None:
    writer = Writer(dsn)
    writer.write(list(records), PROCESS)
    writer.close()


@pytest.fixture
def ask(dsn: str) -> Ask[Any]:
    """Runs ``question(reader)`` with a reader of its own."""
    return lambda question: asked(dsn, question)


def asked(dsn: str, question: Callable[[Reader], Awaitable[T]]) -> T:
    async def main() -> T:
        async with Reader(dsn) as reader:
            return await question(reader)

    return asyncio.run(main())


def test_a_run_is_listed_with_all_that_its_row_shows(dsn: str, ask: Ask[Any]) -> None:
    attributes = {"joblog.job.type": "cron", "joblog.reference": "INV-7", "joblog.exit_code": 1}
    failure = SpanEvent(NOW, "exception", {"exception.type": "ValueError", "exception.message": "no"})
    write(
        dsn,
        [
            *(started(), started(**step(1)), line(1), line(2, severity=13), line(3, severity=17), progress(30)),
            ended(status=RunStatus.ERROR, message="ValueError: no", attributes=attributes, events=[failure], lines=9),
        ],
    )
    (run,) = ask(lambda reader: reader.runs()).items
    assert (run.run_id, run.job, run.status, run.status_message) == (run_id(), "invoices", "error", "ValueError: no")
    assert (run.type, run.reference, run.exit_code, run.attempt) == ("cron", "INV-7", 1, 1)
    assert (run.service, run.host, run.pid) == ("billing", "host-1", 4711)
    assert (run.lines, run.lines_emitted, run.warnings, run.errors, run.steps) == (3, 9, 1, 1, 1)
    assert (run.duration, run.progress.percent, run.progress.unit) == (5.0, 30.0, "rows")
    assert (run.error.type, run.error.message, run.error.stacktrace) == ("ValueError", "no", None)
    assert run.started_at.tzinfo is UTC
    assert run.name == f"{BEGAN:%Y%m%d%H%M%S}"


def test_runs_of_a_job_that_start_in_one_second_are_numbered(dsn: str, ask: Ask[Any]) -> None:
    second = NOW // SECOND * SECOND
    write(
        dsn,
        [
            *(started(number, start=second + number * 1000) for number in (1, 2, 3)),
            started(4, start=second + 999_999_000, name="other"),
            started(5, start=second + SECOND),
        ],
    )
    names = {run.run_id: run.name for run in ask(lambda reader: reader.runs()).items}
    first = f"{BEGAN:%Y%m%d%H%M%S}"
    later = f"{BEGAN + timedelta(seconds=1):%Y%m%d%H%M%S}"
    assert [names[run_id(number)] for number in (1, 2, 3, 4, 5)] == [first, f"{first}_1", f"{first}_2", first, later]
    assert ask(lambda reader: reader.run(run_id(3))).run.name == f"{first}_2"


def test_pages_of_runs_follow_each_other_without_gap_or_repetition(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(number, start=NOW + number // 3 * 1000) for number in range(10)])

    async def pages(reader: Reader) -> list[list[str]]:
        found, after = [], None
        while True:
            page = await reader.runs(limit=4, after=after)
            found.append([run.run_id for run in page.items])
            if (after := page.next) is None:
                return found

    assert ask(pages) == [[run_id(number) for number in numbers] for numbers in ([9, 8, 7, 6], [5, 4, 3, 2], [1, 0])]


def test_a_last_page_that_is_just_full_has_no_next(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(1), started(2), line(1), line(2)])
    assert ask(lambda reader: reader.runs(limit=2)).next is None
    assert ask(lambda reader: reader.lines(run_id(), limit=2)).next is None


def test_runs_are_found_by_job_state_reference_and_time(dsn: str, ask: Ask[Any]) -> None:
    write(
        dsn,
        [
            started(1),
            ended(2, status=RunStatus.ERROR, start=NOW + SECOND),
            ended(3, name="other", attributes={"joblog.reference": "R"}, start=NOW + 2 * SECOND),
        ],
    )

    def found(**filters: Any) -> list[str]:
        return [run.run_id for run in ask(lambda reader: reader.runs(**filters)).items]

    at = datetime.fromtimestamp(NOW / SECOND, UTC)
    assert found(job="invoices") == [run_id(2), run_id(1)]
    assert found(status=[RunStatus.RUNNING, RunStatus.PENDING]) == [run_id(1)]
    assert found(status=[RunStatus.ERROR], job="invoices") == [run_id(2)]
    assert found(reference="R") == [run_id(3)]
    assert found(since=at + timedelta(seconds=1.5)) == [run_id(3)]
    assert found(until=at + timedelta(seconds=0.5)) == [run_id(1)]


def test_a_key_that_is_none_of_ours_is_refused(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(), line(1)])
    key = line_key(ask(lambda reader: reader.lines(run_id())).items[0])
    for bad in ("nonsense", "", "é", key, "a" * 43, key + "\0"):
        with pytest.raises(BadCursor, match="no key of a page"):
            ask(lambda reader, bad=bad: reader.runs(after=bad))
    with pytest.raises(BadCursor, match="no key of a page"):
        ask(lambda reader: reader.lines(run_id(), after="a" * 43))


def test_a_run_is_found_by_its_id_or_a_prefix_in_either_case(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(1), started(2)])
    whole = run_id(1)
    for given in (whole, whole.upper(), f" {whole[:12]}\n", whole[:13], whole[:32], whole[:33], whole[:40]):
        assert ask(lambda reader, given=given: reader.run(given)).run.run_id == whole


def test_a_prefix_that_will_not_do_says_what_would(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(number) for number in range(5)])
    with pytest.raises(RunNotFound, match=f"several runs: {run_id(0)}, {run_id(1)}, {run_id(2)} and more; give more"):
        ask(lambda reader: reader.run("abcd00"))
    with pytest.raises(RunNotFound, match="no run's id begins with 'ffffff'"):
        ask(lambda reader: reader.run("ffffff"))
    for bad in ("abcd0", "%%%%%%", "invoices", run_id() + "0", "abcdef-12", "abc-f000", "abcd-f0g0", "abcd-"):
        with pytest.raises(RunNotFound, match="6 or more of its characters"):
            ask(lambda reader, bad=bad: reader.run(bad))


def test_the_prefix_of_a_trace_means_its_outermost_run(dsn: str, ask: Ask[Any]) -> None:
    child = {"parent_run": span(1), "parent_id": span(1)}
    write(dsn, [started(1, run=2, **child, start=NOW - SECOND), started(1), started(1, run=3, **child)])
    detail = ask(lambda reader: reader.run(run_id()[:10]))
    assert detail.run.run_id == run_id()
    assert [one.run_id for one in detail.children] == [run_id(1, 2), run_id(1, 3)]
    found = ask(lambda reader: reader.run(run_id(1, 2)))
    assert found.run.parent_run == run_id()
    with pytest.raises(RunNotFound, match="several runs"):
        ask(lambda reader: reader.run(run_id()[:36]))


def test_a_run_among_others_of_its_trace_is_found_by_the_beginnings_of_both_ids(dsn: str, ask: Ask[Any]) -> None:
    child = 0xABC << 44  # f0abc00000000000
    write(dsn, [started(1), started(1, run=child, parent_run=span(1)), started(2)])
    whole = run_id(1, child)
    for given in (f"{whole[:4]}-f0ab", f"{whole[:12]}-f0abc0", f"{whole[:32]}-f0ab"):
        assert ask(lambda reader, given=given: reader.run(given)).run.run_id == whole
    with pytest.raises(RunNotFound, match="several runs"):
        ask(lambda reader: reader.run("abcd-f000"))
    with pytest.raises(RunNotFound, match="no run's id begins with"):
        ask(lambda reader: reader.run("abcd-ffff"))


def test_children_beyond_the_limit_are_counted(dsn: str, ask: Ask[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "_CHILDREN", 3)
    family = [started(1, run=number, parent_run=span(1), start=NOW + number * 1000) for number in range(2, 9)]
    write(dsn, [started(1), *family])
    detail = ask(lambda reader: reader.run(run_id()))
    assert [one.run_id for one in detail.children] == [run_id(1, number) for number in (6, 7, 8)]
    assert detail.children_left_out == 4


def test_the_details_of_a_run(dsn: str, ask: Ask[Any]) -> None:
    failure = {"exception.type": "ValueError", "exception.message": "no", "exception.stacktrace": "Traceback"}
    other = {"kind": SpanKind.SPAN, "span_id": span(7), "start": NOW + 9000, "name": "GET", "parent_id": span(1001)}
    write(
        dsn,
        [
            ended(status=RunStatus.ERROR, events=[SpanEvent(NOW, "exception", failure), SpanEvent(NOW, "mark", {})]),
            ended(**step(1), attributes={"joblog.stage": "load", "joblog.task_id": "t"}),
            started(**step(2)),
            ended(**other),
        ],
    )
    detail = ask(lambda reader: reader.run(run_id()))
    assert detail.error.stacktrace == "Traceback"
    assert [event["name"] for event in detail.events] == ["mark"]
    assert detail.resource == {"service.name": "billing"}
    assert [(one.kind, one.name, one.seq) for one in detail.steps] == [
        *(("step", "step-1", 1), ("step", "step-2", 2), ("span", "GET", 0)),
    ]
    first, second, third = detail.steps
    assert (first.stage, first.task_id, first.status, first.duration) == ("load", "t", "success", 4.999999)
    assert (second.status, second.ended_at, second.duration) == ("running", None, None)
    assert (third.span_id, third.parent_id) == (span(7).hex(), span(1001).hex())
    assert detail.steps_left_out == 0

    short = ask(lambda reader: reader.run(run_id(), step_limit=1))
    assert ([one.name for one in short.steps], short.steps_left_out) == (["step-1"], 2)


def test_lines_come_in_order_page_by_page(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(), *(line(seq, time=NOW + seq // 4 * 1000) for seq in range(25)), line(1, number=2)])

    async def pages(reader: Reader) -> list[list[int]]:
        found, after = [], None
        while True:
            page = await reader.lines(run_id(), limit=10, after=after)
            found.append([one.seq for one in page.items])
            if (after := page.next) is None:
                return found

    assert ask(pages) == [[*range(10)], [*range(10, 20)], [*range(20, 25)]]
    assert [one.seq for one in ask(lambda reader: reader.lines(run_id(), limit=3, tail=True)).items] == [22, 23, 24]


def test_lines_are_paged_backwards_as_forwards(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(), *(line(seq, time=NOW + seq // 4 * 1000) for seq in range(25)), line(1, number=2)])

    async def pages(reader: Reader) -> list[list[int]]:
        page = await reader.lines(run_id(), limit=10, tail=True)
        assert page.next is None
        found = [[one.seq for one in page.items]]
        while page.previous:
            after = line_key(page.items[0])
            page = await reader.lines(run_id(), limit=10, before=page.previous)
            assert page.next is not None
            following = await reader.lines(run_id(), limit=1, after=page.next)
            assert line_key(following.items[0]) == after
            found.append([one.seq for one in page.items])
        return found

    assert ask(pages) == [[*range(15, 25)], [*range(5, 15)], [*range(5)]]
    first = ask(lambda reader: reader.lines(run_id(), limit=10))
    assert first.previous is None
    second = ask(lambda reader: reader.lines(run_id(), limit=10, after=first.next))
    assert [one.seq for one in ask(lambda reader: reader.lines(run_id(), before=second.previous)).items] == [*range(10)]


@pytest.mark.parametrize("long", ["message", "attributes"])
def test_a_page_of_long_lines_is_short_but_never_empty(
    dsn: str, ask: Ask[Any], monkeypatch: pytest.MonkeyPatch, long: str
) -> None:
    monkeypatch.setattr(lines_module, "PAGE_BYTES", 10_000)
    rest = "".join(map(chr, range(300, 2_300)))  # four kilobytes, hard to compress
    sizes = [0, 0, 1, 1, 1, 4, 1, 0, 0, 1, 1]
    lines = [
        line(seq, **({"message": rest * size} if long == "message" else {"attributes": {"rest": rest * size}}))
        for seq, size in enumerate(sizes)
    ]
    write(dsn, [started(), *lines])

    async def pages(reader: Reader, *, tail: bool) -> list[list[int]]:
        page = await reader.lines(run_id(), tail=tail)
        found = [[one.seq for one in page.items]]
        while key := page.previous if tail else page.next:
            page = await reader.lines(run_id(), **({"before": key} if tail else {"after": key}))
            found.append([one.seq for one in page.items])
        return found

    forwards = ask(lambda reader: pages(reader, tail=False))
    backwards = ask(lambda reader: pages(reader, tail=True))
    assert forwards == [[0, 1, 2, 3], [4], [5], [6, 7, 8, 9], [10]]
    assert backwards == [[7, 8, 9, 10], [6], [5], [3, 4], [0, 1, 2]]


def test_a_line_says_all_about_itself(dsn: str, ask: Ask[Any]) -> None:
    fields = {"severity": 14, "stream": Stream.STDERR, "attributes": {"n": 1}, "span_id": span(1001)}
    write(dsn, [started(), started(**step(1)), line(1, **fields), line(2)])
    first, second = ask(lambda reader: reader.lines(run_id())).items
    assert (first.time, first.seq, first.severity, first.level) == (
        *(datetime.fromtimestamp(NOW / SECOND, UTC) + timedelta(microseconds=1), 1, 14, "WARN"),
    )
    assert (first.stream, first.logger, first.message, first.attributes) == ("stderr", "app", "line 1", {"n": 1})
    assert (first.span_id, first.step) == (span(1001).hex(), "step-1")
    assert (second.step, second.stream, second.attributes) == (None, "log", {})


def test_lines_are_found_by_severity_stream_and_step(dsn: str, ask: Ask[Any]) -> None:
    write(
        dsn,
        [
            *(started(), started(**step(1)), line(1, severity=17), line(2, stream=1), line(3, span_id=span(1001))),
            line(4, severity=13),
        ],
    )

    def found(**filters: Any) -> list[int]:
        return [one.seq for one in ask(lambda reader: reader.lines(run_id(), **filters)).items]

    assert found(min_severity=13) == [1, 4]
    assert found(min_severity=17) == [1]
    assert found(stream=Stream.STDOUT) == [2]
    assert found(stream=Stream.LOG) == [1, 3, 4]
    assert found(step=span(1001).hex()) == [3]
    assert found(step=span(1).hex(), tail=True, limit=2) == [2, 4]


def test_lines_far_from_their_run_are_shown_too(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started(), line(2, time=NOW + 3 * 86_400 * SECOND), line(1, time=NOW - 86_400 * SECOND), ended()])
    assert [one.seq for one in ask(lambda reader: reader.lines(run_id())).items] == [1, 2]


def test_a_run_without_lines_has_none(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started()])
    assert ask(lambda reader: reader.lines(run_id())).items == []
    assert ask(lambda reader: reader.lines(run_id(), tail=True)).items == []
    with pytest.raises(RunNotFound):
        ask(lambda reader: reader.lines(run_id(9)))


def test_health_names_the_versions(ask: Ask[Any]) -> None:
    health = ask(lambda reader: reader.health())
    assert health["ok"] is True
    assert health["schema"] == len(migrations())
    assert health["version"]


def test_a_database_without_our_schema_is_told_apart(empty_dsn: str) -> None:
    with pytest.raises(SchemaError, match="no joblog schema yet"):
        asked(empty_dsn, lambda reader: reader.health())
    with pytest.raises(SchemaError, match="otel-joblog migrate"):
        asked(empty_dsn, lambda reader: reader.runs())


def test_no_database_is_told_within_seconds_and_without_a_word_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_PATIENCE", 1.0)
    with caplog.at_level(logging.WARNING), pytest.raises(StoreUnavailable, match="Connection refused"):
        asked("host=127.0.0.1 port=1", lambda reader: reader.runs())
    assert caplog.records == []


def test_a_refused_connection_is_told_at_once_each_time() -> None:
    async def main() -> list[float]:
        async with Reader("host=127.0.0.1 port=1") as reader:
            return [await patience(reader) for _ in range(4)]

    async def patience(reader: Reader) -> float:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="Connection refused"):
            await reader.runs()
        return time.monotonic() - began

    assert max(asyncio.run(main())) < 1


def test_many_who_ask_at_once_wait_for_each_other(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started()])

    async def all_at_once(reader: Reader) -> int:
        return len(await asyncio.gather(*(reader.runs() for _ in range(60))))

    assert ask(all_at_once) == 60


def test_a_reader_outlives_a_restart_of_the_server(dsn: str, ask: Ask[Any]) -> None:
    write(dsn, [started()])

    async def before_and_after(reader: Reader) -> int:
        await reader.runs()
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where application_name = 'otel_joblog reader' and datname = current_database()"
            )
        return len((await reader.runs()).items)

    assert ask(before_and_after) == 1
