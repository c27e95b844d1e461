"""Runs and jobs that are deleted by command leave nothing behind, and everything else as it was."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.errors import StoreError
from otel_joblog.records import Sample, SpanEvent
from otel_joblog.store.columns import bigint
from otel_joblog.store.upkeep.delete import Gone, deleting, forget_job, jobs_named, runs_deleted, runs_of_job
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import WRONG_COUNTS, assert_statistics_are_right
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, span, started, step, trace

Write = Callable[..., None]
TABLES = ("run", "log", "step", "sample", "gap", "hold", "due")


@pytest.fixture
def write(dsn: str) -> Iterator[Write]:
    with contextlib.closing(Writer(dsn)) as writer:
        yield lambda *records: writer.write(records, process=PROCESS)


def key(number: int) -> tuple[UUID, int]:
    return UUID(bytes=trace(number)), bigint(span(1)) or 0


def whole(number: int, job: str = "invoices", *, milliseconds: int = 5_000, failed: str = "") -> list[Any]:
    """A run with two steps, three lines and a sample; three of a job in a row are attempts of one execution."""
    start = NOW + number * SECOND
    event = SpanEvent(start, "exception", {"exception.type": "ValueError", "exception.message": failed})
    outcome = {"status": RunStatus.ERROR, "events": [event]} if failed else {}
    used = {} if failed else {"joblog.process.memory.peak": 1000 * number, "joblog.process.cpu.user": 2}
    attempt = {"joblog.attempt": 1 + number % 3, "joblog.reference": f"order {number // 3}"}
    return [
        started(number, name=job, start=start),
        *[started(number, **step(place) | {"start": start + place}) for place in (1, 2)],
        *[line(seq, number, time=start + seq * 1000, severity=17) for seq in range(3)],
        Sample(trace(number), span(1), start + SECOND, 1, 10, 0.5, start),
        ended(
            number,
            name=job,
            start=start,
            end=start + milliseconds * 10**6,
            **outcome,
            attributes=attempt | used,
        ),
    ]


def left(connection: psycopg.Connection, number: int) -> dict[str, int]:
    return {
        table: count
        for table in TABLES
        if (
            count := connection.execute(
                f"select count(*) from joblog.job_{table} where trace_id = %s", [trace(number).hex()]
            ).fetchone()[0]
        )
    }


def test_a_deleted_run_leaves_nothing_and_the_statistics_are_those_of_the_others(write: Write, dsn: str) -> None:
    choice = random.Random(7)
    for number in range(30):
        failed = choice.choice(["", "", f"row {number} is bad", "no disk"])
        write(*whole(number, choice.choice(["a", "b"]), milliseconds=choice.randrange(9_000), failed=failed))
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert_statistics_are_right(connection)
        assert connection.execute("select count(*) from joblog.job_history where retried").fetchone() > (3,)
        numbers = list(range(30))
        choice.shuffle(numbers)
        while numbers:
            portion, numbers = numbers[:4], numbers[4:]
            with deleting(dsn) as deleter:
                assert runs_deleted(deleter, map(key, portion)) == Gone(
                    len(portion), 3 * len(portion), 2 * len(portion), len(portion)
                )
            assert [left(connection, number) for number in portion] == [{}] * len(portion)
            assert_statistics_are_right(connection)
            assert connection.execute(WRONG_COUNTS).fetchall() == []
        statistics = ("job", "job_day", "job_hour", "job_duration", "job_error_day")
        assert [connection.execute(f"select * from joblog.{name}").fetchall() for name in statistics] == [[]] * 5


def test_a_run_that_is_not_there_is_none_that_went(dsn: str) -> None:
    with deleting(dsn) as deleter:
        assert runs_deleted(deleter, [key(1)]) == Gone()


def test_runs_inside_of_a_deleted_one_belong_to_none(write: Write, dsn: str) -> None:
    write(*whole(1), started(1, run=2, parent_id=span(1), parent_run=span(1), name="child"))
    with deleting(dsn) as deleter:
        runs_deleted(deleter, [key(1)])
        (child,) = deleter.execute("select name, parent_run_span_id from joblog.job_run").fetchall()
    assert child == {"name": "child", "parent_run_span_id": None}


def test_what_is_told_of_a_deleted_run_afterwards_makes_it_anew(write: Write, dsn: str) -> None:
    records = whole(1)
    write(*records)
    with deleting(dsn) as deleter, psycopg.connect(dsn, autocommit=True) as connection:
        runs_deleted(deleter, [key(1)])
        write(line(7, 1))
        found = connection.execute("select name, lines, status from joblog.job_run").fetchall()
        assert found == [("", 1, 0)]  # pending, of no job
        write(*records)  # a journal that is shipped again
        assert connection.execute("select name, lines from joblog.job_run").fetchall() == [("invoices", 4)]
        assert_statistics_are_right(connection)
        assert runs_deleted(deleter, [key(1)]).lines == 4
        assert left(connection, 1) == {}


def test_a_due_time_that_only_the_deleted_run_came_for_is_looked_at_anew(write: Write, dsn: str) -> None:
    write(*whole(1), *whole(2))
    with deleting(dsn) as deleter:
        deleter.execute(
            "insert into joblog.job_expected select name, service, '@daily', started_at, started_at, started_at, now(),"
            " now(), started_at, trace_id, span_id from joblog.job_run"
        )
        runs_deleted(deleter, [key(1)])
        found = deleter.execute("select started_at is null as open, looked_at from joblog.job_expected order by due_at")
        assert [(row["open"], row["looked_at"] is None) for row in found] == [(True, True), (False, False)]


def test_a_job_goes_with_statistics_of_runs_that_were_cleaned_up_before(write: Write, dsn: str) -> None:
    for number in range(5):
        write(*whole(number, "a", failed="no" if number == 3 else ""))
    write(*whole(9, "b"))
    with deleting(dsn) as deleter:
        deleter.execute("delete from joblog.job_run where trace_id = %s", [trace(0).hex()])
        assert [job[:3] for job in jobs_named(deleter, "a", None)] == [("billing", 4, 0)]
        gone = sum(runs_deleted(deleter, portion).runs for portion in runs_of_job(deleter, "a", "billing"))
        assert gone == 4
        assert [job[:2] for job in jobs_named(deleter, "a", None)] == [("billing", 0)]
        forget_job(deleter, "a", "billing")
        assert jobs_named(deleter, "a", None) == []
    with psycopg.connect(dsn) as connection:
        assert_statistics_are_right(connection)
        assert connection.execute("select name from joblog.job").fetchall() == [("b",)]


def test_the_longest_run_stays_where_runs_of_its_day_were_cleaned_up_before(write: Write, dsn: str) -> None:
    for number in range(3):
        write(*whole(number, milliseconds=1000 * (number + 1)))
    with deleting(dsn) as deleter:
        deleter.execute("delete from joblog.job_run where trace_id = %s", [trace(2).hex()])
        runs_deleted(deleter, [key(1)])
        found = deleter.execute("select successes, longest_ms from joblog.job_day").fetchall()
    assert found == [{"successes": 2, "longest_ms": 3000}]


def test_a_login_that_does_not_own_the_tables_is_told_so(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create role only_writes login password 'secret'")
        connection.execute("grant usage on schema joblog to only_writes")
        connection.execute("grant select, insert, update on all tables in schema joblog to only_writes")
        try:
            only = psycopg.conninfo.make_conninfo(dsn, user="only_writes", password="secret")
            with pytest.raises(StoreError, match="does not own the tables"), deleting(only):
                pass
        finally:
            connection.execute("drop owned by only_writes; drop role only_writes")
