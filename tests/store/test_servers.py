"""Servers that are set up in other ways than ours: their time, their dates, what they allow, what else they hold."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from otel_joblog.conventions import RunStatus
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.upkeep.archive import read_runs, reading
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.write.writer import Writer
from tests.store.samples import PROCESS, SECOND, ended, line, run_id, started, step

MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
LATE = int(MIDNIGHT.timestamp()) * SECOND - 5 * 60 * SECOND  # five minutes before midnight, UTC
EARLY = LATE + 10 * 60 * SECOND


def execute(dsn: str, *statements: str | sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def set_up(dsn: str, **settings: str) -> None:
    """Settings of the database, for every connection to come."""
    database = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    for name, value in settings.items():
        statement = sql.SQL("alter database {} set {} = {}")
        execute(dsn, statement.format(database, sql.Identifier(name), sql.Literal(value)))


def write(dsn: str) -> None:
    """A run on each side of midnight, one of them twice."""
    with closing(Writer(dsn)) as writer:
        for number, start in ((1, LATE), (2, EARLY)):
            for _ in range(2):
                writer.write([started(number, start=start), started(number, **step(1) | {"start": start})], PROCESS)
                writer.write([line(seq, number, time=start + seq, message=f"order {seq}") for seq in range(5)])
            writer.write([ended(number, status=RunStatus.ERROR, start=start, end=start + SECOND)], PROCESS)
        writer.beat([PROCESS.process_id])
        writer.settle(0)


@pytest.mark.parametrize(
    "settings",
    [
        {"timezone": "America/St_Johns", "datestyle": "German"},
        {"timezone": "Pacific/Kiritimati", "datestyle": "SQL, DMY", "intervalstyle": "sql_standard"},
        {"timezone": "<-03>+03", "datestyle": "Postgres, MDY", "bytea_output": "escape"},
        {"default_transaction_isolation": "serializable", "search_path": "", "statement_timeout": "20s"},
    ],
)
def test_neither_its_time_nor_its_dates_are_ours(empty_dsn: str, settings: dict[str, str]) -> None:
    set_up(empty_dsn, **settings)
    migrate(empty_dsn)
    write(empty_dsn)
    assert maintain(empty_dsn)
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("set timezone = 'UTC'; set datestyle = 'ISO'")
        days = connection.execute("select day, sum(errors)::int from joblog.job_day group by 1 order by 1").fetchall()
        (stray,) = connection.execute("select count(*) from joblog.job_log_default").fetchall()
    assert days == [((MIDNIGHT - timedelta(days=1)).date(), 1), (MIDNIGHT.date(), 1)]
    assert stray == (0,)
    with reading(empty_dsn) as connection:
        assert [len(list(run)) for run in read_runs(connection, [run_id(1)])] == [8]

    async def read() -> None:
        async with Reader(empty_dsn) as reader:
            late, early = reversed((await reader.runs()).items)
            assert (late.started_at, early.started_at) == (
                MIDNIGHT - timedelta(minutes=5),
                MIDNIGHT + timedelta(minutes=5),
            )
            assert late.started_at.utcoffset() == timedelta(0)
            assert [line.message for line in (await reader.lines(run_id(2))).items] == [
                f"order {seq}" for seq in range(5)
            ]
            assert len((await reader.search("order", since=MIDNIGHT)).items) == 5
            assert len((await reader.runs(since=MIDNIGHT)).items) == 1
            by_day = (await reader.statistics(days=7)).by_day
            assert [(day.day, day.errors) for day in by_day if day.errors] == days

    asyncio.run(read())


@pytest.fixture
def tenant(empty_dsn: str) -> Iterator[str]:
    """A login as a managed service gives it: it owns a schema, and may neither install extensions nor make another."""
    name = f"joblog_test_{os.getpid()}_tenant"
    execute(
        empty_dsn,
        f"create role {name} login password 'secret'",
        f"create schema joblog authorization {name}",
        "create table public.job_run (id int); insert into public.job_run values (1)",
        "create table public.schema_version (version int); insert into public.schema_version values (77)",
    )
    yield make_conninfo(empty_dsn, user=name, password="secret")
    execute(empty_dsn, f"drop owned by {name} cascade", f"drop role {name}")


def test_without_rights_to_an_extension_the_search_looks_at_every_line_and_says_why(tenant: str) -> None:
    migrate(tenant)
    write(tenant)
    assert maintain(tenant)

    async def read() -> None:
        async with Reader(tenant) as reader:
            page = await reader.search('"order 3"')
            assert len(page.items) == 2
            assert page.note is not None
            assert page.note.startswith("The extension pg_trgm is not set up: every line is read")

    asyncio.run(read())


def test_tables_of_others_are_left_alone(tenant: str, empty_dsn: str) -> None:
    migrate(tenant)
    write(tenant)
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("select * from public.job_run").fetchall() == [(1,)]
        assert connection.execute("select * from public.schema_version").fetchall() == [(77,)]
        ours = "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        assert connection.execute(ours).fetchone() == (2,)
