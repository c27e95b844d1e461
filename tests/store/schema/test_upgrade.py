"""Upgrades of a database that holds data and is written to meanwhile."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import psycopg
import pytest
from psycopg.sql import SQL

from otel_joblog.errors import SchemaError
from otel_joblog.store.schema import migrate as migrations
from otel_joblog.store.schema.migrate import Migration, migrate, shipped
from otel_joblog.store.schema.roles import make_roles
from otel_joblog.store.write.writer import Writer
from tests.processes import ROOT
from tests.store.samples import PROCESS, ended, line, started
from tests.store.schema.upgrading import LINES, STEPS

VERSION = len(shipped())


def script(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.schema.upgrading", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stopped(process: subprocess.Popen[str]) -> int:
    """How many runs it has written."""
    return int(process.communicate(timeout=90)[0].splitlines()[-1])


def row(dsn: str, query: str) -> tuple[object, ...]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(SQL(query)).fetchone()
    assert found is not None
    return found


def write_some(dsn: str) -> None:
    with closing(Writer(dsn)) as writer:
        writer.write([started(), *(line(seq) for seq in range(LINES)), ended()], PROCESS)


def test_an_upgrade_under_load_is_done_once_and_loses_nothing(dsn: str) -> None:
    write_some(dsn)
    writers = [script("write", dsn, str(1000 * number)) for number in (1, 2)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "1\n"
    migrating = [script("migrate", dsn) for _ in range(2)]
    applied = sorted(process.communicate(timeout=90)[0].strip() for process in migrating)
    after = row(dsn, "select count(*) from joblog.job_run")
    while row(dsn, "select count(*) from joblog.job_run where status = 2") < (int(str(after[0])) + 4,):
        assert [writer.poll() for writer in writers] == [None, None]  # of the older version, they go on
    written = 1 + sum(map(stopped, writers))
    assert applied == ["", "0002_teams"]
    assert row(dsn, "select count(*), sum(lines), sum(steps) from joblog.job_run where status = 2") == (
        written,
        written * LINES,
        written - 1,
    )
    assert row(dsn, "select count(*) from joblog.job_log") == (written * LINES,)
    assert row(dsn, "select count(*) from joblog.job_step where status = 2") == (written - 1,)
    assert row(dsn, "select sum(runs) from joblog.job") == (written,)
    assert row(dsn, "select max(version), count(*) from joblog.schema_version") == (VERSION + 1, VERSION + 1)
    assert row(dsn, "select team from joblog.job_run order by started_at, trace_id limit 1") == ("of invoices",)


def test_a_new_database_is_brought_as_far(empty_dsn: str) -> None:
    assert migrate(empty_dsn, STEPS) == [step.name for step in STEPS]
    assert row(empty_dsn, "select count(*) from joblog.job_team") == (0,)


def test_a_migration_that_fails_is_taken_back_whole_and_named(dsn: str) -> None:
    write_some(dsn)
    broken = Migration("0002_broken", STEPS[-1].statements + b"; select 1 / 0;")
    with pytest.raises(SchemaError, match=rf"0002_broken.*division by zero.*version {VERSION}"):
        migrate(dsn, [*shipped(), broken])
    assert row(dsn, "select to_regclass('joblog.job_team')") == (None,)
    assert row(dsn, "select max(version) from joblog.schema_version") == (VERSION,)
    write_some(dsn)
    assert migrate(dsn, STEPS) == ["0002_teams"]


def test_a_table_that_somebody_holds_is_waited_for_without_stopping_the_others(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_some(dsn)
    with psycopg.connect(dsn) as dump:
        dump.execute("select count(*) from joblog.job_run")
        migrating = script("migrate", dsn)
        with closing(Writer(dsn)) as writer:
            for number in range(2, 20):
                writer.write([started(number), line(1, number), ended(number)], PROCESS)
        assert migrating.poll() is None
        monkeypatch.setattr(migrations, "PATIENCE", 0)
        with pytest.raises(SchemaError, match="a table stayed locked"):
            migrate(dsn, STEPS)
    assert migrating.communicate(timeout=90)[0].strip() == "0002_teams"


def test_a_program_older_than_the_database_is_told_to_be_upgraded(dsn: str) -> None:
    migrate(dsn, STEPS)
    with closing(Writer(dsn)) as writer, pytest.raises(SchemaError, match="newer than this otel_joblog"):
        writer.write([started()])
    with pytest.raises(SchemaError, match="upgrade otel_joblog"):
        migrate(dsn)


def test_rights_follow_a_migration(dsn: str) -> None:
    make_roles(dsn)
    replaced = Migration("0002_again", b"drop view joblog.job_errors; create view joblog.job_errors as select 1 as one")
    migrate(dsn, [*shipped(), replaced])
    assert row(dsn, "select has_table_privilege('joblog_dashboards', 'joblog.job_errors', 'select')") == (True,)
