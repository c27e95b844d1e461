"""The roles of the store, and what each may do: groups without a password, to be given to logins.

=====================  =============================================================================
``joblog_writer``      adds what jobs emit, makes the coming days' partitions; changes states and counts
``joblog_reader``      reads everything: the viewer, the command line
``joblog_dashboards``  reads the documented views
=====================  =============================================================================

The tables belong to whoever migrated; only that user changes the schema and maintains it. Roles are the server's, their
rights are the database's: they are taken away and given anew in one transaction, so that they are what ``grant.sql``
says, after every migration, too.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import psycopg
from psycopg import Connection, sql
from psycopg.errors import DuplicateObject, InsufficientPrivilege

from ...errors import SchemaError
from ..connection import conninfo, errors_translated
from ..sql import query
from .may import May, may
from .migrate import lock_migrations, require_current

__all__ = ["ROLES", "make_roles"]

ROLES = ("joblog_writer", "joblog_reader", "joblog_dashboards")


def make_roles(dsn: str) -> list[str]:
    """Makes the roles that are missing and gives them their rights; returns what was done, in words.

    Raises :class:`SchemaError` where the schema is not current, and where this user may not do it: then with the SQL
    for somebody who may. Raises :class:`StoreUnavailable` where no database is to be had.
    """
    with (
        errors_translated(),
        psycopg.connect(
            conninfo(dsn, application_name="otel_joblog migrate"), autocommit=True, prepare_threshold=None
        ) as connection,
    ):
        require_current(connection)
        if may(connection) < May.OWN:
            raise SchemaError(
                "this user does not own the tables of the schema joblog; run `otel-joblog migrate --roles` "
                "as the one who does"
            )
        with connection.transaction():
            lock_migrations(connection)
            return [*_create(connection), *_allow_temporary_tables(connection), *_grant(connection)]


def _create(connection: Connection) -> list[str]:
    missing = [str(name) for (name,) in connection.execute(query("schema/roles/missing"), {"names": list(ROLES)})]
    statements = [sql.SQL("create role {} nologin").format(sql.Identifier(name)) for name in missing]
    for statement in statements:
        try:
            with connection.transaction():
                connection.execute(statement)
        except DuplicateObject:  # made meanwhile, in another database of this server
            pass
        except InsufficientPrivilege as error:
            raise SchemaError(_for_somebody_else("may not create roles", connection, statements)) from error
    return [f"created role {name}" for name in missing]


def _allow_temporary_tables(connection: Connection) -> list[str]:
    allowed, database = _temporary(connection)
    if allowed:
        return []
    statement = sql.SQL("grant temporary on database {} to joblog_writer").format(sql.Identifier(database))
    with suppress(InsufficientPrivilege), connection.transaction():
        connection.execute(statement)
    if not _temporary(connection)[0]:  # PostgreSQL may just have warned
        raise SchemaError(_for_somebody_else("does not own the database", connection, [statement]))
    return [f"granted joblog_writer temporary tables in {database}"]


def _temporary(connection: Connection) -> tuple[bool, str]:
    row = connection.execute(query("schema/roles/temporary")).fetchone()
    assert row is not None
    return bool(row[0]), str(row[1])


def _grant(connection: Connection) -> list[str]:
    before = _rights(connection)
    connection.execute(query("schema/roles/grant"))
    after = _rights(connection)
    changes = []
    for verb, rights in (("granted", after - before), ("took from", before - after)):
        for role, number in sorted(Counter(role for role, _, _ in rights).items()):
            changes.append(f"{verb} {role} {number} rights")
    return changes


def _rights(connection: Connection) -> set[tuple[str, str, str]]:
    return set(connection.execute(query("schema/roles/rights"), {"names": list(ROLES)}).fetchall())


def _for_somebody_else(why: str, connection: Connection, statements: list[sql.Composed]) -> str:
    text = "".join(f"\n  {statement.as_string(connection)};" for statement in statements)
    return f"this user {why}. Somebody who may should run:{text}\nThen run `otel-joblog migrate --roles` again."
