"""How fast the store is with 2 million runs and 20 million lines over 90 days, in a PostgreSQL of its own.

Fills an embedded server, then asks what pages, API and CLI ask, through the reader, warm: each question's median and
95th percentile beside its bound.
Lines are then written through the writer, taking turns with COPY of the same bytes made beforehand.

    python benchmarks/store.py [--scale 0.02] [--keep FOLDER]

``--keep`` leaves the database in the folder, where the next call finds it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.records import Line, Process, SpanStarted
from otel_joblog.runquery import RunQuery
from otel_joblog.store.errorgroups import ErrorGroup
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.schema.partitions import ensure_days, partition_name
from otel_joblog.store.server.embedded import EmbeddedServer
from otel_joblog.store.sql import query
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.write.copy import encode_lines
from otel_joblog.store.write.writer import Writer

FILL = Path(__file__).with_name("store_fill")
DAYS = 90
RUNS = 2_000_000
LINES_A_RUN = 10
JOB = "job-001"  # one of those that run the most
ERRORS = ["ValueError", "KeyError", "TypeError", "LookupError", "TimeoutError", "ConnectionError", "OSError"]
QUERIES = [
    "attr.customer:42",
    "attr.region:eu-1",
    "attr.customer:nobody",
    "job:job-00* status:failed",
    "host:host-3 -status:success",
    "duration:>60s",
    "timeout",
    "-job:job-0*",
    "is:slow",
]
ROUNDS = 25

RATIO = 0.6  # of the server's limit
BATCH = 1_000  # lines, as the shipper has them

Question = tuple[str, float, Callable[[Reader], Awaitable[Any]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ojb-")))
        server = EmbeddedServer(folder / "postgres")
        server.start()
        stack.callback(server.stop)
        if migrate(server.dsn):
            fill(server.dsn, round(RUNS * options.scale))
        describe(server.dsn)
        asyncio.run(ask(server.dsn))
        write(server.dsn)


def fill(dsn: str, runs: int) -> None:
    now = datetime.now(UTC)
    kinds = [ErrorGroup.of(ERRORS[kind % len(ERRORS)], f"row 1 could not be read: {kind}") for kind in range(40)]
    parameters = {
        "runs": runs,
        "days": DAYS,
        "until": now,
        "lines_a_run": LINES_A_RUN,
        "types": [kind.type for kind in kinds],
        "groups": [kind.number for kind in kinds],
    }
    with told("days"), connected(dsn) as connection:
        ensure_days(connection, [now.date() - timedelta(days=day) for day in range(-1, DAYS + 1)])
    bounds = [(runs * part // 10 + 1, runs * (part + 1) // 10) for part in range(10)]
    parts = [now - timedelta(days=day + 1) for day in reversed(range(DAYS + 1))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        with told(f"{runs:,} runs"):
            list(pool.map(lambda part: run(dsn, "runs", parameters | {"first": part[0], "last": part[1]}), bounds))
        for what in ("steps", "lines"):
            with told(what):
                times = [parameters | {"since": since, "until": since + timedelta(days=1)} for since in parts]
                list(pool.map(lambda part, what=what: run(dsn, what, part), times))
    with told("statistics"):
        run(dsn, "statistics", {})
    with told("due times"):
        run(dsn, "due_times", parameters)
    with told("vacuum and analyze"), connected(dsn) as connection:
        connection.execute("vacuum analyze")
    with told("text indexes of closed days"):
        maintain(dsn)


def run(dsn: str, name: str, parameters: dict[str, Any]) -> None:
    with connected(dsn) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute((FILL / f"{name}.sql").read_bytes(), parameters)


@contextlib.contextmanager
def connected(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        yield connection


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"filled: {what} in {time.perf_counter() - start:.0f} s", flush=True)


def describe(dsn: str) -> None:
    with connected(dsn) as connection:
        row = connection.execute(
            "select (select count(*) from joblog.job_run), (select count(*) from joblog.job_log),"
            " pg_database_size(current_database()) / 1e9, current_setting('server_version')"
        ).fetchone()
    assert row is not None
    print(f"\n{row[0]:,} runs, {row[1]:,} lines, {row[2]:.1f} GB, PostgreSQL {row[3]}, {os.cpu_count()} CPUs\n")


async def ask(dsn: str) -> None:
    async with Reader(dsn) as reader:
        for name, bound, question in await questions(reader):
            for _ in range(3):
                await question(reader)
            taken = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                await question(reader)
                taken.append((time.perf_counter() - start) * 1_000)
            median, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
            verdict = "" if median <= bound else "  OVER"
            print(f"{name:44} median {median:7.1f} ms   p95 {p95:7.1f} ms   bound {bound:4.0f} ms{verdict}", flush=True)


async def questions(reader: Reader) -> list[Question]:
    now = datetime.now(UTC)
    month = now - timedelta(days=30)
    middle = await reader.runs(until=now - timedelta(days=45), limit=25)
    failed = (await reader.runs(status=[RunStatus.ERROR], limit=1)).items[0]
    some = middle.items[0]
    key = middle.next
    lines = await reader.lines(some.run_id, limit=5)
    hex_id = lines.items[2].message.split()[1]
    first_of_a_trace = some.run_id[:8]
    return [
        ("runs: newest", 10, lambda reader: reader.runs()),
        ("runs: a page 45 days deep", 10, lambda reader: reader.runs(after=key)),
        ("runs: failed", 10, lambda reader: reader.runs(status=[RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.LOST])),
        ("runs: open", 10, lambda reader: reader.runs(status=[RunStatus.PENDING, RunStatus.RUNNING])),
        ("runs: of a job", 10, lambda reader: reader.runs(job=JOB)),
        (
            "runs: failed ones of a job, 30 days",
            10,
            lambda reader: reader.runs(job=JOB, status=[RunStatus.ERROR], since=month),
        ),
        ("runs: by reference", 10, lambda reader: reader.runs(reference=some.reference or "ORD-3")),
        *(
            (f"runs: {words}", 50, lambda reader, words=words: reader.runs(RunQuery.parse(words), limit=50))
            for words in QUERIES
        ),
        ("runs: over time", 50, lambda reader: reader.histogram(RunQuery())),
        ("runs: over time, counted", 50, lambda reader: reader.histogram(RunQuery.parse("host:host-3"))),
        ("run: its page", 10, lambda reader: reader.run(some.run_id)),
        ("run: by 8 characters of its id", 10, lambda reader: reader.run(first_of_a_trace)),
        ("run: a failed one", 10, lambda reader: reader.run(failed.run_id)),
        ("lines: of a run", 10, lambda reader: reader.lines(some.run_id)),
        ("lines: the last ones", 10, lambda reader: reader.lines(some.run_id, tail=True)),
        ("jobs: the first page", 25, lambda reader: reader.jobs()),
        ("job: its page, with 30 days of p50 and p95", 25, job_page),
        ("errors: kinds of 30 days", 25, lambda reader: reader.errors(days=30)),
        ("search 90 days: a rare word", 300, lambda reader: reader.search("xylophone", seconds=60)),
        ("search 90 days: an absent word", 300, lambda reader: reader.search("zeppelin", seconds=60)),
        ("search 90 days: a hex id", 300, lambda reader: reader.search(hex_id, seconds=60)),
        ("search 90 days: a common word", 300, lambda reader: reader.search("processed", seconds=60)),
        ("search 90 days: a common word of a job", 300, lambda reader: reader.search("processed", job=JOB, seconds=60)),
        ("search 90 days: two letters", 300, lambda reader: reader.search("ms", seconds=60)),
    ]


async def job_page(reader: Reader) -> None:
    """What a job's page asks."""
    await reader.jobs(job=JOB)
    await reader.statistics(job=JOB, days=30)
    await reader.errors(job=JOB, days=30)
    await reader.runs(job=JOB, limit=25)


