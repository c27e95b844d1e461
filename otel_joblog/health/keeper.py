"""Keeps the times at which jobs are due, so that the store can tell what was missed: a chore of its maintenance.

Every minute, for each job whose latest run says a schedule:

1. A schedule that is new or has changed takes the place of the one before, from the first run with it on; nothing is
   due by the old one after that. A run by hand that says none changes nothing; one that was started by a schedule and
   says none ends it.
2. Its due times are written down, from the last one that is known to a quarter of an hour ahead, or to the next one;
   for no longer ago than 30 days, 1,000 of a job and some 10,000 of all at once, the rest in the next piece.
3. The runs that came are looked for: the first one that began from five seconds before a due time until five seconds
   before the next one. No run answers for two of them.

A job that has not run for 30 days, and not when it was due three times, is given up: nothing is due any more until it
runs again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import ScheduleError
from ..store.duetimes import MEMORY, Expected, Scheduled, adopt, expect, first_run_with, forget, look, to_be_seen_to
from .schedules import due_times

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["keep_due_times"]

AHEAD = timedelta(minutes=15)
OF_A_JOB = 1_000  # due times at once
AT_ONCE = 10_000
_ANY = datetime(2000, 1, 1, tzinfo=UTC)


def keep_due_times(connection: Connection) -> bool:
    """A piece of the work above, on an autocommit connection; says whether there is more."""
    expected: list[Expected] = []
    more = False
    for job in to_be_seen_to(connection, AHEAD):
        if len(expected) >= AT_ONCE:
            more = True
            break
        times = list(_see_to(connection, job))
        more = more or len(times) == OF_A_JOB
        expected += times
    if expected:
        expect(connection, expected)
    return look(connection) or more


def _see_to(connection: Connection, job: Scheduled) -> Iterator[Expected]:
    """The due times of a job that are to be written down, after what changed about its schedule."""
    if job.schedule is None or job.given_up:
        forget(connection, job)
        return
    since, last = job.since, job.last_due_at
    if job.changed or since is None:
        since, last = first_run_with(connection, job), None
        adopt(connection, job, since, _problem(job.schedule, job.timezone))
    after = max(since, job.now - MEMORY, last or since)
    try:
        for number, due in enumerate(due_times(job.schedule, job.timezone, after), 1):
            yield Expected(job.name, job.service, job.schedule, *due)
            if number == OF_A_JOB or (due.due_at > job.now and due.next_due_at > job.now + AHEAD):
                return
    except ScheduleError:
        return  # it was noted when the schedule was adopted


def _problem(schedule: str, timezone: str) -> str | None:
    try:
        next(due_times(schedule, timezone, _ANY), None)
    except ScheduleError as error:
        return str(error)
    return None
