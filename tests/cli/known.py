"""One known history, told from a midnight: what the snapshots of the commands are of."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import psycopg

from otel_joblog.conventions import Attribute, RunStatus, Severity, Stream
from otel_joblog.store.write.writer import Writer
from tests.web.story import SECOND, Story

__all__ = ["FAILED_RUN", "MIDNIGHT", "tell"]

MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # all of it was before
FAILED_RUN = "3f9a1c20a7d94b5c8e6f00112233aabb-00f067aa0ba902b7"

DUE = """
insert into joblog.job_schedule (name, service, schedule, timezone, since) values
  ('nightly-import', 'etl', '0 22 * * *', 'UTC', %(at)s - interval '7 days'),
  ('export', 'etl', '30 23 * * *', 'UTC', %(at)s - interval '7 days');
insert into joblog.job_expected
  (name, service, schedule, due_at, late_at, judged_at, next_due_at, looked_at, started_at) values
  ('nightly-import', 'etl', '0 22 * * *', %(at)s - interval '2 hours', %(at)s - interval '1 hour',
   %(at)s - interval '1 hour', %(at)s + interval '2 days', %(at)s, %(at)s - interval '97 minutes'),
  ('export', 'etl', '30 23 * * *', %(at)s - interval '30 minutes', %(at)s - interval '20 minutes',
   %(at)s - interval '20 minutes', %(at)s + interval '2 days', %(at)s, null);
"""


def tell(dsn: str) -> None:
    with contextlib.closing(Writer(dsn)) as writer:
        _history(writer)
    with psycopg.connect(dsn) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(DUE, {"at": MIDNIGHT})


def _history(writer: Writer) -> None:
    def begin(job: str, minutes: float, run_id: str, **options: object) -> Story:
        began = round((MIDNIGHT - timedelta(minutes=minutes)).timestamp()) * SECOND
        return Story(writer, job, began=began, run_id=run_id, **options)  # type: ignore[arg-type]

    failed = begin(
        "nightly-import",
        97,
        FAILED_RUN,
        **{Attribute.REFERENCE: "orders of 2026-11-02", Attribute.JOB_TYPE: "cron", Attribute.EXPECTED: 30.0},
    )
    failed.step("load", begin=0.5)
    failed.step("parse", begin=1, inside="load", **{Attribute.TASK_ID: "orders.csv"})
    failed.say(*(f"read {1_000 * number:,} rows" for number in range(1, 59)), step="parse", at=2, every=0.5)
    failed.say("row 58,001 has 11 columns\nrow 58,002 has 11 columns", severity=Severity.WARN, step="parse", at=32)
    failed.say("oops", stream=Stream.STDERR, step="parse", at=33)
    failed.say("giving up: the disk full of orders is not to be read any further", severity=Severity.ERROR, at=34)
    error = (
        "ValueError",
        "invalid literal for int() with base 10: 'oops' in column 11 of row 58,002 of orders.csv",
        TRACE,
    )
    failed.end_step("parse", begin=1, end=33, inside="load", error=error)
    failed.end_step("load", begin=0.5, end=33.5, error=error)
    failed.end(error=error, at=62)

    child = begin("orders-check", 96.5, "3f9a1c20a7d94b5c8e6f00112233aabb-679c1b2a3c4d5e6f", inside=failed)
    child.say("all there")
    child.end(at=1.2)

    export = begin("export", 44, "b71c02d9e1f84c6f9a0b1c2d3e4f5a6b-1122334455667788")
    export.say(f"uploaded {'part ' * 60}before the disk full of parts was unmounted {'and more ' * 30}again")
    export.end(at=8_100)
    timed_out = begin(
        "reconcile-the-ledgers-of-all-subsidiaries-abroad", 31, "0c5d88aa00112233445566778899aabb-aa01bb02cc03dd04"
    )
    timed_out.say("waiting for the lock", "still waiting", severity=Severity.WARN)
    timed_out.end(
        RunStatus.TIMEOUT, "timed out after 900 s: it waited for the lock of the ledger all the while", at=900
    )
    begin("thumbnails", 12, "9e8d7c6b5a4948372615041322334455-0000000000000abc").end(
        RunStatus.LOST, "out of memory: the control group counted an OOM kill", at=200.25
    )
    begin("日報", 9, "77aa00112233445566778899aabbccdd-0a0b0c0d0e0f0a0b").end(at=0.412)
    begin("cache-warmer", 6, "51aa00112233445566778899aabbccdd-0102030405060708").end(
        RunStatus.SKIPPED, "another run holds the lock: 77aa0011", at=0.004
    )
    watch = begin("disk-watch", 4, "e40f00112233445566778899aabbccdd-f0e0d0c0b0a09080", **{Attribute.JOB_TYPE: "batch"})
    watch.say(*(f"{number} % of the disk full" for number in range(1, 5)))
    watch.progress(120, 400, "disks")


TRACE = """Traceback (most recent call last):
  File "/srv/shop/nightly.py", line 41, in parse
    amount = int(row[10])
ValueError: invalid literal for int() with base 10: 'oops' in column 11 of row 58,002 of orders.csv"""
