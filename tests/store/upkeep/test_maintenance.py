"""What is done in the background, by one of many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from otel_joblog.store.schema.partitions import partition_name
from otel_joblog.store.sql import query
from otel_joblog.store.upkeep import maintenance
from otel_joblog.store.upkeep.maintenance import Maintenance, maintain
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, SECOND, line, started

DAY = 86_400 * SECOND
TODAY = datetime.now(UTC).date()


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def indexes(connection: psycopg.Connection) -> dict[str, bool]:
    """Text indexes, and whether they are fit for use."""
    query = (
        "select relname, indisvalid from pg_index join pg_class on oid = indexrelid where relname like 'job_log%_text'"
    )
    return dict(connection.execute(query).fetchall())


def text_index(days_ago: int) -> str:
    return f"{partition_name('job_log', TODAY - timedelta(days=days_ago))}_text"


def write(dsn: str, *days_ago: int) -> None:
    writer = Writer(dsn)
    writer.write([started(), *(line(number, time=NOW - number * DAY) for number in days_ago)])
    writer.close()


def test_days_that_are_over_get_their_text_index(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, 0, 3, 5)
    assert maintain(dsn)
    assert indexes(connection) == {text_index(3): True, text_index(5): True}
    assert maintain(dsn)
    write(dsn, 4)
    assert maintain(dsn)
    assert set(indexes(connection)) == {text_index(3), text_index(4), text_index(5)}


def test_an_index_that_was_left_half_made_is_made_anew(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, 3)
    maintain(dsn)
    connection.execute(
        "update pg_index set indisvalid = false where indexrelid = %s::regclass", [f"joblog.{text_index(3)}"]
    )
    maintain(dsn)
    assert indexes(connection) == {text_index(3): True}


def test_who_may_not_index_leaves_it(connection: psycopg.Connection, dsn: str) -> None:
    write(dsn, 3)
    connection.execute("create role joblog_guest nosuperuser")
    try:
        connection.execute("grant usage on schema joblog to joblog_guest")
        connection.execute("set role joblog_guest")
        from otel_joblog.store.upkeep.textindex import index_a_day

        assert index_a_day(connection) is None
        connection.execute("reset role; create extension pg_trgm; set role joblog_guest")
        assert index_a_day(connection) is None
    finally:
        connection.execute("reset role; drop owned by joblog_guest; drop role joblog_guest")
    assert indexes(connection) == {}


def test_of_many_one_maintains(connection: psycopg.Connection, dsn: str) -> None:
    with connection.transaction():
        connection.execute(query("upkeep/maintain/lead"))
        assert not maintain(dsn)
    assert maintain(dsn)


def test_a_database_without_the_schema_is_left_alone(empty_dsn: str) -> None:
    assert not maintain(empty_dsn)


def test_strays_come_home_when_their_day_is_near(connection: psycopg.Connection, dsn: str) -> None:
    # As a writer leaves them for which somebody held the tables.
    with psycopg.connect(dsn) as dump:
        dump.execute("lock table joblog.job_log, joblog.job_step in access share mode")
        write(dsn, 0, 2)
    write(dsn, 900)
    assert homes(connection) == {"job_log_default": 3}
    assert maintain(dsn)
    assert homes(connection) == {
        "job_log_default": 1,
        partition_name("job_log", TODAY - timedelta(days=2)): 1,
        partition_name("job_log", datetime.fromtimestamp(NOW / SECOND, UTC).date()): 1,
    }
    write(dsn, 2)
    assert connection.execute("select lines from joblog.job_run").fetchone() == (3,)


def homes(connection: psycopg.Connection) -> dict[str, int]:
    query = "select tableoid::regclass::text, count(*) from joblog.job_log group by 1"
    return {name.removeprefix("joblog."): count for name, count in connection.execute(query)}


def test_it_works_in_the_background_until_it_is_told_to_stop(
    connection: psycopg.Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()
    monkeypatch.setattr(maintenance, "_CHORES", (lambda connection, retention: done.set() or False,))
    with Maintenance(dsn):
        assert done.wait(20)


def test_stopping_does_not_wait_for_a_long_piece_of_work(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = threading.Event()

    def sleep(connection: psycopg.Connection, retention: object) -> bool:
        asleep.set()
        connection.execute("select pg_sleep(100)")
        return False

    monkeypatch.setattr(maintenance, "_CHORES", (sleep,))
    with Maintenance(lambda: dsn) as working:
        assert asleep.wait(20)
    assert not working._thread.is_alive()
