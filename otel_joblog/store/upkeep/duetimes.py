"""Schedules of jobs and the times at which they are due, as the store keeps them; health/keeper.py knows which."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from ..sql import query

__all__ = [
    "GIVEN_UP",
    "MEMORY",
    "Expected",
    "Scheduled",
    "adopt",
    "expect",
    "first_run_with",
    "forget",
    "look",
    "note",
    "to_be_seen_to",
]

MEMORY = timedelta(days=30)  # nothing is made up, or looked for again, for longer ago
GIVEN_UP = "not expected any more"  # how the problem of such a job begins
_LOOKED_AT = 5_000  # due times at once


class Scheduled(NamedTuple):
    """A job whose due times are to be seen to, and the schedule that its latest run says."""

    name: str
    service: str
    schedule: str | None  # None: it has none any more
    timezone: str
    said_at: datetime  # start of that run
    changed: bool  # it is not the one that was in force, or there was none
    known_schedule: str | None  # the one that was in force
    known_timezone: str | None
    problem: str | None  # why nobody knows when it is due, as far as that was noted
    since: datetime | None  # start of the first run with the schedule in force
    last_due_at: datetime | None  # the last time that is known of it
    now: datetime
    last_run_at: datetime
    given_up: bool
    told_after: timedelta  # how long runs take that are told of when they end


class Expected(NamedTuple):
    """A time at which a job is due; on time until ``late_at``, and there is another one at ``next_due_at``.

    Where no run is known from ``judged_at`` on, it is late.
    """

    name: str
    service: str
    schedule: str
    due_at: datetime
    late_at: datetime
    judged_at: datetime
    next_due_at: datetime


def to_be_seen_to(connection: Connection, ahead: timedelta) -> list[Scheduled]:
    """Those whose schedule is new, has changed, is gone, has a problem, or is not worked out for so long ``ahead``."""
    parameters = {"ahead": ahead, "memory": MEMORY, "given_up": GIVEN_UP}
    with connection.cursor(row_factory=class_row(Scheduled)) as cursor:
        return cursor.execute(query("upkeep/due/jobs"), parameters).fetchall()


def first_run_with(connection: Connection, job: Scheduled) -> datetime:
    """When the first run began that has this schedule, or none as well, since the last one with another."""
    row = connection.execute(query("upkeep/due/since"), {**job._asdict(), "memory": MEMORY}).fetchone()
    return row[0] if row and row[0] else job.said_at


def adopt(connection: Connection, job: Scheduled, since: datetime, problem: str | None) -> None:
    """The schedule is in force, or is not understood for a ``problem``; nothing is due by an older one from then on."""
    connection.execute(query("upkeep/due/adopt"), {**job._asdict(), "since": since, "problem": problem})


def note(connection: Connection, job: Scheduled, problem: str | None) -> None:
    """Nobody knows when the job is due any more, for a ``problem``; or one is over."""
    connection.execute(query("upkeep/due/note"), {**job._asdict(), "problem": problem})


def forget(connection: Connection, job: Scheduled, since: datetime) -> None:
    """The job has no schedule any more from then on."""
    connection.execute(query("upkeep/due/forget"), {**job._asdict(), "since": since})


def expect(connection: Connection, expected: Sequence[Expected]) -> None:
    """Keeps due times, of a job in their order. Those that are known stay as they are."""
    lists = ("names", "services", "schedules", "due", "late", "judged", "next")
    columns = map(list, zip(*expected, strict=True))
    connection.execute(query("upkeep/due/expect"), dict(zip(lists, columns, strict=True)))


def look(connection: Connection) -> bool:
    """Looks for the runs that due times wait for; False where none is left that should be looked for now."""
    row = connection.execute(query("upkeep/due/look"), {"memory": MEMORY, "limit": _LOOKED_AT}).fetchone()
    return bool(row and row[0] == _LOOKED_AT)
