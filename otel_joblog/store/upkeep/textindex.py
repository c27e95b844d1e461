"""The text indexes of closed days: trigrams, for ``search.py``.

An index on the day that is written would cost nine tenths of the ingest; a day that is over is indexed once, without
locking anybody out (``create index concurrently``). What arrives late is indexed as it comes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from psycopg import Connection, sql
from psycopg.errors import FeatureNotSupported, InsufficientPrivilege, InvalidSchemaName, UndefinedFile, UndefinedTable

from ..sql import query

__all__ = ["index_a_day"]

_CLOSED_AFTER = timedelta(minutes=15)  # after its end: its last lines are still on their way


def index_a_day(connection: Connection) -> str | None:
    """Indexes the newest closed day that lacks its index; on an autocommit connection.

    Returns the name of its table; None where nothing is to be done, or can be, for want of ``pg_trgm`` or of the right.
    """
    schema = _trigrams(connection)
    if schema is None:
        return None
    before = (datetime.now(UTC) - _CLOSED_AFTER).date()
    day = connection.execute(query("upkeep/maintain/unindexed_days"), {"before": before}).fetchone()
    if day is None:
        return None
    name, half_made = day
    names = {
        "table": sql.Identifier("joblog", name),
        "index": sql.Identifier(f"{name}_text"),
        "qualified": sql.Identifier("joblog", f"{name}_text"),
        "trigrams": sql.Identifier(schema, "gin_trgm_ops"),
    }
    try:
        if half_made:
            connection.execute(sql.SQL("drop index concurrently if exists {qualified}").format(**names))
        connection.execute(
            sql.SQL(
                "create index concurrently {index} on {table}"
                ' using gin ((left(message, 8192) collate "C") {trigrams}) with (fastupdate = off)'
            ).format(**names)
        )
        connection.execute(sql.SQL("analyze {table}").format(**names))
    except (UndefinedTable, InsufficientPrivilege):  # dropped meanwhile; or not ours to index
        return None
    return str(name)


def _trigrams(connection: Connection) -> str | None:
    """The schema of the extension, which is installed where that is possible."""
    found = connection.execute(query("upkeep/maintain/text_extension")).fetchone()
    if found is None:
        if connection.execute(query("upkeep/maintain/may_add_text_extension")).fetchone() != (True,):
            return None
        try:
            connection.execute(query("upkeep/maintain/add_text_extension"))
        except (FeatureNotSupported, UndefinedFile, InsufficientPrivilege, InvalidSchemaName):
            return None
        found = connection.execute(query("upkeep/maintain/text_extension")).fetchone()
    return None if found is None else str(found[0])
