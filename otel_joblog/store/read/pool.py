"""What the reader's connections are told, and what their pool tells of why there are none."""

from __future__ import annotations

import logging

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ..connection import otherwise
from ..sql import query

__all__ = ["PoolLog", "configure"]


class PoolLog(logging.Filter):
    """The pool tells the log why it cannot connect, again and again. We keep the words and tell whoever asked."""

    def __init__(self, pool: str) -> None:
        super().__init__()
        self._pool = pool
        self.last_error: str | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args
        if not isinstance(arguments, tuple) or not arguments or arguments[0] != self._pool:
            return True
        if record.levelno >= logging.WARNING and isinstance(arguments[-1], psycopg.Error):
            self.last_error = str(arguments[-1]).partition("\n")[0]
        return record.levelno < logging.WARNING


async def configure(connection: AsyncConnection[DictRow]) -> None:
    """Said with each BEGIN, not to the session, but for how times are written."""
    if otherwise(connection):
        await connection.set_autocommit(True)
        await connection.execute(query("speak"))
        await connection.set_autocommit(False)
    await connection.set_read_only(True)
    await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
