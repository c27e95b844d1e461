"""Schedules as people write them, and the times that they mean.

Five fields as of cron, ``@hourly`` to ``@yearly``, and before either a time zone as Kubernetes and cronie take it:
``CRON_TZ=Europe/Berlin 0 3 * * *``. Read as Debian's cron reads them, also when clocks are changed: a fixed time that
is skipped comes at the end of the gap, one that comes twice is due the first time, and what goes by ``*`` keeps its
pace.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from .errors import ScheduleError

__all__ = ["DueTime", "due_times", "grace", "understood"]

LONGEST = 200  # characters
FIELDS = 5

_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ZONES = ("CRON_TZ=", "TZ=")


class DueTime(NamedTuple):
    """A time at which a job is due, when it is no longer on time, and when it is due next; all in UTC."""

    due_at: datetime
    late_at: datetime
    next_due_at: datetime


def due_times(schedule: str, timezone: str, after: datetime) -> Iterator[DueTime]:
    """The times after that one, without end unless there are no more; one a time, strictly rising.

    ``timezone`` is meant where the schedule names none. Raises :class:`ScheduleError` where it is not understood.
    """
    times = _times(schedule, timezone, after)
    due = next(times, None)
    for following in times:
        assert due is not None  # as there is one after it
        yield DueTime(due, due + grace(following - due), following)
        due = following


def grace(pause: timedelta) -> timedelta:
    """How much later than due is still on time: a tenth of the pause until the next time, 1 to 15 minutes."""
    return max(timedelta(minutes=1), min(timedelta(minutes=15), pause / 10))


def _times(schedule: str, timezone: str, after: datetime) -> Iterator[datetime]:
    expression, zone = understood(schedule, timezone)
    before = after.astimezone(UTC)
    try:
        for time in CronSim(expression, after.astimezone(zone)):
            at = time.astimezone(UTC)
            if at > before:  # a time that comes twice may lie before the hour that is repeated
                yield at
                before = at
    except OverflowError:  # past the year 9999
        return


@functools.lru_cache(maxsize=1_000)
def understood(schedule: str, timezone: str) -> tuple[str, ZoneInfo]:
    """Its five fields, and the time zone that they mean. Raises :class:`ScheduleError` where it is not understood."""
    words = schedule.split() if len(schedule) <= LONGEST else []
    prefix = next((prefix for prefix in _ZONES if words and words[0].startswith(prefix)), None)
    if prefix is not None:
        timezone = words.pop(0).removeprefix(prefix)
    expression = _NAMED.get(words[0].lower(), "") if len(words) == 1 else " ".join(words)
    if len(expression.split()) != FIELDS:
        raise ScheduleError("neither five fields as in cron nor a word such as @daily")
    zone = _zone(timezone)
    try:
        if next(CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC)), None) is None:
            raise ScheduleError("there is no such day")
    except CronSimError as error:
        raise ScheduleError(str(error).lower()) from error
    except (ValueError, OverflowError, AssertionError) as error:
        raise ScheduleError("not a cron expression") from error
    return expression, zone


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(f"the time zone {name[:LONGEST]!r} is not known on this host") from error
