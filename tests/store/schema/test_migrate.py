from __future__ import annotations

import re
import subprocess
import threading

import psycopg
import pytest

from otel_joblog.errors import SchemaError, StoreUnavailable
from otel_joblog.store.schema.migrate import migrate, migrations, require_current, schema_state, upgrade
from otel_joblog.store.server import programs
from otel_joblog.store.sql import query


def dumped(dsn: str) -> str:
    """The schema in words; lines that differ from dump to dump are left out."""
    folder = programs.found(None)  # of the newest version: it dumps those before, too
    done = subprocess.run([folder / "pg_dump", "--schema-only", dsn], capture_output=True, text=True, check=True)
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


def test_a_fresh_schema_equals_all_migrations(dsn: str, empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        for name in migrations():
            connection.execute(query(f"schema/migrations/{name}"))
    fresh = dumped(dsn)
    assert "CREATE TABLE joblog.job_log_default" in fresh
    assert dumped(empty_dsn) == fresh


def test_what_was_counted_before_has_durations_within_its_bucket_and_the_longest_of_its_day(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        connection.execute(query("schema/migrations/0001_initial"))
        connection.execute(
            "insert into joblog.job_day (day, name, service, type, longest_ms) values ('2026-11-03', 'a', '', '', 2150)"
        )
        connection.execute(
            "insert into joblog.job_duration (day, name, service, bucket, runs)"
            " values ('2026-11-03', 'a', '', 44, 3), ('2026-11-03', 'a', '', 40, 1)"
        )
        connection.execute(query("schema/migrations/0002_bounds"))
        found = connection.execute("select low_ms, high_ms from joblog.job_duration order by bucket").fetchall()
    assert found == [(1023, 1216), (2047, 2150)]


def test_a_second_migration_finds_nothing_to_do(empty_dsn: str) -> None:
    assert migrate(empty_dsn) == list(migrations())
    assert migrate(empty_dsn) == []


def test_of_many_starters_one_migrates(empty_dsn: str) -> None:
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(empty_dsn))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [[]] * 5 + [list(migrations())]


def test_an_older_schema_is_told_from_a_current_one(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        connection.execute(
            "create schema joblog; create table joblog.schema_version"
            "(version int primary key, name text not null, applied_at timestamptz not null default now())"
        )
    with psycopg.connect(empty_dsn) as connection:
        assert schema_state(connection).version == 0
        with pytest.raises(SchemaError, match="run `otel-joblog migrate`"):
            require_current(connection)


def test_a_schema_that_an_administrator_made_beforehand_is_filled(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("create schema joblog")
    assert migrate(empty_dsn) == list(migrations())


def test_a_newer_schema_is_left_alone(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("insert into joblog.schema_version values (999, '0999_future')")
    with pytest.raises(SchemaError, match="upgrade otel_joblog"):
        migrate(dsn)


def test_a_database_without_the_schema_is_told_apart(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        assert schema_state(connection).version is None
        with pytest.raises(SchemaError, match="no joblog schema yet"):
            require_current(connection)


def test_a_user_who_may_not_change_the_schema_is_told_who_must(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("set role pg_read_all_data")
        with pytest.raises(SchemaError, match="run `otel-joblog migrate` once as a user who may"):
            upgrade(connection)


def test_no_server_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        migrate("host=127.0.0.1 port=1")
