"""Attempts find each other, in whatever order they come; that it is the same in any order is in test_idempotence.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from otel_joblog.conventions import RunStatus
from otel_joblog.records import Record, SpanEnded, SpanLink, SpanStarted
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import assert_statistics_are_right
from tests.store.samples import NOW, PROCESS, SECOND, ended, run_id, span, started, trace

DAY = 86_400 * SECOND


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def fields(number: int, after: int | None = None, **said: Any) -> dict[str, Any]:
    attributes = {"joblog.attempt": number, **{f"joblog.{name}": value for name, value in said.items()}}
    if after is not None:
        attributes["joblog.previous_attempt"] = run_id(after)
    return {"attributes": attributes, "start": NOW + number * SECOND, "name": "fetch"}


def failed(number: int, attempt: int = 1, after: int | None = None, **said: Any) -> SpanEnded:
    return ended(number, status=RunStatus.ERROR, message="no route", **fields(attempt, after, **said))


def going(number: int, attempt: int, after: int | None = None, **said: Any) -> SpanStarted:
    return started(number, **fields(attempt, after, **said))


def history(dsn: str) -> dict[str, dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        assert_statistics_are_right(connection)
        found = connection.execute("select * from joblog.job_history").fetchall()
    return {run["run_id"]: run for run in found}


def outcome(dsn: str, number: int = 1) -> tuple[str, bool, bool]:
    run = history(dsn)[run_id(number)]
    return run["status"], run["failed"], run["retried"]


def health(dsn: str) -> dict[str, Any]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        (job,) = connection.execute("select * from joblog.job_health where job = 'fetch'").fetchall()
        return job


def test_a_failed_attempt_that_nobody_retried_stays_failed(writer: Writer, dsn: str) -> None:
    writer.write([failed(1, max_attempts=3)], PROCESS)
    assert outcome(dsn) == ("error", True, False)
    assert (health(dsn)["failures"], health(dsn)["failures_in_a_row"]) == (1, 1)


def test_from_the_start_of_the_next_attempt_it_counts_as_retried(writer: Writer, dsn: str) -> None:
    writer.write([failed(1)], PROCESS)
    writer.write([going(2, 2, after=1)], PROCESS)
    assert outcome(dsn) == ("error", False, True)
    job = health(dsn)
    assert (job["runs_7d"], job["failures_7d"], job["retried_7d"], job["failures_in_a_row"]) == (1, 0, 1, 0)
    runs = history(dsn)
    assert (runs[run_id(1)]["next_run_id"], runs[run_id(1)]["previous_run_id"]) == (run_id(2), None)
    assert (runs[run_id(2)]["next_run_id"], runs[run_id(2)]["previous_run_id"]) == (None, run_id(1))


def test_the_last_attempt_decides(writer: Writer, dsn: str) -> None:
    writer.write([failed(1), failed(2, 2, after=1), failed(3, 3, after=2)], PROCESS)
    assert [outcome(dsn, number)[1:] for number in (1, 2, 3)] == [(False, True), (False, True), (True, False)]
    assert (health(dsn)["failures"], health(dsn)["success_rate_7d"]) == (1, 0)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2)])
def test_attempts_of_one_execution_are_known_as_such_whichever_came_first(
    order: tuple[int, ...], writer: Writer, dsn: str
) -> None:
    attempts = {1: failed(1), 2: failed(2, 2, after=1), 3: ended(3, **fields(3, after=2))}
    for number in order:
        writer.write([attempts[number]], PROCESS)
    with psycopg.connect(dsn) as connection:
        of_it = "select run_id, attempt, retried from joblog.job_attempts where execution_id = %s order by attempt"
        found = connection.execute(of_it, [run_id(1)]).fetchall()
    assert found == [(run_id(1), 1, True), (run_id(2), 2, True), (run_id(3), 3, False)]
    assert health(dsn)["success_rate_7d"] == 1


def test_a_link_that_says_so_is_as_good(writer: Writer, dsn: str) -> None:
    link = SpanLink(trace(1), span(1), {"joblog.link": "previous_attempt"})
    writer.write([failed(1), ended(2, links=[link], **fields(2))], PROCESS)
    assert outcome(dsn) == ("error", False, True)


def test_attempts_with_one_reference_need_no_link(writer: Writer, dsn: str) -> None:
    for records in (
        [failed(1, reference="order 7"), failed(5, reference="order 8")],
        [going(2, 2, reference="order 7"), going(3, 2, reference="order 9"), going(4, 2)],
    ):
        writer.write(records, PROCESS)
    assert outcome(dsn, 1) == ("error", False, True)
    assert outcome(dsn, 5) == ("error", True, False)


def test_the_earlier_attempt_of_a_reference_may_come_last(writer: Writer, dsn: str) -> None:
    writer.write([failed(2, 2, reference="order 7")], PROCESS)
    writer.write([failed(1, reference="order 7")], PROCESS)
    assert outcome(dsn, 1) == ("error", False, True)
    assert outcome(dsn, 2) == ("error", True, False)


@pytest.mark.parametrize(
    "other",
    [
        ended(2, **fields(2, after=1) | {"name": "another job"}),
        ended(2, **fields(1, after=1) | {"start": NOW - SECOND}),  # it cannot follow what began later
        ended(2, **fields(2, after=7)),
    ],
)
def test_what_is_no_later_attempt_of_the_job_takes_no_failure_away(other: Record, writer: Writer, dsn: str) -> None:
    for _ in range(2):
        writer.write([failed(1), other], PROCESS)
    assert outcome(dsn) == ("error", True, False)
    assert history(dsn)[run_id(2)]["previous_run_id"] is None


def test_a_lost_attempt_that_is_followed_by_another_is_retried(writer: Writer, dsn: str) -> None:
    writer.write([started(1, **fields(1)), going(2, 2, after=1)], PROCESS)
    assert outcome(dsn)[0] == "running"
    writer.beat([PROCESS.process_id])
    writer.write([ended(1, status=RunStatus.LOST, message="gone", **fields(1))], PROCESS)
    assert outcome(dsn) == ("lost", False, True)
    writer.write([ended(1, **fields(1))], PROCESS)  # it went on, on a host that could not be heard
    assert outcome(dsn) == ("success", False, False)
    assert health(dsn)["failures"] == 0


def test_who_was_silent_is_retried_though_the_next_attempt_was_known_before_it_began(writer: Writer, dsn: str) -> None:
    writer.write([ended(2, **fields(2, after=1))], PROCESS)
    writer.write([started(1, **fields(1))], PROCESS)
    assert writer.settle(0) == 1
    assert outcome(dsn) == ("lost", False, True)


def test_what_comes_again_changes_nothing(writer: Writer, dsn: str) -> None:
    for _ in range(3):
        writer.write([failed(1)], PROCESS)
        writer.write([going(2, 2, after=1)], PROCESS)
        writer.write([going(3, 2, after=1)], PROCESS)  # somebody retried twice
    assert outcome(dsn) == ("error", False, True)
    runs = history(dsn)
    assert runs[run_id(1)]["next_run_id"] == run_id(2)
    assert runs[run_id(3)]["previous_run_id"] == run_id(1)


def test_a_retried_attempt_stays_so_when_the_next_one_is_deleted(writer: Writer, dsn: str) -> None:
    writer.write([failed(1), ended(2, **fields(2, after=1))], PROCESS)
    with psycopg.connect(dsn) as connection:
        connection.execute("delete from joblog.job_run where trace_id = %s", [trace(2).hex()])
    writer.write([failed(1)], PROCESS)
    with psycopg.connect(dsn) as connection:
        (run,) = connection.execute("select retried from joblog.job_history").fetchall()
    assert run == (True,)
    assert (health(dsn)["runs"], health(dsn)["failures"]) == (2, 0)


def test_runs_that_an_import_brings_back_are_linked_and_not_counted_again(writer: Writer, dsn: str) -> None:
    old = {"start": NOW - 9 * DAY, "end": NOW - 9 * DAY + SECOND}
    attempts = [
        ended(1, status=RunStatus.ERROR, message="no route", **fields(1) | old),
        ended(2, **fields(2, after=1) | old | {"start": NOW - 9 * DAY + 1000}),
    ]
    writer.write(attempts, PROCESS)
    with psycopg.connect(dsn) as connection:
        before = connection.execute("select * from joblog.job_day").fetchall()
        connection.execute("delete from joblog.job_run")
        connection.execute(
            "insert into joblog.job_cleanup (started_at, ended_at, before, failures_before)"
            " values (now(), now(), now()::date - 3, now()::date - 3)"
        )
    for attempt in attempts:
        writer.write([attempt], PROCESS)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select * from joblog.job_day").fetchall() == before
        retried = "select run_id from joblog.job_history where retried"
        assert connection.execute(retried).fetchall() == [(run_id(1),)]


def test_writers_at_the_same_time_miss_no_attempt(dsn: str) -> None:
    def write(attempt: int) -> None:
        writer = Writer(dsn)
        for number in range(10, 40):
            later = fields(attempt, after=number + 100 * (attempt - 1) if attempt > 1 else None)
            status = RunStatus.SUCCESS if attempt == 3 else RunStatus.ERROR
            writer.write([ended(number + 100 * attempt, status=status, **later)], PROCESS)
        writer.close()

    threads = [threading.Thread(target=write, args=[attempt]) for attempt in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = [(run["attempt"], run["retried"]) for run in history(dsn).values()]
    assert sorted(set(outcomes)) == [(1, True), (2, True), (3, False)]
    with psycopg.connect(dsn) as connection:
        sizes = "select execution_id, count(*) from joblog.job_attempts group by 1"
        assert {size for _, size in connection.execute(sizes)} == {3}
