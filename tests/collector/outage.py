"""``python -m tests.collector.outage [--spans 100000] [--seconds 60]``: nothing lost, nothing twice.

A job emits spans. They go to PostgreSQL by the SDK's own exporter, and by OTLP through the real collector to the ingest
of a viewer with a database of its own:

1. A fifth of the spans while all is well.
2. The viewer is stopped. A fifth goes to the collector, which keeps it on disk.
3. The collector is killed while it takes them and holds half of them or more. A fifth waits in the job's journal.
4. The collector is started. A fifth more goes to it.
5. When the viewer has been away for long enough, it is started. The last fifth.

In the end both databases hold the same rows, and every count of them is the number emitted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from otel_joblog.store.server.embedded import EmbeddedServer
from tests.processes import environment

from .programs import COLLECTOR, Collector, Viewer, until
from .rows import differences

PHASES = 5
WORKER = """
import logging
import sys

from otel_joblog import job, shutdown, step

log = logging.getLogger("outage")

for line in sys.stdin:
    steps = int(line)
    with job("outage"):
        for number in range(steps):
            with step("work", task_id=str(number)):
                if number % 100 == 0:
                    log.info("at %d", number)
    print("done", flush=True)
"""
COUNTS = """
select count(*), sum(steps)::bigint, sum(steps_emitted)::bigint, sum(lines)::bigint, sum(lines_emitted)::bigint,
  (select count(*) from joblog.job_step), (select count(*) from joblog.job_log),
  (select sum(successes) from joblog.job_day)::bigint
from joblog.job_run
"""


class Came(NamedTuple):
    """What is in a database."""

    runs: int
    steps_counted: int
    steps_emitted: int
    lines_counted: int
    lines_emitted: int
    steps: int
    lines: int
    runs_counted: int

    @classmethod
    def of(cls, dsn: str) -> Came:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(COUNTS).fetchone()
        assert row is not None
        return cls(*(value or 0 for value in row))

    @classmethod
    def wanted(cls, steps: int) -> Came:
        """Of so many steps a phase."""
        lines = PHASES * -(-steps // 100)
        return cls(PHASES, PHASES * steps, PHASES * steps, lines, lines, PHASES * steps, lines, PHASES)


class Result(NamedTuple):
    emitted: int
    held: int  # spans that the collector held when it was killed
    stored: Came
    wanted: Came
    differing: list[str]
    seconds: float


@contextmanager
def worker(folder: Path, dsn: str, collector: str) -> Iterator[subprocess.Popen[str]]:
    script = folder / "worker.py"
    script.write_text(WORKER)
    variables = environment(
        folder / "state", OTEL_JOBLOG_DSN=dsn, OTEL_EXPORTER_OTLP_ENDPOINT=collector, OTEL_JOBLOG_EXIT_TIMEOUT="120"
    )
    with subprocess.Popen(
        [sys.executable, str(script)], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def emit(process: subprocess.Popen[str], steps: int) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def outage(folder: Path, direct: str, collected: str, *, spans: int, seconds: float) -> Result:
    """``direct`` and ``collected`` are databases; the one that the viewer writes to may be empty."""
    began = time.monotonic()
    steps = spans // PHASES
    wanted = Came.wanted(steps)
    with (
        Viewer(folder, collected) as viewer,
        Collector(
            folder, "config.yaml", JAEGER_ENDPOINT="127.0.0.1:1", OTEL_JOBLOG_INGEST_ENDPOINT=viewer.url
        ) as collector,
        worker(folder, direct, collector.url) as job,
    ):
        emit(job, steps)
        until(lambda: Came.of(collected).steps, "the first span")
        viewer.stop()
        away = time.monotonic()
        emit(job, steps)
        held = until(lambda: collector.holds(steps // 2), "half of a fifth in the queue")
        collector.kill()
        emit(job, steps)
        collector.start()
        emit(job, steps)
        time.sleep(max(0.0, away + seconds - time.monotonic()))
        viewer.start()
        emit(job, steps)
        until(lambda: Came.of(direct) == wanted, "the last span by the SDK", seconds=120 + spans / 100)
        until(
            lambda: Came.of(collected).steps >= wanted.steps,
            "the last span by the collector",
            seconds=120 + spans / 100,
        )
        until(lambda: Came.of(collected) == wanted, "the last line and end of a run", seconds=120)
        differing = differences(direct, collected)
    return Result(PHASES * steps, held, Came.of(collected), wanted, differing, time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.collector.outage")
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="for which the ingest is away")
    arguments = parser.parse_args()
    if not COLLECTOR.exists():
        parser.error("make collector builds what this needs")
    with tempfile.TemporaryDirectory(prefix="ojo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = EmbeddedServer(folder / "postgres")
        server.start()
        try:
            dsns = []
            for database in ("direct", "collected"):
                with psycopg.connect(server.dsn, autocommit=True) as connection:
                    connection.execute(f"create database {database}")
                dsns.append(make_conninfo(server.dsn, dbname=database))
            result = outage(folder, *dsns, spans=arguments.spans, seconds=arguments.seconds)
        finally:
            server.stop()
    print(
        f"{result.emitted:,} spans emitted in {PHASES} runs; the ingest away for {arguments.seconds:g} s; "
        f"the collector killed with {result.held:,} spans in its queue\n"
        f"{result.stored.steps:,} spans and {result.stored.lines:,} lines stored through the collector, "
        f"{len(result.differing)} rows unlike those by the SDK, {result.seconds:.0f} s in all"
    )
    return 1 if result.differing or result.stored != result.wanted else 0


if __name__ == "__main__":
    sys.exit(main())