def write(dsn: str) -> None:
    """Lines a second through the writer and by COPY of the same bytes, in turns; into tomorrow, then emptied again."""
    process = Process(os.urandom(16), time.time_ns(), 1, "bench", "", "bench", {})
    ours: list[float] = []
    limit: list[float] = []
    writer = Writer(dsn)
    with connected(dsn) as connection:
        for turn in range(2 * 8):
            batches = [made_lines(BATCH) for _ in range(20)]
            if turn % 2:
                streams = [encode_lines(batch[1:]).stream for batch in batches]
                start = time.perf_counter()
                for stream in streams:
                    with connection.cursor() as cursor, cursor.copy(query("write/copy_lines")) as copy:
                        copy.write(stream)
                limit.append(20 * BATCH / (time.perf_counter() - start))
            else:
                start = time.perf_counter()
                for batch in batches:
                    writer.write(batch, process)
                ours.append(20 * BATCH / (time.perf_counter() - start))
        tomorrow = partition_name("job_log", datetime.now(UTC).date() + timedelta(days=1))
        connection.execute(f"truncate joblog.{tomorrow}")
        connection.execute("delete from joblog.job_run where name = 'bench'")
    writer.close()
    rates = statistics.median(ours), statistics.median(limit)
    ratio = statistics.median(one / other for one, other in zip(ours, limit, strict=True))
    verdict = "" if ratio >= RATIO else "  UNDER"
    print(f"\ningest: {rates[0]:,.0f} lines/s through the writer, {rates[1]:,.0f} by COPY of bytes made beforehand")
    print(f"ratio {ratio:.2f}   bound {RATIO}{verdict}")


def made_lines(number: int) -> list[Any]:
    """A new run's start and lines."""
    trace_id, span_id, now = os.urandom(16), os.urandom(8), time.time_ns() + 86_400 * 10**9
    start = SpanStarted(SpanKind.JOB, trace_id, span_id, None, span_id, None, now, "bench", 0, {})
    said = "order %016x was processed in 17 ms by worker 3: 4711 rows read, 815 rows written, queue default, attempt 1"
    return [
        start,
        *(
            Line(trace_id, span_id, span_id, now + seq * 1_000, seq, 9, 0, "app.orders", said % seq, {"shard": 3})
            for seq in range(number)
        ),
    ]


if __name__ == "__main__":
    main()
