"""A history whose every number is known, written by the writer as jobs would have it.

Yesterday, UTC; ``import`` is of the service etl, the others of shop:

=======  ========================  =====================================================
import   cron, by schedule         10:00 success 10 s · 10:20 success 20 s · 11:00 error 30 s · 12:00 success 40 s
mail     queue, by queue           10:05 success 1 s · 10:10 timeout 60 s · 10:15 lost · 10:30 skipped · 10:31 cancelled
o'clock  neither type nor trigger  11:30 success 2 s
=======  ========================  =====================================================

What goes by the clock is of the service ops. ``backup`` was due every hour at first, then at half past, then at no
time: 10:00 and 11:00 on time, 12:00 twenty minutes late, 13:00 missed, 14:00 on time (three seconds early), 14:30 and
15:30 of the new schedule, 16:00 without one. ``report`` is due every hour: it began a minute after the time before the
last one, and not when it was due ten minutes ago. ``odd`` says a schedule that nobody understands.

Nine days before that, ``import``: 10:00 success 100 s · 11:00 error 30 s, of the same kind as yesterday's. And two that
are open: ``import`` since an hour, at 25 of 100 rows, declared to take a minute, silent for one; ``mail``, just begun.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from otel_joblog.conventions import Attribute, RunStatus, SpanKind, Stream
from otel_joblog.health.keeper import keep_due_times
from otel_joblog.records import (
    Line,
    Process,
    Progress,
    Record,
    SpanEnded,
    SpanEvent,
    SpanStarted,
    format_run_id,
)
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.write.writer import Writer

__all__ = ["FAILED_RUN", "TODAY", "YESTERDAY", "write", "write_attempts"]

SECOND = 10**9
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = TODAY - timedelta(days=1)
LONG_AGO = YESTERDAY - timedelta(days=9)

ETL = Process(b"e" * 16, 0, 11, "host-1", "boot", "etl", {"service.name": "etl"})
SHOP = Process(b"s" * 16, 0, 22, "host-2", "boot", "shop", {"service.name": "shop"})
OPS = Process(b"o" * 16, 0, 33, "host-3", "boot", "ops", {"service.name": "ops"})

IMPORT = {Attribute.JOB_TYPE: "cron", Attribute.TRIGGER: "schedule", Attribute.SCHEDULE: "*/20 * * * *"}
MAIL = {Attribute.JOB_TYPE: "queue", Attribute.TRIGGER: "queue"}

FAILED = 3
FAILED_RUN = format_run_id(bytes([FAILED] * 16), bytes([0xF0] * 7 + [FAILED]))
ROWS = ("ValueError", "row %d is bad", "Traceback: …")


def write(dsn: str) -> None:
    writer = Writer(dsn)
    success, error = RunStatus.SUCCESS, RunStatus.ERROR
    etl = [
        ended(1, "import", IMPORT, at(10), 10, success),
        ended(2, "import", IMPORT, at(10, 20), 20, success),
        *failed(FAILED, at(11)),
        ended(4, "import", IMPORT, at(12), 40, success),
        ended(5, "import", IMPORT, at(10, day=LONG_AGO), 100, success),
        ended(6, "import", IMPORT, at(11, day=LONG_AGO), 30, error, row=8),
        *going_on(7, "import", IMPORT | {Attribute.EXPECTED: 60.0}),
    ]
    shop = [
        ended(11, "mail", MAIL, at(10, 5), 1, success),
        ended(12, "mail", MAIL, at(10, 10), 60, RunStatus.TIMEOUT, "no end after 60 s"),
        ended(13, "mail", MAIL, at(10, 15), 60, RunStatus.LOST, "killed by SIGKILL"),
        ended(14, "mail", MAIL, at(10, 30), 1, RunStatus.SKIPPED, "nothing to send"),
        ended(15, "mail", MAIL, at(10, 31), 1, RunStatus.CANCELLED),
        ended(16, "o'clock", {}, at(11, 30), 2, success),
        started(17, "mail", MAIL, time.time_ns() - SECOND),
    ]
    writer.write(etl, ETL)
    writer.write(shop, SHOP)
    for runs in by_the_clock():  # the keeper of due times looks in between, as it does every minute
        writer.write(runs, OPS)
        assert maintain(dsn, None, [keep_due_times])
    writer.beat([ETL.process_id, SHOP.process_id])
    writer.close()
    with psycopg.connect(dsn) as connection:  # a minute of silence, without waiting for it
        connection.execute(
            "update joblog.job_live set beat_at = beat_at - interval '1 minute' where process_id = %s",
            [UUID(bytes=ETL.process_id)],
        )


def write_attempts(dsn: str) -> None:
    """Two attempts of ``fetch``, the only job: 10:00 error, 11:00 success."""
    said = [{Attribute.ATTEMPT: number, Attribute.MAX_ATTEMPTS: 3, Attribute.REFERENCE: "order 7"} for number in (1, 2)]
    writer = Writer(dsn)
    writer.write([ended(1, "fetch", said[0], at(10), 1, RunStatus.ERROR, row=7)], SHOP)
    writer.write([ended(2, "fetch", said[1], at(11), 1, RunStatus.SUCCESS)], SHOP)
    writer.close()


def by_the_clock() -> Iterator[list[Record]]:
    numbers = itertools.count(21)

    def run(job: str, schedule: str | None, begin: int) -> SpanEnded:
        said = {} if schedule is None else {Attribute.SCHEDULE: schedule, Attribute.SCHEDULE_TIMEZONE: "UTC"}
        return ended(next(numbers), job, {Attribute.TRIGGER: "schedule", **said}, begin, 1, RunStatus.SUCCESS)

    hourly = "0 * * * *"
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    times = [at(10), at(11) + SECOND, at(12, 20), at(14) - 3 * SECOND]
    yield [
        *(run("backup", hourly, begin) for begin in times),
        run("report", f"{due.minute} * * * *", round(due.timestamp() - 3_540) * SECOND),
        run("odd", "when the moon is full", at(10)),
    ]
    yield [run("backup", "30 * * * *", at(14, 30)), run("backup", "30 * * * *", at(15, 30))]
    yield [run("backup", None, at(16))]


def at(hour: int, minute: int = 0, *, day: datetime = YESTERDAY) -> int:
    return round((day + timedelta(hours=hour, minutes=minute)).timestamp()) * SECOND


def ids(number: int) -> tuple[bytes, bytes]:
    return bytes([number] * 16), bytes([0xF0] * 7 + [number])


def started(number: int, job: str, attributes: dict[str, Any], begin: int) -> SpanStarted:
    trace_id, span_id = ids(number)
    return SpanStarted(SpanKind.JOB, trace_id, span_id, None, span_id, None, begin, job, 0, attributes)


def ended(
    number: int,
    job: str,
    attributes: dict[str, Any],
    begin: int,
    seconds: float,
    status: RunStatus,
    message: str = "",
    *,
    row: int | None = None,
) -> SpanEnded:
    trace_id, span_id = ids(number)
    head = (SpanKind.JOB, trace_id, span_id, None, span_id, None, begin, job, 0, attributes)
    end = begin + round(seconds * SECOND)
    message, events = (message, []) if row is None else (f"{ROWS[0]}: {ROWS[1] % row}", [exception(end, row)])
    return SpanEnded(*head, end, status, message, events, [], 0, "", True)


def failed(number: int, begin: int) -> list[Record]:
    """A run with two steps, of which the second failed, and a line of each level."""
    trace_id, run = ids(number)
    records: list[Record] = [ended(number, "import", IMPORT, begin, 30, RunStatus.ERROR, row=7)]
    steps = [("load", 0, 10, RunStatus.SUCCESS), ("parse", 10, 30, RunStatus.ERROR)]
    for seq, (name, first, last, status) in enumerate(steps, 1):
        span_id, start, end = bytes([seq] * 8), begin + first * SECOND, begin + last * SECOND
        head = (SpanKind.STEP, trace_id, span_id, run, run, None, start, name, seq, {})
        events = [exception(end, 7)] if status.failed else []
        records.append(SpanEnded(*head, end, status, ROWS[1] % 7 if events else "", events, [], 0, "", True))
    for seq, (severity, text) in enumerate([(9, "read 7 rows"), (13, "row 6 is odd"), (17, "row 7 is bad")], 1):
        records.append(Line(trace_id, run, run, begin + seq * SECOND, seq, severity, Stream.LOG, "etl", text))
    return records


def going_on(number: int, job: str, attributes: dict[str, Any]) -> list[Record]:
    trace_id, run = ids(number)
    begin = time.time_ns() - 3_600 * SECOND
    return [
        started(number, job, attributes, begin),
        Progress(trace_id, run, run, begin + 900 * SECOND, 25.0, 100.0, "rows"),
    ]


def exception(when: int, row: int) -> SpanEvent:
    names = (Attribute.EXCEPTION_TYPE, Attribute.EXCEPTION_MESSAGE, Attribute.EXCEPTION_STACKTRACE)
    return SpanEvent(when, "exception", dict(zip(names, (ROWS[0], ROWS[1] % row, ROWS[2]), strict=True)))
