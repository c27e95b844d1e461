"""A run that waits in a queue, in the store: it gives way to its start and its end, whatever comes first or twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from otel_joblog.conventions import RunStatus
from otel_joblog.records import Queued, Record, SpanLink
from otel_joblog.store.columns import instant
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import assert_statistics_are_right
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, span, started, trace

PRODUCER = SpanLink(trace(9), span(9), {})
QUEUED_AT = NOW - 90 * SECOND
SAID = {
    "joblog.job.type": "queue",
    "joblog.trigger": "queue",
    "joblog.reference": "INV-7",
    "joblog.queued_at": instant(QUEUED_AT).isoformat(),
}
WAITS = Queued(trace(1), span(1), QUEUED_AT, "invoices", "shop", SAID, [PRODUCER])


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def run(dsn: str) -> dict[str, Any]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        (row,) = connection.execute("select * from joblog.job_run").fetchall()
    return row


def contents(dsn: str) -> tuple[object, ...]:
    with psycopg.connect(dsn) as connection:
        return tuple(
            connection.execute(f"select to_jsonb(t) from joblog.{table} as t order by 1").fetchall()  # type: ignore[arg-type]
            for table in ("job_run", "job", "job_day", "job_hour", "job_duration")
        )


def test_a_run_that_waits_is_pending_and_nobodys(writer: Writer, dsn: str) -> None:
    writer.write([WAITS], PROCESS)
    row = run(dsn)
    assert (row["name"], row["service"], row["reference"], row["type"]) == ("invoices", "shop", "INV-7", "queue")
    assert (row["status"], row["process_id"], row["pid"], row["host"]) == (RunStatus.PENDING.code, None, None, "")
    assert row["queued_at"] == row["started_at"]
    assert [link["trace_id"] for link in row["links"]] == [trace(9).hex()]


def test_a_run_that_waits_is_no_run_of_its_job_yet(writer: Writer, dsn: str) -> None:
    writer.write([WAITS], PROCESS)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select count(*) from joblog.job").fetchone() == (0,)
    writer.write([PROCESS, started(attributes=SAID)])
    with psycopg.connect(dsn) as connection:
        assert_statistics_are_right(connection)
        assert connection.execute("select name, runs from joblog.job").fetchall() == [("invoices", 0)]


def test_it_is_not_called_lost_however_long_it_waits(writer: Writer, dsn: str) -> None:
    writer.write([WAITS], PROCESS)
    assert writer.settle(0) == 0
    assert run(dsn)["status"] == RunStatus.PENDING.code


def test_a_start_takes_it_over(writer: Writer, dsn: str) -> None:
    writer.write([WAITS], PROCESS)
    writer.write([PROCESS, started(attributes=SAID)])
    row = run(dsn)
    assert (row["status"], row["service"], row["pid"]) == (RunStatus.RUNNING.code, "billing", 4711)
    assert (row["started_at"] - row["queued_at"]).total_seconds() == 90


def test_a_start_that_says_no_time_that_can_be_read_has_not_waited(writer: Writer, dsn: str) -> None:
    for said in ("yesterday", "2026-01-01T00:00:00", 5, "9999-12-31T23:59:59-14:00"):
        writer.write([PROCESS, ended(attributes=SAID | {"joblog.queued_at": said})])
        assert run(dsn)["queued_at"] is None


@pytest.mark.parametrize("ends", [RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.LOST])
def test_any_order_and_any_repetition_come_to_the_same(ends: RunStatus, writer: Writer, dsn: str) -> None:
    told: list[list[Record]] = [
        [WAITS],
        [PROCESS, started(attributes=SAID), line(1)],
        [PROCESS, ended(attributes=SAID, status=ends, links=[PRODUCER], lines=1)],
    ]
    outcomes = set()
    for order in itertools.permutations(told):
        with psycopg.connect(dsn) as connection:
            for table in ("job_run", "job_log", "job", "job_day", "job_hour", "job_duration", "job_error_day"):
                connection.execute(f"truncate joblog.{table}")  # type: ignore[arg-type]
        for batch in [*order, *order]:
            writer.write(batch)
        outcomes.add(msgspec.json.encode(contents(dsn)))
    writer.write([record for batch in told for record in batch])
    outcomes.add(msgspec.json.encode(contents(dsn)))
    assert len(outcomes) == 1
    assert run(dsn)["status"] == ends.code


def test_lines_that_come_before_anything_else_do_not_stand_in_its_way(writer: Writer, dsn: str) -> None:
    writer.write([line(1)], PROCESS)
    writer.write([WAITS], PROCESS)
    writer.write([PROCESS, started(attributes=SAID)])
    assert (run(dsn)["status"], run(dsn)["lines"]) == (RunStatus.RUNNING.code, 1)


def test_a_run_given_up_of_which_only_lines_were_known_does_not_wait_again(writer: Writer, dsn: str) -> None:
    writer.write([line(1)], PROCESS)
    writer.settle(0)
    writer.write([WAITS], PROCESS)
    assert run(dsn)["status"] == RunStatus.LOST.code
