"""How the store itself fares: sizes, growth, indexes, the latest clean-up, and what somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...config import Settings
from ..sql import query

__all__ = ["LatestCleanUp", "TableSize", "Upkeep", "upkeep"]

MANY_ROWS = 1_000_000  # that no dropping of days will ever take away
_LATE = timedelta(days=2)  # for so long after their time days may wait for their clean-up


class TableSize(msgspec.Struct, frozen=True, kw_only=True):
    """A table with its indexes. Rows are the server's estimates."""

    table: str
    rows: int
    bytes: int
    days: int  # that have a partition of their own; 0 of a table that is not by day
    oldest: date | None  # of these
    rows_a_day: float | None  # on the average of the last seven full days that there are
    bytes_a_day: float | None


class LatestCleanUp(msgspec.Struct, frozen=True, kw_only=True):
    started_at: datetime
    ended_at: datetime | None  # None while it goes on, or was interrupted
    before: date  # runs that ended before this day went
    failures_before: date  # and failed ones that ended before this one
    runs: int
    lines: int
    days: int  # dropped, but for the rows that stay
    bytes: int  # freed by that


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """The store in figures."""

    bytes: int  # of the whole database
    index_bytes: int
    broken_indexes: int  # left half made
    unindexed_days: int  # closed days that search has no text index for
    bytes_a_day: float | None  # that tables by day grow
    retention_days: int | None  # None: for ever
    failures_retention_days: int | None
    held_runs: int  # that stay past their retention, as an import brought them back
    clean_up: LatestCleanUp | None  # None: there was none yet
    tables: list[TableSize]  # the biggest first
    warnings: list[str]


async def upkeep(connection: AsyncConnection[DictRow], settings: Settings) -> Upkeep:
    today = datetime.now(UTC).date()
    late_before = date.min if settings.retention is None else today - timedelta(days=settings.retention) - _LATE
    tables = await _rows(connection, "read/upkeep_tables", {"today": today, "before": late_before})
    (rest,) = await _rows(connection, "read/upkeep_indexes", {})
    latest = await _rows(connection, "read/upkeep_clean_up", {})
    days = await _rows(connection, "read/log_days", {})
    growth = [row["bytes_a_day"] for row in tables if row["bytes_a_day"] is not None]
    return Upkeep(
        bytes=rest["database_bytes"],
        index_bytes=rest["bytes"],
        broken_indexes=rest["broken"],
        unindexed_days=sum(day["day"] < today and not day["indexed"] for day in days),
        bytes_a_day=sum(growth) if growth else None,
        retention_days=settings.retention,
        failures_retention_days=settings.retention_failures,
        held_runs=rest["held"],
        clean_up=LatestCleanUp(**latest[0]) if latest else None,
        tables=[_table(row) for row in tables],
        warnings=list(_warnings(settings, tables, rest)),
    )


def _warnings(settings: Settings, tables: list[DictRow], rest: DictRow) -> Iterator[str]:
    if rest["database_bytes"] > settings.size_warning:
        yield (
            f"The database takes {rest['database_bytes'] / 1e9:.1f} GB, more than OTEL_JOBLOG_SIZE_WARNING: "
            "keep runs for a shorter time (OTEL_JOBLOG_RETENTION), or raise it."
        )
    for row in tables:
        if row["stray_rows"] > MANY_ROWS:
            yield (
                f"{row['stray_rows']:,} rows of {row['name']} lie outside of all days, and will be deleted one by one: "
                "their times are before 400 days ago or after tomorrow. Look at the clocks of the hosts."
            )
    old_days, old_rows = max(row["old_days"] for row in tables), sum(row["old_rows"] for row in tables)
    if old_days:
        yield (
            f"{_counted(old_days, 'day')} with {_counted(old_rows, 'row')} past the retention, and no clean-up came to "
            "its end. It takes `otel-joblog serve` or `agent`, as the owner of the tables; `otel-joblog cleanup` tells "
            "what is wrong."
        )
    rows = sum(row["rows"] for row in tables)
    if settings.retention is None and rows > MANY_ROWS:
        yield f"{rows:,} rows, and no day is ever dropped: OTEL_JOBLOG_RETENTION=never."
    if rest["unwatched"]:
        yield (
            f"Of {_counted(rest['unwatched'], 'job')} with a schedule nobody works out when they are due: what they "
            "miss goes unnoticed. It takes `otel-joblog serve` or `agent`, as the owner of the tables."
        )
    if rest["unexpected"]:
        yield (
            f"{_counted(rest['unexpected'], 'job')} with a schedule that nothing is due by, such as {rest['problem']}. "
            "`otel-joblog jobs` has them all; docs/jobs.md tells how to end a schedule."
        )
    if rest["broken"]:
        broken = "index is" if rest["broken"] == 1 else "indexes are"
        yield f"{rest['broken']} {broken} half made; those of text are made anew by `otel-joblog serve` or `agent`."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _table(row: DictRow) -> TableSize:
    return TableSize(
        table=row["name"],
        **{name: row[name] for name in ("rows", "bytes", "days", "oldest", "rows_a_day", "bytes_a_day")},
    )


async def _rows(connection: AsyncConnection[DictRow], name: str, parameters: dict[str, Any]) -> list[DictRow]:
    return await (await connection.execute(query(name), parameters)).fetchall()
