"""What the reader's connections are told, and what their pool tells of why there are none."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.abc import Params
from psycopg.rows import DictRow

from ..connection import otherwise
from ..sql import query

__all__ = ["Connection", "PoolLog", "configure"]


class Connection(AsyncConnection[DictRow]):
    """A connection that gives each query what its asker may see as the parameter ``seen``, besides its own.

    So no query needs to be told, and a new one that would forget it is found by a test.
    """

    seen: list[str] | None = None  # patterns for ``like any``; None: everything

    async def execute(
        self, query: Any, params: Params | None = None, *, prepare: bool | None = None, binary: bool = False
    ) -> AsyncCursor[DictRow]:
        if isinstance(params, Mapping):
            params = {**params, "seen": self.seen}
        return await super().execute(query, params, prepare=prepare, binary=binary)


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
