from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from otel_joblog.store.schema.partitions import Days, ensure_days, partition_name
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, SECOND, line, started, step

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def partitions(connection: psycopg.Connection, table: str = "job_log") -> set[str]:
    query = "select relid::regclass::text from pg_partition_tree(%s) where level = 1"
    return {name.removeprefix("joblog.") for (name,) in connection.execute(query, [f"joblog.{table}"])}


def places(connection: psycopg.Connection) -> list[str]:
    query = "select tableoid::regclass::text from joblog.job_log order by ts"
    return [name.removeprefix("joblog.") for (name,) in connection.execute(query)]


def at(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()) * SECOND


def test_a_writer_makes_the_days_it_needs_and_tomorrow(connection: psycopg.Connection, dsn: str) -> None:
    writer = Writer(dsn)
    writer.write([line(1, time=at(TODAY - 5 * DAY)), started(**step(1) | {"start": at(TODAY - 9 * DAY)})])
    writer.close()
    days = [TODAY - 9 * DAY, TODAY - 5 * DAY, TODAY, TODAY + DAY]
    for table in ("job_log", "job_step"):
        made = {partition_name(table, day) for day in days}
        assert partitions(connection, table) == made | {f"{table}_default"}
    assert places(connection) == [partition_name("job_log", TODAY - 5 * DAY)]


def test_times_far_off_go_to_the_default_partition(connection: psycopg.Connection, dsn: str) -> None:
    far = [0, 1, 2**63 - 1, at(TODAY + 30 * DAY), at(TODAY - 500 * DAY)]
    writer = Writer(dsn)
    writer.write([line(seq, time=time) for seq, time in enumerate(far)])
    writer.close()
    assert places(connection) == ["job_log_default"] * 5


def test_a_day_that_the_default_partition_holds_stays_there(connection: psycopg.Connection, dsn: str) -> None:
    yesterday = TODAY - DAY
    connection.execute(
        "insert into joblog.job_log values (%s, %s, 1, 1, 1, 9, 0, '', '', null)",
        (datetime(yesterday.year, yesterday.month, yesterday.day, tzinfo=UTC), "0" * 32),
    )
    assert ensure_days(connection, [yesterday, TODAY]) == {yesterday, TODAY}
    writer = Writer(dsn)
    writer.write([line(1, time=at(yesterday))])
    writer.close()
    assert places(connection) == ["job_log_default"] * 2
    assert partition_name("job_step", yesterday) in partitions(connection, "job_step")


def test_a_table_in_use_by_a_dump_delays_a_day_but_no_line(connection: psycopg.Connection, dsn: str) -> None:
    writer = Writer(dsn)
    with psycopg.connect(dsn) as dump:
        dump.execute("lock table joblog.job_log in access share mode")
        writer.write([line(1, time=NOW)])
        assert places(connection) == ["job_log_default"]
    writer.close()


def test_a_day_that_was_locked_is_asked_for_again(
    connection: psycopg.Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_joblog.store.schema.partitions._RETRY_AFTER", 0.0)
    days = Days()
    with psycopg.connect(dsn) as dump:
        dump.execute("lock table joblog.job_log in access share mode")
        days.ensure(connection, [TODAY])
    assert partitions(connection) == {"job_log_default"}
    days.ensure(connection, [TODAY])
    assert partition_name("job_log", TODAY) in partitions(connection)


def test_a_user_who_may_not_make_tables_writes_all_the_same(connection: psycopg.Connection) -> None:
    connection.execute("set role pg_read_all_data")
    assert ensure_days(connection, [TODAY]) == {TODAY}
    assert partitions(connection) == {"job_log_default"}


def test_days_that_are_known_cost_no_query(connection: psycopg.Connection) -> None:
    days = Days()
    days.ensure(connection, [TODAY])
    connection.close()
    days.ensure(connection, [TODAY, TODAY + DAY, TODAY - 1000 * DAY])
