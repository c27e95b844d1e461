"""The roles, each tried with a login of its own."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege

from otel_joblog import store
from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.errors import SchemaError, StoreError
from otel_joblog.records import NO_RUN, Dropped, Sample
from otel_joblog.store.columns import instant
from otel_joblog.store.read.models import SearchPage
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.schema.may import May, login_may
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.schema.partitions import partition_name
from otel_joblog.store.schema.roles import ROLES, make_roles
from otel_joblog.store.upkeep.archive import read_runs, reading
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, progress, run_id, started, step

DAY = 86_400 * SECOND
STORE = Path(store.__file__).parent
Login = Callable[..., str]

_numbers = itertools.count(1)


@pytest.fixture
def login(empty_dsn: str) -> Iterator[Login]:
    """Makes logins, members of the roles named, and returns their DSN; all of them are dropped in the end."""
    made: list[sql.Identifier] = []

    def make(*roles: str, options: str = "") -> str:
        name = f"joblog_test_{os.getpid()}_{next(_numbers)}"
        made.append(sql.Identifier(name))
        execute(empty_dsn, sql.SQL("create role {} login password 'secret' " + options).format(made[-1]))
        for role in roles:
            execute(empty_dsn, sql.SQL("grant {} to {}").format(sql.Identifier(role), made[-1]))
        return make_conninfo(empty_dsn, user=name, password="secret")

    yield make
    for name in reversed(made):
        execute(empty_dsn, sql.SQL("drop owned by {} cascade").format(name))
        execute(empty_dsn, sql.SQL("drop role {}").format(name))


@pytest.fixture
def owner(login: Login, empty_dsn: str) -> str:
    """A user who owns the schema, and no more than that may do."""
    dsn = login()
    user = sql.Identifier(psycopg.conninfo.conninfo_to_dict(dsn)["user"])
    execute(empty_dsn, sql.SQL("create schema joblog authorization {}").format(user))
    make_roles_beforehand(empty_dsn)
    migrate(dsn)
    make_roles(dsn)
    return dsn


@pytest.fixture
def writer(login: Login, owner: str) -> str:
    return login("joblog_writer")


@pytest.fixture
def reader(login: Login, owner: str) -> str:
    return login("joblog_reader")


def execute(dsn: str, *statements: str | sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def make_roles_beforehand(dsn: str) -> None:
    """As an administrator would."""
    for role in ROLES:
        with suppress(psycopg.errors.DuplicateObject):
            execute(dsn, f"create role {role} nologin")


def scalar(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def write_all(dsn: str, number: int = 1) -> None:
    """Everything that shipping and ingest write, some of it twice, over several days."""
    key = {"trace_id": started(number).trace_id, "run": started(number).run, "time": NOW}
    with closing(Writer(dsn)) as writer:
        for _ in range(2):
            writer.write([started(number), started(number, **step(1))], PROCESS)
            writer.write([line(seq, number, time=NOW - seq * DAY) for seq in range(4)], PROCESS)
            writer.write([line(9, number, time=NOW - 700 * DAY)])
            writer.write([progress(10, number), Dropped(**key, lines=3, reason="full")])
            writer.write([Sample(**key, start=NOW, seq=seq, memory=1, cpu=0.1) for seq in range(1, 800)])
            writer.beat([PROCESS.process_id])
        # Comes before what tells whose it is, as by OTLP.
        early = replace(ended(number, **step(2) | {"kind": SpanKind.SPAN}), run=NO_RUN)
        writer.write([early, replace(line(5, number), span_id=early.span_id, run=NO_RUN)])
        writer.write([started(number + 100, start=NOW - 10 * DAY)])
        writer.settle(0)
        writer.write([ended(number, **step(1)), ended(number, status=RunStatus.ERROR, message="no disk")], PROCESS)
        writer.write([ended(number + 100, start=NOW - 10 * DAY)])
        writer.forget([PROCESS.process_id])


async def read_all(dsn: str) -> SearchPage:
    async with Reader(dsn) as reader:
        await reader.health()
        assert len((await reader.runs()).items) == 2
        assert (await reader.run(run_id())).run.lines == 6
        assert len((await reader.lines(run_id())).items) == 6
        assert len((await reader.jobs()).items) == 2
        assert (await reader.statistics()).total.errors == 1
        assert len(await reader.errors()) == 1
        return await reader.search("line")


def test_a_writer_writes_all_there_is_and_a_reader_reads_it(writer: str, reader: str) -> None:
    write_all(writer)
    assert len(asyncio.run(read_all(reader)).items) == 6
    with reading(reader) as connection:
        (run,) = read_runs(connection, [run_id()])
        assert len(list(run)) > 5


def test_a_day_that_one_writer_made_is_there_for_all(login: Login, writer: str, reader: str, owner: str) -> None:
    write_all(writer)
    partition = partition_name("job_log", instant(NOW - 2 * DAY).date())
    assert scalar(owner, f"select count(*) from joblog.{partition}") == 1
    with closing(Writer(login("joblog_writer"))) as other:
        other.write([line(20, 1, time=NOW - 2 * DAY)])
    assert scalar(owner, f"select count(*) from joblog.{partition}") == 2
    assert scalar(reader, "select count(*) from joblog.job_log") == 7


FORBIDDEN_TO_WRITERS = """
drop table joblog.job_log
alter table joblog.job_run add column more int
create table joblog.mine (id int)
create index on joblog.job_run (host)
truncate joblog.job_log
delete from joblog.job_log
delete from joblog.job_run
update joblog.job_log set message = ''
update joblog.job_gap set lines = 0
insert into joblog.schema_version values (99, 'mine')
update joblog.schema_version set version = 99
do $$ begin lock table joblog.job_log in access exclusive mode; end $$
select * from private.secrets
create table private.mine (id int)
create table public.mine (id int)
create schema mine
create role joblog_test_more
alter function joblog.make_day(text, date) security invoker
select joblog.make_day('job_run', current_date)
select joblog.make_day('job_log', current_date + 1000)
select joblog.make_day('job_log; drop table joblog.job_run', current_date)
""".strip().splitlines()

FORBIDDEN_TO_READERS = """
insert into joblog.job_live values (gen_random_uuid(), now())
delete from joblog.job_live
update joblog.job_run set name = ''
select * from joblog.job_run for update
select joblog.make_day('job_log', current_date)
""".strip().splitlines()

FORBIDDEN_TO_DASHBOARDS = """
select * from joblog.job_run
select * from joblog.job_log
select * from joblog.schema_version
""".strip().splitlines()


@pytest.mark.parametrize(
    ("role", "statements"),
    [
        ("joblog_writer", FORBIDDEN_TO_WRITERS),
        ("joblog_reader", FORBIDDEN_TO_WRITERS + FORBIDDEN_TO_READERS),
        ("joblog_dashboards", FORBIDDEN_TO_WRITERS + FORBIDDEN_TO_READERS + FORBIDDEN_TO_DASHBOARDS),
    ],
)
def test_more_than_its_rights_nobody_has(
    role: str, statements: list[str], login: Login, owner: str, empty_dsn: str
) -> None:
    execute(empty_dsn, "create schema private; create table private.secrets (word text)")
    with psycopg.connect(login(role), autocommit=True) as connection:
        for statement in statements:
            try:
                connection.execute(statement)
            except (InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
                continue
            pytest.fail(f"{role} may {statement}")


def test_nobody_finds_other_functions_where_the_partitions_are_made(writer: str, empty_dsn: str) -> None:
    execute(empty_dsn, "grant create on schema public to public")
    with psycopg.connect(writer, autocommit=True) as connection:
        connection.execute(
            "create function public.format(text, variadic text[]) returns text"
            " language sql as $$select 'drop schema joblog'$$"
        )
        connection.execute("create function pg_temp.abs(int) returns int language sql as $$select 0$$")
        connection.execute("set search_path = pg_temp, public, pg_catalog")
        connection.execute("select joblog.make_day('job_log', (now() at time zone 'UTC')::date)")
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("select joblog.make_day('job_log', '2001-01-01')")


def test_dashboards_read_every_view_and_no_table(login: Login, writer: str, owner: str) -> None:
    write_all(writer)
    views = "select relname from pg_class where relnamespace = 'joblog'::regnamespace and relkind = 'v'"
    with psycopg.connect(login("joblog_dashboards")) as connection:
        names = [name for (name,) in connection.execute(views)]
        for name in names:
            connection.execute(sql.SQL("select * from joblog.{}").format(sql.Identifier(name)))
    assert {"active_jobs", "job_progress", "job_history", "job_errors", "job_health"} <= set(names)


def test_every_table_is_for_readers(owner: str, reader: str) -> None:
    unreadable = (
        "select array_agg(relname::text) from pg_class where relnamespace = 'joblog'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition and not has_table_privilege('joblog_reader', oid, 'select')"
    )
    assert scalar(owner, unreadable) is None


STATEMENTS = {
    "insert": r"insert into joblog\.(\w+)|^copy joblog\.(\w+)",
    "update": r"^ *update joblog\.(\w+)|insert into joblog\.(\w+)(?:(?!;).)*?do update",
    "delete": r"delete from joblog\.(\w+)",
    "select": r"(?:from|join) joblog\.(\w+)\b(?!\()",
}


@pytest.mark.parametrize(
    ("role", "folders"),
    [("joblog_writer", ["write/sql"]), ("joblog_reader", ["read/sql", "upkeep/sql/export"])],
    ids=["writer", "reader"],
)
def test_a_role_has_the_rights_that_its_statements_take(role: str, folders: list[str], owner: str) -> None:
    needed = {
        (right, table)
        for folder in folders
        for file in (STORE / folder).glob("*.sql")
        for right, pattern in STATEMENTS.items()
        for tables in re.findall(f"(?:{pattern})", file.read_text(), re.MULTILINE | re.DOTALL)
        for table in ([tables] if isinstance(tables, str) else tables)
        if table
    }
    assert ("select", "job_run") in needed
    with psycopg.connect(owner) as connection:
        lacking = [
            (right, table)
            for right, table in needed
            for (may,) in connection.execute("select has_table_privilege(%s, %s, %s)", [role, f"joblog.{table}", right])
            if not may
        ]
    assert lacking == []


def test_making_roles_again_changes_nothing_and_says_so(owner: str, empty_dsn: str) -> None:
    assert make_roles(owner) == []
    execute(
        empty_dsn, "grant delete on joblog.job_log to joblog_writer; revoke select on joblog.job from joblog_reader"
    )
    assert make_roles(owner) == ["granted joblog_reader 1 rights", "took from joblog_writer 1 rights"]
    assert make_roles(owner) == []


def test_who_may_not_create_roles_is_told_what_to_ask_for(
    login: Login, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "otel_joblog.store.schema.roles.ROLES", ("joblog_nobody",)
    )  # roles are the server's: others have them
    dsn = login()
    execute(empty_dsn, f"grant create on database {scalar(empty_dsn, 'select current_database()')} to public")
    migrate(dsn)
    with pytest.raises(SchemaError, match=r'may not create roles(.|\n)*create role "joblog_nobody" nologin;'):
        make_roles(dsn)


def test_where_temporary_tables_were_taken_away_writers_are_given_them(owner: str, empty_dsn: str) -> None:
    database = scalar(empty_dsn, "select current_database()")
    execute(empty_dsn, f"revoke temporary on database {database} from public")
    with pytest.raises(SchemaError, match=rf'grant temporary on database "{database}" to joblog_writer;'):
        make_roles(owner)
    assert make_roles(empty_dsn) == [f"granted joblog_writer temporary tables in {database}"]
    assert make_roles(owner) == []


def test_what_a_login_may_is_known(owner: str, writer: str, reader: str) -> None:
    assert [login_may(dsn) for dsn in (owner, writer, reader)] == [May.OWN, May.WRITE, May.READ]
    assert login_may(make_conninfo(owner, options="-c default_transaction_read_only=on")) is May.READ


def test_a_writer_makes_days_ahead_and_leaves_the_rest_to_the_owner(writer: str, owner: str) -> None:
    write_all(writer)
    indexed = "select count(*) from pg_class where relname like 'job_log%_text'"
    done: list[psycopg.Connection] = []
    assert not maintain(writer, None, [lambda connection: bool(done.append(connection))])
    assert scalar(owner, indexed) == len(done) == 0
    assert maintain(owner, None, [lambda connection: bool(done.append(connection))])
    assert len(done) == 1


def test_who_does_not_own_the_tables_gives_no_rights_to_them(writer: str) -> None:
    with pytest.raises(SchemaError, match="does not own the tables"):
        make_roles(writer)


def test_who_lacks_a_role_is_told_of_them(login: Login, owner: str, reader: str) -> None:
    for dsn in (login(), reader):
        with closing(Writer(dsn)) as writer, pytest.raises(StoreError, match="migrate --roles"):
            writer.write([started()])
