"""What is done in the background for a database: days made ahead, strays brought home, old runs deleted, days indexed.

``serve`` and the agents each have a :class:`Maintenance`; one of all of them works at a time:

1. Every minute each tries to lead: an advisory lock, held by a transaction of a connection that does nothing else.
2. The leader does the chores in their order, a bounded piece of each, until none has anything left to do.
3. Whatever fails is reported and tried again in the next round. It may be killed anywhere: every chore looks at what is
   there, and goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Self

import psycopg
from psycopg import Connection
from psycopg.errors import InsufficientPrivilege, LockNotAvailable

from ...diagnostics import report
from ...errors import StoreError, StoreUnavailable
from ..connection import conninfo, errors_translated, spoken_plainly
from ..schema.may import May, may
from ..schema.migrate import require_current, schema_state
from ..schema.partitions import ensure_days, rehome_strays
from ..sql import query
from . import retention as retain
from .retention import CleanUp, Outlook, Policy, Retention
from .textindex import index_a_day

__all__ = ["Chore", "Maintenance", "clean_up", "maintain", "preview"]

Chore = Callable[[Connection], bool]  # does a piece of work, and says whether there may be more

_EVERY = 60.0  # seconds
_PATIENCE = 30.0  # seconds that a clean-up waits for whoever maintains just now


def maintain(
    dsn: str,
    retention: Retention | None = None,
    chores: Sequence[Chore] = (),
    *,
    connected: Callable[[Connection | None], None] = lambda _: None,
) -> bool:
    """Does everything there is to do; False where somebody else is at it, or the schema is not this version's.

    A login that only writes makes the days ahead and leaves the rest to one that owns the tables: False, too. Runs are
    cleaned up where their ``retention`` is given; ``chores`` of others are done before. ``connected`` is told the
    connection that works, before each piece of work, and None when it is done with. Raises psycopg's errors, and what
    ``connected`` does.
    """
    with _leading(dsn) as connection:
        if connection is None:
            return False
        if may(connection) < May.OWN:
            _make_days_ahead(connection, retention)
            return False
        try:
            connected(connection)
            while any(chore(connection) for chore in chores) or any(chore(connection, retention) for chore in _CHORES):
                connected(connection)
        finally:
            connected(None)
    return True


def clean_up(dsn: str, policy: Policy) -> CleanUp:
    """Cleans up now, from the beginning to the end.

    Raises :class:`StoreError` where somebody else maintains the database or uses its tables for long, OSError where an
    archive cannot be written; run again, it goes on.
    """
    with errors_translated():
        deadline = time.monotonic() + _PATIENCE
        while True:
            with _leading(dsn) as connection:
                if connection is not None:
                    if may(connection) < May.OWN:
                        raise StoreError("this login does not own the tables: run cleanup with the login that does")
                    return _clean_up_now(connection, policy)
            if time.monotonic() > deadline:
                raise StoreError("a viewer or an agent is cleaning up the database just now; try again later")
            time.sleep(0.5)


def preview(dsn: str, policy: Policy) -> Outlook:
    """What a clean-up would do now; nothing is changed. Raises :class:`StoreError`."""
    with errors_translated(), _connect(dsn, "otel_joblog cleanup") as connection:
        require_current(connection)
        return retain.outlook(connection, policy)


class Maintenance:
    """Maintains in a thread while its block runs. ``dsn`` may be a function that raises where there is no database."""

    def __init__(
        self, dsn: str | Callable[[], str], retention: Retention | None = None, chores: Sequence[Chore] = ()
    ) -> None:
        self._dsn = dsn
        self._retention = retention
        self._chores = chores
        self._stopping = threading.Event()
        self._working: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="otel_joblog-maintenance", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        deadline = time.monotonic() + 5
        while self._thread.is_alive() and time.monotonic() < deadline:
            if (working := self._working) is not None:
                with suppress(psycopg.Error):
                    working.cancel_safe(timeout=2)  # a half-made index is made anew the next time
            self._thread.join(0.2)  # between two statements there was nothing to cancel

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                dsn = self._dsn if isinstance(self._dsn, str) else self._dsn()
                maintain(dsn, self._retention, self._chores, connected=self._works)
            except Exception as error:  # the next round tries again
                if not self._stopping.is_set():
                    away = isinstance(error, StoreUnavailable | psycopg.OperationalError)
                    kind = f"maintenance: {type(error).__name__}"
                    report(kind, "upkeep of the database failed, and is retried: %s", error, outage=away)
            self._stopping.wait(_EVERY)

    def _works(self, connection: Connection | None) -> None:
        self._working = connection
        if self._stopping.is_set() and connection is not None:
            raise InterruptedError


def _make_days_ahead(connection: Connection, _: Retention | None) -> bool:
    today = datetime.now(UTC).date()
    ensure_days(connection, [today, today + timedelta(days=1)])
    return False


def _bring_strays_home(connection: Connection, _: Retention | None) -> bool:
    rehome_strays(connection)
    return False


def _clean_up(connection: Connection, retention: Retention | None) -> bool:
    """Once a day of UTC, as soon as it has begun. Where it cannot go on now, it does in the next round."""
    policy = None if retention is None else retention.policy()
    if policy is None or not retain.needed(connection, policy):
        return False
    try:
        retain.begin(connection, policy)
        if retain.clean_a_piece(connection, policy):
            return True
        retain.end(connection, policy)
    except (LockNotAvailable, InsufficientPrivilege):  # the maintenance page tells when the last one was
        pass
    except OSError as error:  # nothing is deleted that is not in its archive
        report("clean-up: archive", "runs cannot be archived and are not deleted: %s", error, outage=True)
    return False


def _index_text(connection: Connection, _: Retention | None) -> bool:
    return index_a_day(connection) is not None


# Each does a piece of work, and says whether there may be more. Those but the first take the owner of the tables.
_CHORES: tuple[Callable[[Connection, Retention | None], bool], ...] = (
    _make_days_ahead,
    _bring_strays_home,
    _clean_up,
    _index_text,
)


def _clean_up_now(connection: Connection, policy: Policy) -> CleanUp:
    retain.begin(connection, policy)
    try:
        while retain.clean_a_piece(connection, policy):
            pass
    except LockNotAvailable as error:
        raise StoreError("somebody has used the tables for long, such as an export; run it again to go on") from error
    return retain.end(connection, policy)


@contextmanager
def _leading(dsn: str) -> Iterator[Connection | None]:
    """A connection to work with, for whoever leads."""
    with _connect(dsn, "otel_joblog leader") as leader, leader.transaction():
        row = leader.execute(query("upkeep/maintain/lead")).fetchone()
        if row is None or not row[0] or not schema_state(leader).current:
            yield None
            return
        with _connect(dsn, "otel_joblog maintenance") as connection:
            yield connection


def _connect(dsn: str, name: str) -> Connection:
    return spoken_plainly(
        psycopg.connect(conninfo(dsn, application_name=name), autocommit=True, prepare_threshold=None)
    )
