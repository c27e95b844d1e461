"""Keeps the times at which jobs are due, so that the store can tell what was missed: a chore of its maintenance.

Every minute, for each job whose latest run says a schedule:

1. A schedule that is new or has changed takes the place of the one before, from the first run with it on; nothing is
   due by the old one after that, and what was until then is written down. A run by hand changes nothing, whatever it
   says, but where no schedule is known; one that was started by a schedule and says none ends it.
2. Its due times are written down, from the last one that is known to a quarter of an hour ahead, or to the next one;
   for no longer ago than 30 days, 1,000 of a job and some 10,000 of all at once, the rest in the next piece.
3. The runs that came are looked for: the first one that began from five seconds before a due time until five seconds
   before the next one. No run answers for two of them.

A schedule that is not understood is read again every time: its time zone may have been missing. A job that has not run
for 30 days, and not when it was due three times, is given up, which is noted as its problem: nothing is due any more
until it runs again.

Of a job whose latest run was told of at its end, as by OTLP, a due time is judged as much later as its runs take.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import ScheduleError
from ..schedules import DueTime, due_times
from ..store.upkeep.duetimes import (
    GIVEN_UP,
    MEMORY,
    Expected,
    Scheduled,
    adopt,
    expect,
    first_run_with,
    forget,
    look,
    note,
    to_be_seen_to,
)

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
        more = more or len(times) >= OF_A_JOB
        expected += times
    if expected:
        expect(connection, expected)
    return look(connection) or more


def _see_to(connection: Connection, job: Scheduled) -> Iterator[Expected]:
    """The due times of a job that are to be written down, after what changed about its schedule."""
    if job.changed:
        since = first_run_with(connection, job)
        before = [_expected(job, job.known_schedule, due) for due in _until(job, since)]
        yield from before
        if len(before) < OF_A_JOB:  # else the rest comes first
            yield from _from(connection, job, since)
        return
    problem = _problem(job)
    if problem != job.problem:
        note(connection, job, problem)
    if problem is None:
        yield from _ahead(job, job.last_due_at or job.since or job.now)


def _until(job: Scheduled, since: datetime) -> Iterator[DueTime]:
    """The times of the schedule in force that are not written down yet, up to when another one takes its place."""
    if job.known_schedule is None or job.known_timezone is None or job.since is None or job.problem is not None:
        return
    after = max(job.since, job.now - MEMORY, job.last_due_at or job.since)
    with contextlib.suppress(ScheduleError):
        for number, due in enumerate(due_times(job.known_schedule, job.known_timezone, after)):
            if due.due_at > since or number == OF_A_JOB:
                return
            yield due


def _from(connection: Connection, job: Scheduled, since: datetime) -> Iterator[Expected]:
    """The times of the schedule that is in force from then on."""
    if job.schedule is None:
        forget(connection, job, since)
        return
    problem = _problem(job)
    adopt(connection, job, since, problem)
    if problem is None:
        yield from _ahead(job, since)


def _ahead(job: Scheduled, after: datetime) -> Iterator[Expected]:
    assert job.schedule is not None
    for number, due in enumerate(due_times(job.schedule, job.timezone, max(after, job.now - MEMORY)), 1):
        yield _expected(job, job.schedule, due)
        if number == OF_A_JOB or (due.due_at > job.now and due.next_due_at > job.now + AHEAD):
            return


def _expected(job: Scheduled, schedule: str | None, due: DueTime) -> Expected:
    assert schedule is not None
    judged_at = due.late_at + job.told_after
    return Expected(job.name, job.service, schedule, due.due_at, due.late_at, judged_at, due.next_due_at)


def _problem(job: Scheduled) -> str | None:
    """Why nobody knows when the job is due."""
    if job.given_up:
        return f"{GIVEN_UP}: it has not run since {job.last_run_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    assert job.schedule is not None
    try:
        next(due_times(job.schedule, job.timezone, _ANY), None)
    except ScheduleError as error:
        return f"not understood: {error}"
    return None
