"""Deleting runs, or a whole job, because somebody said so.

In one transaction for each portion of runs: they are held, taken out of the statistics, and deleted with their lines,
steps, samples and all that is said of them. So all agrees after each portion, and who was interrupted says it again.
What a process still tells of a run that is gone makes it anew, with what that tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from ...errors import StoreError
from ..connection import conninfo, errors_translated, spoken_plainly
from ..encoding import json_bytes
from ..schema.may import May, may
from ..schema.migrate import require_current
from ..sql import query
from ..write.statistics import Statistics

__all__ = ["Gone", "JobThere", "deleting", "forget_job", "jobs_named", "runs_deleted", "runs_of_job"]

PORTION = 200  # runs deleted in a transaction

Key = tuple[UUID, int]


class Gone(NamedTuple):
    """How much went."""

    runs: int = 0
    lines: int = 0
    steps: int = 0
    samples: int = 0


class JobThere(NamedTuple):
    """A job and what there is of it."""

    service: str
    runs: int
    open: int  # of these, those that go on
    lines: int
    steps: int


@contextmanager
def deleting(dsn: str) -> Iterator[Connection[DictRow]]:
    """A connection for all of these. Raises :class:`StoreError` where this login does not own the tables."""
    with (
        errors_translated(),
        psycopg.connect(
            conninfo(dsn, application_name="otel_joblog delete"),
            autocommit=True,
            prepare_threshold=None,
        ) as connection,
    ):
        spoken_plainly(connection)
        require_current(connection)
        if may(connection) < May.OWN:
            raise StoreError("this login does not own the tables: delete as the one who does")
        by_name = cast("Connection[DictRow]", connection)
        by_name.row_factory = dict_row
        yield by_name


def jobs_named(connection: Connection[DictRow], job: str, service: str | None) -> list[JobThere]:
    """By service; none where no such job is known."""
    found = connection.execute(query("upkeep/delete/job"), {"job": job, "service": service})
    return [JobThere(**row) for row in found]


def runs_of_job(connection: Connection[DictRow], job: str, service: str) -> Iterator[Sequence[Key]]:
    """Portions of its runs, for as long as there are any: each is to be deleted before the next is asked for."""
    asked = {"job": job, "service": service, "limit": PORTION}
    while found := connection.execute(query("upkeep/delete/of_job"), asked).fetchall():
        yield [(row["trace_id"], row["span_id"]) for row in found]


def forget_job(connection: Connection[DictRow], job: str, service: str) -> None:
    """The rest of a job whose runs were deleted: its statistics, schedule and due times."""
    connection.execute(query("upkeep/delete/forget_job"), {"job": job, "service": service})


def runs_deleted(connection: Connection[DictRow], keys: Iterable[Key]) -> Gone:
    gone = Gone()
    for portion in _portions(keys):
        with connection.transaction():
            gone = Gone(*map(sum, zip(gone, _delete(connection, portion), strict=True)))
    return gone


def _portions(keys: Iterable[Key]) -> Iterator[Sequence[Key]]:
    waiting = list(keys)
    for start in range(0, len(waiting), PORTION):
        yield waiting[start : start + PORTION]


def _delete(connection: Connection[DictRow], keys: Sequence[Key]) -> Gone:
    wanted = {"traces": [trace_id for trace_id, _ in keys], "spans": [span_id for _, span_id in keys]}
    runs = connection.execute(query("upkeep/delete/hold"), wanted).fetchall()
    if not runs:
        return Gone()
    told = Statistics()
    for run in runs:
        told.seen(run)
        told.ended(run, followed=run["next_trace_id"] is not None)
    counted = {name: json_bytes(rows).decode() for name, rows in told.rows().items()}
    asked: dict[str, Any] = {
        "traces": [run["trace_id"] for run in runs],
        "spans": [run["span_id"] for run in runs],
        "lows": [run["low"] for run in runs],
        "highs": [run["high"] for run in runs],
        "low": min(run["low"] for run in runs),
        "high": max(run["high"] for run in runs),
        "jobs": [run["name"] for run in runs],
        "services": [run["service"] for run in runs],
    }
    parts = {
        part: connection.execute(query(f"upkeep/delete/{part}"), asked).rowcount
        for part in ("lines", "steps", "samples")
    }
    connection.execute(query("upkeep/delete/uncount"), counted)
    connection.execute(query("upkeep/delete/runs"), asked)
    for left in ("days", "durations", "jobs"):
        connection.execute(query(f"upkeep/delete/{left}"), counted)
    failures = [{key: row[key] for key in ("day", "name", "service", "error_group")} for row in told.rows()["errors"]]
    connection.execute(query("write/recount_errors"), {"rows": json_bytes(failures).decode()})
    return Gone(len(runs), **parts)
