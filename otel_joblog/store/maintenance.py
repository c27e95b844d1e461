"""What is done in the background for a database: days made ahead, strays brought home, closed days indexed.

``serve`` and the agents each have a :class:`Maintenance`; one of all of them works at a time:

1. Every minute each tries to lead: an advisory lock, held by a transaction of a connection that does nothing else.
2. The leader does the chores in their order, a bounded piece of each, until none has anything left to do.
3. Whatever fails is reported and tried again in the next round. It may be killed anywhere: every chore looks at what is
   there, and goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Self

import psycopg
from psycopg import Connection

from ..diagnostics import report
from ..errors import StoreUnavailable
from .connection import conninfo, spoken_plainly
from .may import May, may
from .migrate import schema_state
from .partitions import ensure_days, rehome_strays
from .sql import query
from .textindex import index_a_day

__all__ = ["Maintenance", "maintain"]

_EVERY = 60.0  # seconds
_CANCELS = 10  # at most: one that comes between two statements is lost


def _make_days_ahead(connection: Connection) -> bool:
    today = datetime.now(UTC).date()
    ensure_days(connection, [today, today + timedelta(days=1)])
    return False


def _bring_strays_home(connection: Connection) -> bool:
    rehome_strays(connection)
    return False


def _index_text(connection: Connection) -> bool:
    return index_a_day(connection) is not None


# Each does a piece of work, and says whether there may be more. Those but the first take the owner of the tables.
_CHORES: tuple[Callable[[Connection], bool], ...] = (_make_days_ahead, _bring_strays_home, _index_text)


def maintain(dsn: str, *, connected: Callable[[Connection | None], None] = lambda _: None) -> bool:
    """Does everything there is to do; False where somebody else is at it, or the schema is not this version's.

    A login that only writes makes the days ahead and leaves the rest to one that owns the tables: False, too.

    ``connected`` is told the connection that works, and None when it is done with. Raises psycopg's errors.
    """
    with _connect(dsn, "otel_joblog leader") as leader:
        if not schema_state(leader).current:
            return False
        if may(leader) < May.OWN:
            _make_days_ahead(leader)
            return False
        return _lead(leader, dsn, connected)


def _lead(leader: Connection, dsn: str, connected: Callable[[Connection | None], None]) -> bool:
    with leader.transaction():
        row = leader.execute(query("maintain/lead")).fetchone()
        if row is None or not row[0]:
            return False
        with _connect(dsn, "otel_joblog maintenance") as connection:
            connected(connection)
            try:
                while any(chore(connection) for chore in _CHORES):
                    pass
            finally:
                connected(None)
    return True


class Maintenance:
    """Maintains in a thread while its block runs. ``dsn`` may be a function that raises where there is no database."""

    def __init__(self, dsn: str | Callable[[], str]) -> None:
        self._dsn = dsn
        self._stopping = threading.Event()
        self._working: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="otel_joblog-maintenance", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        for _ in range(_CANCELS):
            if (working := self._working) is not None:
                with suppress(psycopg.Error):  # it has just ended
                    working.cancel_safe(timeout=2)  # a half-made index is made anew the next time
            self._thread.join(0.5)
            if not self._thread.is_alive():
                return

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                maintain(self._dsn if isinstance(self._dsn, str) else self._dsn(), connected=self._works)
            except Exception as error:  # the next round tries again
                if not self._stopping.is_set():
                    away = isinstance(error, StoreUnavailable | psycopg.OperationalError)
                    kind = f"maintenance: {type(error).__name__}"
                    report(kind, "maintaining the database stumbled: %s", error, outage=away)
            self._stopping.wait(_EVERY)

    def _works(self, connection: Connection | None) -> None:
        self._working = connection
        if self._stopping.is_set() and connection is not None:
            raise InterruptedError


def _connect(dsn: str, name: str) -> Connection:
    return spoken_plainly(
        psycopg.connect(conninfo(dsn, application_name=name), autocommit=True, prepare_threshold=None)
    )
