"""How long runs stay: what is past its retention goes by and by, a bounded piece at a time.

A run is as old as its last sign of life; failed runs stay longer. How a clean-up goes:

1. The oldest runs past their retention are planned (``job_due``), those of one day of start at a time.
2. They are written to an archive, where there is one.
3. They are deleted in batches, with all that is said of them but what lies in days; not those that are held or not due
   by now, as where the plan was left by a clean-up of another retention.
4. That again until no run is due. Then the days past the retention are swept of the rows of runs that are gone.
5. Rows of times far off, which no day holds, are deleted; then processes without runs, notes of what waited for its
   run, and statistics, which stay longer.

Every piece looks at what is there and goes on. A clean-up may be killed anywhere: run again, it ends the same. An
archive is written anew unless it was noted to be whole, and only then are its runs deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from ...config import Settings
from ...records import format_run_id
from ..columns import span_bytes
from ..sql import query
from .archive import dump, one_state, read_runs
from .archivefile import free_path, write_whole
from .sweep import delete_strays, sweep_a_day

__all__ = [
    "STATISTICS_DAYS",
    "CleanUp",
    "Outlook",
    "Policy",
    "Retention",
    "begin",
    "clean_a_piece",
    "end",
    "needed",
    "outlook",
]

STATISTICS_DAYS = 1100  # three years; those by hour, which are many more:
HOURLY_STATISTICS_DAYS = 400

_PLANNED = 50_000  # runs planned at once, and in one file of an archive
_BATCH = 1_000  # runs deleted at once
_PROCESSES = 10_000  # deleted at once
_NEVER = date(1, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What goes on a day: runs that ended before one day, failed ones that ended before another; to which folder."""

    before: date
    failures_before: date
    today: date
    archive: Path | None = None

    def parameters(self) -> dict[str, Any]:
        return {"before": self.before, "failures_before": self.failures_before, "today": self.today}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many days runs and failed runs are kept, None for ever; and the folder that they go to then."""

    runs: int | None
    failures: int | None
    archive: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Retention:
        return cls(runs=settings.retention, failures=settings.retention_failures, archive=settings.archive_dir)

    def policy(self, *, before: date | None = None) -> Policy | None:
        """That of today, or with ``before`` in the place of the age of runs; None where nothing is to go."""
        today = datetime.now(UTC).date()
        before = before or _days_before(today, self.runs)
        if before == _NEVER:
            return None
        failures_before = min(before, _days_before(today, self.failures))
        return Policy(before=before, failures_before=failures_before, today=today, archive=self.archive)


class CleanUp(NamedTuple):
    """A clean-up that has ended, and how much went by it."""

    started_at: datetime
    ended_at: datetime
    before: date
    failures_before: date
    runs: int
    lines: int
    days: int
    bytes: int


class Outlook(NamedTuple):
    """What a clean-up would do."""

    runs: int = 0
    lines: int = 0
    failed: int = 0  # of these runs
    kept: int = 0  # runs past the retention of the others that stay, as they failed or are held
    kept_lines: int = 0
    days: tuple[tuple[date, int], ...] = ()  # to be swept, and bytes that they take now


def needed(connection: Connection, policy: Policy) -> bool:
    """Whether today's clean-up has yet to be done."""
    row = connection.execute(query("upkeep/retain/needed"), policy.parameters()).fetchone()
    return bool(row and row[0])


def begin(connection: Connection, policy: Policy) -> None:
    """Begins a clean-up, or goes on with one that was not ended; on an autocommit connection, as all of these."""
    connection.execute(query("upkeep/retain/begin"), policy.parameters())


def clean_a_piece(connection: Connection, policy: Policy) -> bool:
    """Does a piece of it; False where nothing is left to do.

    Raises ``LockNotAvailable`` where somebody uses the tables for long, OSError where an archive cannot be written.
    """
    return (
        _archive(connection, policy)
        or _delete_runs(connection, policy)
        or _plan(connection, policy)
        or sweep_a_day(connection, policy.before) is not None
        or delete_strays(connection, policy.before)
        or _forget_processes(connection, policy)
    )


def end(connection: Connection, policy: Policy) -> CleanUp:
    """What is left to do at the end; returns what was done."""
    for_days = {"days_before": STATISTICS_DAYS, "hours_before": HOURLY_STATISTICS_DAYS}
    oldest = {name: min(policy.failures_before, policy.today - timedelta(days=days)) for name, days in for_days.items()}
    connection.execute(
        query("upkeep/retain/forget_statistics"), {**oldest, "before": policy.before, "today": policy.today}
    )
    with connection.cursor(row_factory=class_row(CleanUp)) as cursor:
        done = cursor.execute(query("upkeep/retain/end")).fetchone()
    assert done is not None  # it was begun
    return done


def outlook(connection: Connection, policy: Policy) -> Outlook:
    """What a clean-up would do by this policy; nothing is changed."""
    found = Outlook(days=tuple(connection.execute(query("upkeep/retain/unswept_days"), policy.parameters()).fetchall()))
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(query("upkeep/retain/outlook"), policy.parameters()):
            if row["due"]:
                failed = found.failed + (row["runs"] if row["failed"] else 0)
                found = found._replace(runs=found.runs + row["runs"], lines=found.lines + row["lines"], failed=failed)
            else:
                kept, lines = found.kept + row["runs"], found.kept_lines + row["lines"]
                found = found._replace(kept=kept, kept_lines=lines)
    return found


def _plan(connection: Connection, policy: Policy) -> bool:
    """Plans the runs that go next, and their file."""
    with connection.transaction():
        held = {"until": policy.today + (policy.today - policy.before)}
        connection.execute(query("upkeep/retain/hold_future_runs"), held)
        row = connection.execute(query("upkeep/retain/due_runs"), {**policy.parameters(), "limit": _PLANNED}).fetchone()
        if row is None or row[0] is None:
            return False
        path = "" if policy.archive is None else str(free_path(policy.archive, row[0]))
        connection.execute(query("upkeep/retain/archiving"), {"archive": path})
    return True


def _archive(connection: Connection, policy: Policy) -> bool:
    """Writes the planned runs to their file, unless that is done. A plan for another folder, or none, is forgotten."""
    row = connection.execute(query("upkeep/retain/archive_pending")).fetchone()
    if row is None or (row[0] == "" and policy.archive is None):
        return False
    path = Path(row[0])
    if path.parent != policy.archive:
        with connection.transaction():
            connection.execute(query("upkeep/retain/forget_plan"))
            connection.execute(query("upkeep/retain/archiving"), {"archive": None})
        return True
    with one_state(connection) as reading, reading.cursor("planned") as planned:
        runs = planned.execute(query("upkeep/retain/planned_runs"))
        ids = (format_run_id(run["trace_id"].bytes, span_bytes(run["span_id"])) for run in runs)
        write_whole(path, dump(spoken for run in read_runs(reading, ids) for spoken in run))
    connection.execute(query("upkeep/retain/archiving"), {"archive": None})
    return True


def _delete_runs(connection: Connection, policy: Policy) -> bool:
    row = connection.execute(query("upkeep/retain/delete_runs"), {**policy.parameters(), "limit": _BATCH}).fetchone()
    return bool(row and row[0])


def _forget_processes(connection: Connection, policy: Policy) -> bool:
    parameters = {"before": policy.before, "limit": _PROCESSES}
    return connection.execute(query("upkeep/retain/forget_processes"), parameters).rowcount == _PROCESSES


def _days_before(today: date, days: int | None) -> date:
    return _NEVER if days is None else today - timedelta(days=days)
