"""A PostgreSQL for the tests: that of OTEL_JOBLOG_TEST_DSN, or an embedded one a test session, which is run by the
programs in OTEL_JOBLOG_TEST_PG_BIN where that is set."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from otel_joblog.background import Background
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.server.embedded import EmbeddedServer

_numbers = itertools.count(1)

# Started in the background of a shell or by some CI runners, a suite inherits SIGINT ignored, and so would its scripts.
signal.signal(signal.SIGINT, signal.default_int_handler)

run_unmeasured = Background._run


def run_measured(thread: Background) -> None:
    sys.settrace(threading.gettrace())  # as threading does; our threads are started below that module
    run_unmeasured(thread)


if "coverage" in sys.modules:  # make coverage
    Background._run = run_measured  # type: ignore[method-assign]

# No test is about time: these machines have other things to do, too.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A server on which databases may be made."""
    if dsn := os.environ.get("OTEL_JOBLOG_TEST_DSN"):
        yield dsn
        return
    with tempfile.TemporaryDirectory(prefix="ojt-", ignore_cleanup_errors=True) as folder:
        programs = os.environ.get("OTEL_JOBLOG_TEST_PG_BIN")
        server = EmbeddedServer(Path(folder) / "postgres", Path(programs) if programs else None)
        server.start()
        _administer(server.dsn, "alter system set fsync = off", "select pg_reload_conf()")
        try:
            yield server.dsn
        finally:
            server.stop()


@pytest.fixture(scope="session")
def migrated(postgres_dsn: str) -> Iterator[str]:
    """The name of a database with our schema, to copy."""
    with _database(postgres_dsn) as (name, dsn):
        migrate(dsn)
        yield name


@pytest.fixture
def dsn(postgres_dsn: str, migrated: str) -> Iterator[str]:
    """A database of the test's own, with our schema."""
    with _database(postgres_dsn, template=migrated) as (_, dsn):
        yield dsn


@pytest.fixture(scope="module")
def module_dsn(postgres_dsn: str, migrated: str) -> Iterator[str]:
    """A database with our schema for all tests of a module."""
    with _database(postgres_dsn, template=migrated) as (_, dsn):
        yield dsn


@pytest.fixture
def empty_dsn(postgres_dsn: str) -> Iterator[str]:
    """A database of the test's own, with nothing in it."""
    with _database(postgres_dsn) as (_, dsn):
        yield dsn


@contextmanager
def _database(server: str, template: str = "template0") -> Iterator[tuple[str, str]]:
    """The name and the DSN of a new database, dropped in the end."""
    name = f"joblog_test_{os.getpid()}_{next(_numbers)}"
    _administer(server, _statement("create database {} template {}", name, template))
    try:
        yield name, make_conninfo(server, dbname=name)
    finally:
        _administer(server, _statement("drop database {} with (force)", name))


def _statement(text: str, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))


def _administer(server: str, *statements: str | sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
