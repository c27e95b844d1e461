"""What is past its retention goes; what failed stays longer, whole; and whatever comes in between, it ends the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from otel_joblog.conventions import RunStatus
from otel_joblog.errors import RunNotFound
from otel_joblog.records import Record
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.upkeep.holds import Holds
from otel_joblog.store.upkeep.maintenance import clean_up, maintain, preview
from otel_joblog.store.upkeep.retention import Retention, begin, clean_a_piece
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import contents
from tests.store.history import DAY, NOON, told
from tests.store.samples import line, run_id, started

TODAY = datetime.now(UTC).date()
RETENTION = Retention(runs=90, failures=180)
FAILED = (RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.LOST)


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def write(dsn: str, *runs: list[Record]) -> None:
    writer = Writer(dsn)
    for records in runs:
        writer.write(records)
    writer.close()


def clean(dsn: str, retention: Retention = RETENTION) -> Any:
    policy = retention.policy()
    assert policy is not None
    return clean_up(dsn, policy)


def runs(connection: psycopg.Connection) -> list[int]:
    """The numbers of the runs that are there."""
    query = "select trace_id from joblog.job_run order by trace_id"
    return [int.from_bytes(trace.bytes[2:6], "big") for (trace,) in connection.execute(query)]


def rows(connection: psycopg.Connection) -> dict[str, int]:
    tables = ("job_run", "job_step", "job_log", "job_sample", "job_gap", "job_process")
    counted = (connection.execute(f"select count(*) from joblog.{table}").fetchone() for table in tables)
    return {table: row[0] for table, row in zip(tables, counted, strict=True) if row}


def days(connection: psycopg.Connection, table: str = "job_log") -> list[int]:
    """How many days ago those days were that have a partition."""
    query = (
        "select right(relid::regclass::text, 8) from pg_partition_tree(%s) where level = 1 and relid::text !~ 'default'"
    )
    found = [name for (name,) in connection.execute(query, [f"joblog.{table}"]) if name.isdigit()]
    return sorted((TODAY - datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date()).days for name in found)


def test_runs_go_after_their_retention_and_failed_ones_later(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, told(1, 89), told(2, 91), told(3, 92, RunStatus.SKIPPED))
    write(dsn, *(told(number, 120, status) for number, status in enumerate(FAILED, start=4)), told(7, 181, FAILED[0]))
    done = clean(dsn)
    assert (done.runs, done.lines, done.days) == (3, 12, 4)
    assert runs(connection) == [1, 4, 5, 6]
    assert rows(connection) == {
        "job_run": 4, "job_step": 4, "job_log": 16, "job_sample": 4, "job_gap": 4, "job_process": 1
    }  # fmt: skip
    for table in ("job_log", "job_step", "job_sample"):
        assert days(connection, table) == [-1, 0, 89, 120]


def test_a_failed_run_shows_all_of_its_lines_past_the_retention_of_the_others(dsn: str) -> None:
    write(dsn, told(1, 120, RunStatus.ERROR), told(2, 120))

    async def seen() -> Any:
        async with Reader(dsn) as reader:
            detail, lines = await reader.run(run_id(1)), await reader.lines(run_id(1))
            found = await reader.search("line", seconds=60)
            with pytest.raises(RunNotFound):
                await reader.run(run_id(2))
            return detail, lines.items, found.items

    async def before() -> Any:
        async with Reader(dsn) as reader:
            return await reader.run(run_id(1)), (await reader.lines(run_id(1))).items

    detail_before, lines_before = asyncio.run(before())
    clean(dsn)
    detail, lines, found = asyncio.run(seen())
    assert (detail, lines) == (detail_before, lines_before)
    assert len(lines) == detail.run.lines == 4
    assert {item.run_id for item in found} == {run_id(1)}


def test_a_run_is_as_old_as_its_last_sign_of_life(connection: psycopg.Connection, dsn: str) -> None:
    long = told(1, 100)
    long[-1] = started(1, start=NOON - 100 * DAY)
    write(dsn, long, [line(9, 1, time=NOON - 80 * DAY)], told(2, 100, None), told(3, 100, None))
    connection.execute("insert into joblog.job_live select process_id, now() from joblog.job_process")
    clean(dsn)
    assert runs(connection) == [1, 2, 3]
    connection.execute("delete from joblog.job_live")
    connection.execute("delete from joblog.job_cleanup")
    clean(dsn)
    assert runs(connection) == [1]
    assert rows(connection)["job_log"] == 5


def test_the_statistics_outlive_their_runs_and_count_them_once(connection: psycopg.Connection, dsn: str) -> None:
    tables = ("job", "job_day", "job_hour", "job_duration", "job_error_day")
    write(dsn, told(1, 120), told(2, 200, RunStatus.ERROR))
    before = [connection.execute(f"select * from joblog.{table} order by 1, 2").fetchall() for table in tables]
    clean(dsn)
    assert runs(connection) == []
    write(dsn, told(1, 120), told(2, 200, RunStatus.ERROR))
    assert [connection.execute(f"select * from joblog.{table} order by 1, 2").fetchall() for table in tables] == before


def test_statistics_go_in_the_end(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, told(1, 399), told(2, 1099), told(3, 1101))
    clean(dsn)
    count = "select (select count(*) from joblog.job_hour), (select count(*) from joblog.job_day)"
    assert connection.execute(count).fetchone() == (1, 2)


def test_times_far_off_are_cleaned_up_like_others(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, told(1, 10_000), told(2, 10_000, RunStatus.ERROR), told(3, -10_000), told(4, 1))
    write(dsn, [line(50, 4, time=0), line(51, 4, time=2**63 - 1)])
    clean(dsn)
    assert runs(connection) == [3, 4]  # nobody knows how old a run of the future is
    assert rows(connection)["job_log"] == 10
    connection.execute("update joblog.job_hold set until = current_date")
    clean(dsn)
    assert runs(connection) == [4]
    assert rows(connection) == {
        "job_run": 1, "job_step": 1, "job_log": 6, "job_sample": 1, "job_gap": 1, "job_process": 1
    }  # fmt: skip


def test_what_comes_late_for_a_day_that_was_swept_goes_with_the_next_clean_up(
    connection: psycopg.Connection, dsn: str
) -> None:
    write(dsn, told(1, 120, RunStatus.ERROR), told(2, 120))
    clean(dsn)
    write(dsn, [line(60, 1, time=NOON - 120 * DAY), line(60, 2, time=NOON - 120 * DAY)])
    assert rows(connection)["job_log"] == 6
    clean(dsn)
    assert rows(connection)["job_log"] == 5
    assert runs(connection) == [1]


def test_what_waits_for_its_run_waits_until_the_retention(connection: psycopg.Connection, dsn: str) -> None:
    unknown = [replace(line(1, days_ago, time=NOON - days_ago * DAY), run=bytes(8)) for days_ago in (1, 89, 91, 400)]
    write(dsn, *([record] for record in unknown))
    traces = "select trace_id from joblog.job_waiting union all select trace_id from joblog.job_log"
    assert len(connection.execute(traces).fetchall()) == 8
    clean(dsn)
    left = [int.from_bytes(trace.bytes[2:6], "big") for (trace,) in connection.execute(traces)]
    assert sorted(left) == [1, 1, 89, 89]


def plan(connection: psycopg.Connection, retention: Retention) -> None:
    """A clean-up that was interrupted when it had planned its first runs."""
    policy = retention.policy()
    assert policy is not None
    begin(connection, policy)
    assert clean_a_piece(connection, policy)
    assert connection.execute("select count(*) > 0 from joblog.job_due").fetchone() == (True,)


def test_what_an_interrupted_clean_up_had_planned_stays_where_the_next_one_keeps_more(
    connection: psycopg.Connection, dsn: str
) -> None:
    write(dsn, told(1, 100), told(2, 100, RunStatus.ERROR), told(3, 100, None))
    before = contents(connection)
    plan(connection, Retention(runs=0, failures=0))
    assert clean(dsn, Retention(runs=101, failures=None)).runs == 0
    assert contents(connection) == before
    assert connection.execute("select * from joblog.job_due").fetchall() == []
    plan(connection, Retention(runs=0, failures=0))
    assert clean(dsn).runs == 2
    assert runs(connection) == [2]


def test_what_was_planned_stays_where_an_import_holds_it_or_its_process_is_heard_of(
    connection: psycopg.Connection, dsn: str
) -> None:
    write(dsn, told(1, 100), told(2, 100, None), told(3, 100))
    plan(connection, RETENTION)
    writer = Writer(dsn)
    holds = Holds(writer, RETENTION)
    holds.cover(told(1, 100))
    writer.close()
    connection.execute("insert into joblog.job_live select process_id, now() from joblog.job_process")
    assert clean(dsn).runs == 1
    assert runs(connection) == [1, 2]
    connection.execute("update joblog.job_hold set until = current_date")
    connection.execute("delete from joblog.job_live")
    assert clean(dsn).runs == 2
    assert runs(connection) == []


def test_a_dry_run_tells_and_changes_nothing(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, told(1, 10), told(2, 120), told(3, 120, RunStatus.ERROR), told(4, 190, RunStatus.LOST), told(5, -900))
    policy = RETENTION.policy()
    assert policy is not None
    before = contents(connection)
    found = preview(dsn, policy)
    assert contents(connection) == before
    assert (found.runs, found.lines, found.failed) == (2, 8, 1)
    assert (found.kept, found.kept_lines) == (2, 8)
    assert [day for day, _ in found.days] == [TODAY - timedelta(days=190), TODAY - timedelta(days=120)]
    clean(dsn)
    assert len(runs(connection)) == 3


def test_the_maintenance_cleans_up_once_a_day(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, told(1, 120))
    assert maintain(dsn)
    assert runs(connection) == [1]
    assert maintain(dsn, RETENTION)
    assert runs(connection) == []
    write(dsn, told(2, 120))
    assert maintain(dsn, RETENTION)
    assert runs(connection) == [2]
    connection.execute("update joblog.job_cleanup set ended_at = ended_at - interval '1 day'")
    assert maintain(dsn, Retention(runs=None, failures=None))
    assert runs(connection) == [2]
    assert maintain(dsn, RETENTION)
    assert runs(connection) == []


def test_an_export_that_holds_the_tables_delays_a_day_but_no_line(
    connection: psycopg.Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_joblog.store.upkeep.sweep._PAUSES", ())
    write(dsn, told(1, 120), told(2, 120, RunStatus.ERROR))
    with psycopg.connect(dsn) as export:
        export.execute("lock table joblog.job_log in access share mode")
        assert maintain(dsn, RETENTION)
        assert rows(connection)["job_log"] == 8
    assert maintain(dsn, RETENTION)
    assert rows(connection)["job_log"] == 4
