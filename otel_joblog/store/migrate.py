"""Bringing the schema up to date, safely for any number of starters at once.

1. Each step is one transaction, which first waits for an advisory lock: one starter works, the others find it done.
2. A database without the schema is given ``schema.sql``, and every migration is noted as applied.
3. Any other is given the next migration, one at a time, until none is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

from ..errors import SchemaError
from .connection import conninfo, errors_translated
from .sql import migrations, query

__all__ = ["SchemaState", "lock_migrations", "migrate", "require_current", "schema_state", "upgrade"]


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The version of a database's schema (None where there is no schema) and the one this package needs."""

    version: int | None
    needed: int

    @property
    def current(self) -> bool:
        return self.version == self.needed


def migrate(dsn: str) -> list[str]:
    """Brings the database to the schema of this package; returns the names of the migrations applied, in order.

    Raises :class:`SchemaError` where the schema is newer than this package or this user may not change it,
    :class:`StoreUnavailable` where no database is to be had.
    """
    with (
        errors_translated(),
        psycopg.connect(
            conninfo(dsn, application_name="otel_joblog migrate"), autocommit=True, prepare_threshold=None
        ) as connection,
    ):
        return upgrade(connection)


def upgrade(connection: Connection) -> list[str]:
    """As :func:`migrate`, on an autocommit connection; other errors of psycopg are raised as they are."""
    applied: list[str] = []
    try:
        while step := _next_step(connection):
            applied += step
    except InsufficientPrivilege as error:
        raise SchemaError(
            f"this user may not change the schema ({error}); run `otel-joblog migrate` once as a user who may"
        ) from error
    return applied


def schema_state(connection: Connection) -> SchemaState:
    return SchemaState(version=_version(connection), needed=len(migrations()))


def require_current(connection: Connection) -> None:
    """Raises :class:`SchemaError`, which says what to do, unless the schema is the one this package needs."""
    state = schema_state(connection)
    if problem := schema_problem(state):
        raise SchemaError(problem)


def lock_migrations(connection: Connection) -> None:
    """Waits until nobody else changes the schema or its rights, and keeps it so until the end of the transaction."""
    connection.execute(query("lock_migrations"))


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
    if not _one(connection, "schema_exists"):
        return None
    version: int = _one(connection, "schema_version")
    return version


def _one(connection: Connection, name: str) -> int:
    row = connection.execute(query(name)).fetchone()
    assert row is not None
    value: int = row[0]
    return value


def _next_step(connection: Connection) -> list[str]:
    with connection.transaction():
        lock_migrations(connection)
        state = schema_state(connection)
        if state.current:
            return []
        if state.version is None:
            connection.execute(query("schema"))
            names = migrations()
        elif state.version < state.needed:
            names = migrations()[state.version : state.version + 1]
            connection.execute(query(f"migrations/{names[0]}"))
        else:
            raise SchemaError(str(schema_problem(state)))
        for name in names:
            connection.execute(query("migrated"), {"version": migrations().index(name) + 1, "name": name})
        if _one(connection, "roles/given"):
            connection.execute(query("roles/grant"))
        return list(names)
