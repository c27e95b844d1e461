"""The days of ``job_log``, ``job_step`` and ``job_sample``: partitions made ahead by whoever writes.

No row is ever refused for want of a partition: the default partition takes what no day was made for. That is meant for
times far off, and happens to a day that could not be made in time; such a day then stays there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from psycopg import Connection, sql
from psycopg.errors import CheckViolation, InsufficientPrivilege, LockNotAvailable

from .sql import query

__all__ = ["Days", "ensure_days", "partition_name"]

_TABLES = ("job_log", "job_step", "job_sample")
_PAST = timedelta(days=400)
_AHEAD = timedelta(days=2)
_RETRY_AFTER = 60.0  # seconds


class Days:
    """What one writer knows of the days: asks the database once for each."""

    def __init__(self) -> None:
        self._settled: set[date] = set()
        self._not_before = 0.0

    def ensure(self, connection: Connection, days: Iterable[date]) -> None:
        """Makes these days and tomorrow, as far as they are near; on an autocommit connection."""
        today = datetime.now(UTC).date()
        wanted = {day for day in days if today - _PAST <= day <= today + _AHEAD}
        missing = (wanted | {today, today + timedelta(days=1)}) - self._settled
        if not missing or time.monotonic() < self._not_before:
            return
        settled = ensure_days(connection, missing)
        self._settled |= settled
        if settled != missing:
            self._not_before = time.monotonic() + _RETRY_AFTER


def ensure_days(connection: Connection, days: Iterable[date]) -> set[date]:
    """Makes the partitions of these days (UTC) where they are missing; on an autocommit connection.

    Returns the days that are settled: there, or left to the default partition for good, because it holds rows of that
    day or this user may not create tables. The others were locked by somebody and can be tried again.
    """
    days = sorted(days)
    names = [partition_name(table, day) for table in _TABLES for day in days]
    known = {name for (name,) in connection.execute(query("write/known_tables"), {"names": names})}
    busy: set[date] = set()
    for day in days:
        for table in _TABLES:
            if partition_name(table, day) not in known and not _settle(connection, table, day):
                busy.add(day)
    return set(days) - busy


def partition_name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


def _settle(connection: Connection, table: str, day: date) -> bool:
    try:
        with connection.transaction():
            connection.execute(query("write/be_brief"))
            connection.execute(query("write/lock_days"))
            connection.execute(_create(table, day))
    except (CheckViolation, InsufficientPrivilege):
        return True
    except LockNotAvailable:
        return False
    return True


def _create(table: str, day: date) -> sql.Composed:
    return sql.SQL(
        "create table if not exists {} partition of {} for values from ({}) to ({})",
    ).format(
        sql.Identifier("joblog", partition_name(table, day)),
        sql.Identifier("joblog", table),
        sql.Literal(f"{day} 00:00:00+00"),
        sql.Literal(f"{day + timedelta(days=1)} 00:00:00+00"),
    )
