"""Runs over time, by how they ended: from the statistics, where these tell of what is asked for; else counted one by
one, the newest 5,000 of them at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from psycopg.rows import DictRow

from ...conventions import RunStatus
from ...runquery import RunQuery
from .asking import rows
from .find import Asked, asked, completed, finding
from .keys import before_run
from .models import RunBin, RunHistogram
from .pool import Connection

__all__ = ["histogram"]

_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_UNTOLD = _DAY * 30  # how far back, where nobody says
_MOST = 53  # weeks
_COUNTED = 5_000  # runs
_OF_STATISTICS = {"job": "names", "service": "services", "type": "types"}
_COLUMNS = {
    "successes": RunStatus.SUCCESS,
    "errors": RunStatus.ERROR,
    "timeouts": RunStatus.TIMEOUT,
    "lost": RunStatus.LOST,
    "skipped": RunStatus.SKIPPED,
    "cancelled": RunStatus.CANCELLED,
}


async def histogram(connection: Connection, query: RunQuery, zone: tzinfo) -> RunHistogram:
    """Of the ended runs that the query asks for: hours of two days at most, days of two months, weeks of a year.

    Without bins where it asks for slow ones.
    """
    now = datetime.now(UTC)
    wanted = asked(query, zone, now)
    bins = list(_bins(wanted.conditions["since"], wanted.conditions["until"], now))
    if not bins:
        return RunHistogram([])
    times = {"since": bins[0].start, "until": bins[-1].end}
    if (terms := _statistics(query)) is not None:
        hours = bins[0].end - bins[0].start == _HOUR
        name = "histogram_hours" if hours else "histogram_days"
        found = await rows(connection, f"read/{name}", terms | times)
        return RunHistogram([_filled(one, found, "hour" if hours else "day", wanted) for one in bins])
    if wanted.conditions["slow"]:  # to know what is usual, for the list and again for this, takes too long
        return RunHistogram([])
    wanted = await completed(connection, wanted)
    width = bins[0].end - bins[0].start
    binned = {"width": width, "origin": bins[0].start, "limit": _COUNTED, "looked": _COUNTED}
    parameters = wanted.conditions | before_run(None) | times | binned
    if wanted.conditions["since"]:
        parameters["since"] = max(wanted.conditions["since"], bins[0].start)
    if wanted.conditions["until"]:
        parameters["until"] = min(wanted.conditions["until"], bins[-1].end)
    counted = await (await connection.execute(finding(wanted.by_label, counted=True), parameters)).fetchall()
    until = next((row["looked_until"] for row in counted if row["looked_until"]), None)
    return RunHistogram([_filled(one, counted, "bin", wanted) for one in bins], until and until.astimezone(UTC))


def _bins(since: datetime | None, until: datetime | None, now: datetime) -> Iterator[RunBin]:
    last = min(until or now, now)
    first = max(since or last - _UNTOLD, last - _MOST * _WEEK)
    width = _HOUR if last - first <= 2 * _DAY else _DAY if last - first <= 62 * _DAY else _WEEK
    start = first.replace(minute=0, second=0, microsecond=0)
    if width > _HOUR:
        start = start.replace(hour=0)
    while start < last:
        yield RunBin(start=start, end=start + width)
        start += width


def _statistics(query: RunQuery) -> dict[str, Any] | None:
    """The parameters of the statistics; None where these do not tell."""
    found: dict[str, Any] = dict.fromkeys(_OF_STATISTICS.values())
    for term in query.terms:
        if term.key in ("since", "until", "status"):
            continue
        if term.key not in _OF_STATISTICS or term.negated or any(value.pattern for value in term.values):
            return None
        found[_OF_STATISTICS[term.key]] = [value.text for value in term.values]
    return found


def _filled(one: RunBin, found: list[DictRow], column: str, wanted: Asked) -> RunBin:
    statuses, retried = wanted.conditions["statuses"], wanted.conditions["retried"]
    rows_of_it = [row for row in found if one.start <= _moment(row[column]) < one.end]
    counts: dict[str, int] = {
        status.value: sum(row[name] for row in rows_of_it)
        for name, status in _COLUMNS.items()
        if (statuses is None or status.code in statuses) and not retried
    }
    if retried is not False and (statuses is None or any(RunStatus.from_code(code).failed for code in statuses)):
        counts["retried"] = sum(row["retried"] for row in rows_of_it)
    return RunBin(start=one.start, end=one.end, **counts)


def _moment(value: date) -> datetime:
    """The start of what a row counts."""
    return value.astimezone(UTC) if isinstance(value, datetime) else datetime.combine(value, time.min, UTC)
