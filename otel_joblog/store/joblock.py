"""One run of a job at a time, among all hosts that share a database: an advisory lock, held by a transaction.

A transaction and not a session, so that it holds behind PgBouncer, too. It ends with its connection, at the latest when
PostgreSQL notices that the host is gone.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from .connection import conninfo, errors_translated
from .sql import query

__all__ = ["JobLock"]


class JobLock:
    """The lock of one job. ``holder`` is what others are told of us, 63 bytes at most.

    Raises :class:`~otel_joblog.errors.StoreUnavailable` where no database answers.
    """

    def __init__(self, dsn: str, name: str, holder: str) -> None:
        self._name = {"name": name}
        with errors_translated():
            self._connection: psycopg.Connection[dict[str, Any]] = psycopg.connect(
                conninfo(dsn, application_name=holder), row_factory=dict_row
            )

    def take(self) -> bool:
        """Whether it is ours now, until :meth:`release`."""
        with errors_translated():
            row = self._connection.execute(query("lock_take"), self._name).fetchone()
            taken = row is not None and bool(row["taken"])
            if not taken:
                self._connection.rollback()
            return taken

    def holder(self) -> str:
        """Who has it, in the words that it gave; empty where it is free by now."""
        with errors_translated():
            row = self._connection.execute(query("lock_holder"), self._name).fetchone()
            self._connection.rollback()
            return "" if row is None else str(row["holder"])

    def release(self) -> None:
        with errors_translated():
            self._connection.close()
