"""The days of ``job_log``, ``job_step`` and ``job_sample``: partitions made ahead by whoever writes.

No row is ever refused for want of a partition: the default partition takes what no day was made for. That is meant for
times far off, and happens to a day that could not be made in time; such a day is moved into its partition later
(:func:`rehome_strays`), by whoever maintains the database.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from psycopg import Connection, sql
from psycopg.errors import CheckViolation, InsufficientPrivilege, LockNotAvailable

from ..sql import query

__all__ = ["TABLES", "Days", "ensure_days", "names_of_day", "partition_name", "rehome_strays"]

# And the time that they are partitioned by.
TABLES = {"job_log": "ts", "job_step": "started_at", "job_sample": "ts"}
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
        first, last = _near()
        wanted = {day for day in days if first <= day <= last}
        missing = (wanted | {today, today + timedelta(days=1)}) - self._settled
        if not missing or time.monotonic() < self._not_before:
            return
        settled = ensure_days(connection, missing)
        self._settled |= settled
        if settled != missing:
            self._not_before = time.monotonic() + _RETRY_AFTER


def ensure_days(connection: Connection, days: Iterable[date]) -> set[date]:
    """Makes the partitions of these days (UTC) where they are missing; on an autocommit connection.

    Returns the days that are settled: there, or left to the default partition, because it holds rows of that day or
    this user may not make it. The others were locked by somebody and can be tried again.
    """
    days = sorted(days)
    names = [partition_name(table, day) for table in TABLES for day in days]
    known = {name for (name,) in connection.execute(query("schema/known_tables"), {"names": names})}
    busy: set[date] = set()
    for day in days:
        for table in TABLES:
            if partition_name(table, day) not in known and not _settle(connection, table, day):
                busy.add(day)
    return set(days) - busy


def rehome_strays(connection: Connection) -> list[str]:
    """Moves rows of near days out of the default partitions into partitions of their own; on an autocommit connection.

    Each day in one transaction, so that nobody ever misses or meets a row twice. Meanwhile rows that go to the default
    partition wait, and no others. Returns the partitions made; where the default partition is in use for over a second,
    the day is left for another time.
    """
    made = []
    first, last = _near()
    for table, column in TABLES.items():
        for (day,) in connection.execute(_stray_days(table, column), {"first": first, "end": last + timedelta(days=1)}):
            with suppress(LockNotAvailable), connection.transaction():
                connection.execute(query("schema/be_brief"))
                connection.execute(query("schema/lock_days"))
                for statement in _rehome(table, column, day):
                    connection.execute(statement)
                made.append(partition_name(table, day))
    return made


def partition_name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


def _settle(connection: Connection, table: str, day: date) -> bool:
    try:
        with connection.transaction():
            connection.execute(query("schema/be_brief"))
            connection.execute(query("schema/lock_days"))
            connection.execute(query("schema/make_day"), {"table": table, "day": day})
    except (CheckViolation, InsufficientPrivilege):
        return True
    except LockNotAvailable:
        return False
    return True


def _near() -> tuple[date, date]:
    """The first and the last day that get partitions of their own."""
    today = datetime.now(UTC).date()
    return today - _PAST, today + _AHEAD


def _stray_days(table: str, column: str) -> sql.Composed:
    return sql.SQL(
        "select distinct ({time} at time zone 'UTC')::date from {default}"
        " where {time} >= %(first)s::date::timestamp at time zone 'UTC'"
        " and {time} < %(end)s::date::timestamp at time zone 'UTC'"
    ).format(time=sql.Identifier(column), default=sql.Identifier("joblog", f"{table}_default"))


def _rehome(table: str, column: str, day: date) -> Iterator[sql.Composed]:
    names = names_of_day(table, day) | {"time": sql.Identifier(column)}
    for statement in (
        "lock table {default} in access exclusive mode",
        "create table {day} (like {table} including all)",
        "with moved as (delete from {default} where {time} >= {low} and {time} < {high} returning *)"
        " insert into {day} select * from moved",
        "alter table {table} attach partition {day} for values from ({low}) to ({high})",
    ):
        yield sql.SQL(statement).format(**names)


def names_of_day(table: str, day: date) -> dict[str, sql.Composable]:
    """What statements call the table, its default partition, and the day with its bounds."""
    return {
        "table": sql.Identifier("joblog", table),
        "day": sql.Identifier("joblog", partition_name(table, day)),
        "default": sql.Identifier("joblog", f"{table}_default"),
        "low": sql.Literal(f"{day} 00:00:00+00"),
        "high": sql.Literal(f"{day + timedelta(days=1)} 00:00:00+00"),
    }
