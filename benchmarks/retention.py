"""How long writers wait while a day of 10 million lines is dropped but for its failed runs, and how long that takes.

Fills the day that is past the retention, in a PostgreSQL of its own, then lets another process write as a shipper does
(1,000 lines with their run, some of them late ones for that very day), first alone and then during the clean-up. A
smaller day is then deleted by DELETE and VACUUM, for comparison; not so with an archive.

    python benchmarks/retention.py [--lines 10_000_000] [--archive]

``--archive`` writes what goes to compressed files before.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import psycopg

from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.records import Line, Process, SpanEnded
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.schema.partitions import ensure_days, partition_name
from otel_joblog.store.server.embedded import EmbeddedServer
from otel_joblog.store.upkeep.maintenance import clean_up
from otel_joblog.store.upkeep.retention import Retention
from otel_joblog.store.write.writer import Writer

BOUND = 1.0  # seconds that a write may take
LINES_A_RUN = 100
FAILED = 3  # of a hundred runs
BATCH = 1_000
DAYS_AGO = 100
DELETED = 1_000_000  # lines of the day that DELETE and VACUUM get
ALONE = 20.0  # seconds

FILL = Path(__file__).with_name("retention_fill")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--archive", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ojb-")))
        server = EmbeddedServer(folder / "postgres")
        server.start()
        stack.callback(server.stop)
        migrate(server.dsn)
        measure(server.dsn, options.lines, folder / "archive" if options.archive else None)


def measure(dsn: str, lines: int, archive: Path | None) -> None:
    day = datetime.now(UTC).date() - timedelta(days=DAYS_AGO)
    with told(f"{lines:,} lines of a day"):
        fill(dsn, day, lines, seed="a")
    alone = written_during(dsn, day, lambda: time.sleep(ALONE))
    tell("alone", alone)
    policy = Retention(runs=DAYS_AGO - 1, failures=10 * DAYS_AGO, archive=archive).policy()
    assert policy is not None
    done: list[Any] = []
    waits = written_during(dsn, day, lambda: done.append(clean_up(dsn, policy)))
    tell("during the clean-up", waits, bound=True)
    took = (done[0].ended_at - done[0].started_at).total_seconds()
    print(f"\nclean-up: {done[0].runs:,} runs and {done[0].lines:,} lines in {took:.1f} s")
    print(f"freed: {done[0].bytes / 1e9:.2f} GB")
    check(dsn, day, lines)
    if archive is not None:
        return
    part = min(DELETED, lines)
    day -= timedelta(days=1)
    with told(f"{part:,} lines of another day"):
        fill(dsn, day, part, seed="b")
    deleted = by_delete(dsn, day) * lines / part
    print(f"by DELETE and VACUUM: {deleted:.0f} s for as many lines, which is {deleted / took:.1f} times as long")


def fill(dsn: str, day: Any, lines: int, *, seed: str) -> None:
    parameters: dict[str, Any] = {"day": datetime(day.year, day.month, day.day, tzinfo=UTC), "seed": seed}
    parameters |= {"runs": lines // LINES_A_RUN, "lines_a_run": LINES_A_RUN, "failed": FAILED}
    with connected(dsn) as connection:
        ensure_days(connection, [day, datetime.now(UTC).date()])
        connection.execute("set synchronous_commit = off")
        connection.execute(statement("runs"), parameters)
        connection.execute("analyze joblog.job_run")
        parts = max(1, lines // 500_000)
        for part in range(parts):
            connection.execute(statement("lines"), parameters | {"parts": parts, "part": part})
        connection.execute(statement("steps"), parameters)
        connection.execute("vacuum analyze joblog.job_run")
        connection.execute(f"analyze joblog.{partition_name('job_log', day)}")
        connection.execute("checkpoint")


def statement(name: str) -> bytes:
    return (FILL / f"{name}.sql").read_bytes()


def written_during(dsn: str, day: Any, work: Any) -> list[float]:
    """How long each write of another process took meanwhile, in seconds."""
    context = multiprocessing.get_context("spawn")
    stop, started = context.Event(), context.Event()
    reader, sender = context.Pipe(duplex=False)
    late = int(datetime(day.year, day.month, day.day, 1, tzinfo=UTC).timestamp()) * 10**9
    process = context.Process(target=ingest, args=(dsn, late, started, stop, sender))
    process.start()
    started.wait()
    try:
        work()
    finally:
        stop.set()
        waits: list[float] = reader.recv()
        process.join()
    return waits


def ingest(dsn: str, late: int, started: Event, stop: Event, sender: Any) -> None:
    """Four batches a second, one in ten with lines of the day that is dropped: what a journal may hold for long."""
    writer = Writer(dsn)
    process = Process(os.urandom(16), time.time_ns(), 1, "bench", "", "bench", {})
    waits = []
    writer.write(batch(time.time_ns()), process)
    started.set()
    while not stop.is_set():
        records = batch(late + random.randrange(10**12) if random.random() < 0.1 else time.time_ns())
        start = time.perf_counter()
        writer.write(records, process)
        waits.append(time.perf_counter() - start)
        stop.wait(max(0.0, 0.25 - waits[-1]))
    writer.close()
    sender.send(waits)


def batch(at: int) -> list[Any]:
    trace_id, span_id = os.urandom(16), os.urandom(8)
    common = (SpanKind.JOB, trace_id, span_id, None, span_id, None, at, "bench", 0, {})
    lines = [
        Line(trace_id, span_id, span_id, at + seq * 1_000, seq, 9, 0, "app", f"order {seq} was processed by worker 3")
        for seq in range(1, BATCH + 1)
    ]
    end = SpanEnded(*common, at + BATCH * 1_000, RunStatus.ERROR, "no", [], [], 0, "", True, lines=BATCH)
    return [*lines, end]


def tell(what: str, waits: list[float], *, bound: bool = False) -> None:
    figures = {
        "median": statistics.median(waits),
        "p99": statistics.quantiles(waits, n=100)[-1],
        "longest": max(waits),
    }
    verdict = "" if not bound else f"   bound {BOUND:.1f} s" + ("" if max(waits) <= BOUND else "  OVER")
    told = "   ".join(f"{name} {seconds * 1000:6.1f} ms" for name, seconds in figures.items())
    print(f"{what:20} {len(waits):5} writes of {BATCH:,} lines   {told}{verdict}", flush=True)


def check(dsn: str, day: Any, lines: int) -> None:
    """Every run that is there has all of its lines, and no line is without its run."""
    with connected(dsn) as connection:
        row = connection.execute(
            "select (select count(*) from joblog.job_run where started_at < now() - interval '10 days'),"
            " (select sum(lines) from joblog.job_run), (select count(*) from joblog.job_log)"
        ).fetchone()
    assert row is not None
    print(
        f"left: {row[0]:,} runs of that day; {row[1]:,} lines counted by runs, {row[2]:,} stored"
        + ("" if row[1] == row[2] else "  WRONG")
    )


def by_delete(dsn: str, day: Any) -> float:
    name = partition_name("job_log", day)
    start = time.perf_counter()
    with connected(dsn) as connection:
        connection.execute(
            f"delete from joblog.{name} as log using joblog.job_run as run"
            " where run.trace_id = log.trace_id and run.span_id = log.run_span_id and run.status < 5"
        )
        connection.execute(f"vacuum joblog.{name}")
    return time.perf_counter() - start


@contextlib.contextmanager
def connected(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        yield connection


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"filled: {what} in {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
