"""Bringing the schema up to date, safely for any number of starters at once, and while others write.

1. Each step is one transaction, which first waits for an advisory lock: one starter works, the others find it done.
2. A database without the schema is given ``schema.sql``, and every migration is noted as applied.
3. Any other is given the next migration, one at a time, until none is left. One that fails is taken back whole.
4. A migration waits a second at most for a table that somebody holds, because whoever comes after it waits, too. Then
   it begins anew, for five minutes.

Who is connected goes on writing meanwhile and afterwards, though of an older version; a connection that is made later
is refused, and its records wait in the journal. So a migration leaves what is there readable and writable as it was:
it adds columns that may be null, tables and indexes.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

import psycopg
from psycopg import Connection
from psycopg.errors import DeadlockDetected, InsufficientPrivilege, LockNotAvailable

from ...errors import SchemaError
from ..connection import conninfo, errors_translated
from ..sql import query

__all__ = [
    "Migration",
    "SchemaState",
    "lock_migrations",
    "migrate",
    "migrations",
    "require_current",
    "schema_state",
    "shipped",
    "upgrade",
]

PATIENCE = 300.0  # seconds that a migration tries to get its tables
_PAUSE = 0.5


class Migration(NamedTuple):
    """A step from one version of the schema to the next."""

    name: str
    statements: bytes


@functools.cache
def migrations() -> tuple[str, ...]:
    """The names of all migrations in order, such as ``0001_initial``; the place in it is the version, from 1."""
    names = (file.name for file in files(__package__).joinpath("sql", "migrations").iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in names if name.endswith(".sql")))


def shipped() -> tuple[Migration, ...]:
    """The migrations of this package, in the same order."""
    return tuple(Migration(name, query(f"schema/migrations/{name}")) for name in migrations())


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The version of a database's schema (None where there is no schema) and the one this package needs."""

    version: int | None
    needed: int

    @property
    def current(self) -> bool:
        return self.version == self.needed


def migrate(dsn: str, steps: Sequence[Migration] | None = None) -> list[str]:
    """Brings the database to the schema of this package; returns the names of the migrations applied, in order.

    ``steps`` are those of :func:`shipped`, or these and more. Raises :class:`SchemaError` where the schema is newer
    than this package, this user may not change it, the database is not in UTF8, or a migration fails: it is then taken
    back whole. Raises :class:`StoreUnavailable` where no database is to be had.
    """
    with (
        errors_translated(),
        psycopg.connect(
            conninfo(dsn, application_name="otel_joblog migrate"), autocommit=True, prepare_threshold=None
        ) as connection,
    ):
        return upgrade(connection, steps)


def upgrade(connection: Connection, steps: Sequence[Migration] | None = None) -> list[str]:
    """As :func:`migrate`, on an autocommit connection; other errors of psycopg are raised as they are."""
    _require_utf8(connection)
    applied: list[str] = []
    try:
        while names := _next_step(connection, shipped() if steps is None else steps):
            applied += names
    except InsufficientPrivilege as error:
        raise SchemaError(
            f"this user may not change the schema ({error}); run `otel-joblog migrate` once as a user who may"
        ) from error
    return applied


def schema_state(connection: Connection) -> SchemaState:
    return SchemaState(version=_version(connection), needed=len(migrations()))


def require_current(connection: Connection) -> None:
    """Raises :class:`SchemaError`, which says what to do, unless the schema is the one this package needs, in a
    database that can hold every line.
    """
    _require_utf8(connection)
    state = schema_state(connection)
    if problem := schema_problem(state):
        raise SchemaError(problem)


def _require_utf8(connection: Connection) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SchemaError(
            f"the database {connection.info.dbname} is encoded in {encoding}, which cannot hold every line; make "
            "another, `create database joblog encoding 'UTF8' template template0`, and name it in OTEL_JOBLOG_DSN"
        )


def lock_migrations(connection: Connection) -> None:
    """Waits until nobody else changes the schema or its rights, and keeps it so until the end of the transaction.

    However long that and what follows takes: limits of the server or the login do not hold.
    """
    connection.execute(query("schema/be_patient"))
    connection.execute(query("schema/lock_migrations"))


def schema_problem(state: SchemaState) -> str | None:
    """What is wrong with the schema and what mends it; None where it is current."""
    if state.current:
        return None
    if state.version is None:
        return "the database has no joblog schema yet; run `otel-joblog migrate`"
    if state.version < state.needed:
        return (
            f"the schema has version {state.version}, this otel_joblog needs {state.needed}; run `otel-joblog migrate`"
        )
    return f"the schema has version {state.version}, newer than this otel_joblog ({state.needed}); upgrade otel_joblog"


def _version(connection: Connection) -> int | None:
    if not _one(connection, "schema/schema_exists"):
        return None
    version: int = _one(connection, "schema/schema_version")
    return version


def _one(connection: Connection, name: str) -> int:
    row = connection.execute(query(name)).fetchone()
    assert row is not None
    value: int = row[0]
    return value


def _next_step(connection: Connection, steps: Sequence[Migration]) -> list[str]:
    """Applies the next migration, or makes the whole schema; returns the names of what that was."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with connection.transaction():
                return _step(connection, steps)
        except (LockNotAvailable, DeadlockDetected) as error:
            if time.monotonic() > deadline:
                raise SchemaError(
                    f"a table stayed locked for {PATIENCE:.0f} s ({error}); pg_stat_activity shows by whom. Nothing "
                    "was changed: run `otel-joblog migrate` again"
                ) from error
        time.sleep(_PAUSE)


def _step(connection: Connection, steps: Sequence[Migration]) -> list[str]:
    lock_migrations(connection)
    version = _version(connection)
    if version == len(steps):
        return []
    if version is None:
        connection.execute(query("schema/schema"))
        names, noted = migrations(), 0
    elif version < len(steps):
        with _named(connection, steps[version].name, version):
            connection.execute(query("schema/be_brief"))
            connection.execute(steps[version].statements)
        names, noted = (steps[version].name,), version
    else:
        raise SchemaError(str(schema_problem(SchemaState(version, len(steps)))))
    for number, name in enumerate(names, start=noted + 1):
        connection.execute(query("schema/migrated"), {"version": number, "name": name})
    if _one(connection, "schema/roles/given"):
        connection.execute(query("schema/roles/grant"))
    return list(names)


@contextmanager
def _named(connection: Connection, name: str, version: int) -> Iterator[None]:
    """Says which migration failed, unless that is for others to say: a right or a lock that is not to be had."""
    try:
        yield
    except (InsufficientPrivilege, LockNotAvailable, DeadlockDetected):
        raise
    except psycopg.Error as error:
        if connection.closed:
            raise
        raise SchemaError(
            f"the migration {name} failed and was rolled back ({str(error).strip()}); the schema stays at version "
            f"{version}, and processes that need a newer one wait"
        ) from error
