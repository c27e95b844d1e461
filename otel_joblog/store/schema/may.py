"""What a login may do with the store: read, also write, or own it."""

from __future__ import annotations

from enum import IntEnum

import psycopg
from psycopg import Connection

from ..connection import conninfo, errors_translated
from ..sql import query

__all__ = ["May", "login_may", "may"]


class May(IntEnum):
    """Each includes those before. On a standby nobody may more than read."""

    READ = 0
    WRITE = 1
    OWN = 2


def may(connection: Connection) -> May:
    """What this connection may do; the schema has to be there."""
    row = connection.execute(query("schema/may")).fetchone()
    assert row is not None
    standby, read_only, writes, owns = row
    if standby or read_only or not writes:
        return May.READ
    return May.OWN if owns else May.WRITE


def login_may(dsn: str) -> May:
    """As :func:`may`, for a connection string. Raises as a query of the store does."""
    with (
        errors_translated(),
        psycopg.connect(conninfo(dsn, application_name="otel_joblog"), prepare_threshold=None) as connection,
    ):
        return may(connection)
