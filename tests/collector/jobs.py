"""Jobs of these tests, run as programs that send to a collector, and what is stored of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests import processes

from .programs import Collector

__all__ = ["ended", "killed", "ran", "recovered", "working"]

# A run that fails in a step, and one linked to it with a child run; prints their ids.
PROGRAM = """
    import logging
    from otel_joblog import current_run, job, step

    log = logging.getLogger("importer")

    @job("nightly-import", reference=lambda day: day)
    def nightly(day):
        ids.append(current_run().run_id)
        log.info("importing %s", day)
        with step("load", task_id="orders"):
            log.warning("3 rows look odd", extra={"rows": 3, "password": "hunter2"})
            log.info("connecting to postgres://me:hunter2@db/x with Authorization: Bearer abcdefghij0123456789")
            with step("parse", stage="load"):
                print("parsed")
        with step("write"):
            log.error("the disk is full")
            raise OSError("no space left")

    ids = []
    try:
        nightly("2026-11-03")
    except OSError:
        pass
    with job("repair", links=ids, type="batch") as run:
        ids.append(run.run_id)
        with job("child"):
            log.info("in the child")
    print(*ids)
"""
KILLED = """
    import logging, os, signal
    from otel_joblog import current_run, job, step

    with job("import") as run:
        print(run.run_id, flush=True)
        with step("load"):
            logging.getLogger("importer").warning("last words")
            os.kill(os.getpid(), signal.SIGKILL)
"""


def sending(collector: Collector) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_JOBLOG_EXIT_TIMEOUT": "60",
        "OTEL_SERVICE_NAME": "shop",
    }


def ran(folder: Path, collector: Collector, **variables: str) -> list[str]:
    """Run the program, whose exit takes as long as shipping takes; the ids of its two runs."""
    done = processes.run(PROGRAM, folder, **sending(collector) | variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-2:]


def killed(folder: Path, collector: Collector, **variables: str) -> str:
    """Run a job that is killed by SIGKILL; the id of its run."""
    done = processes.run(KILLED, folder, **sending(collector) | variables)
    assert done.returncode == -9, done.stderr
    return done.stdout.strip()


def recovered(folder: Path, collector: Collector, **variables: str) -> None:
    """``otel-joblog recover`` with the state folder of the programs before."""
    done = processes.command("recover", folder, **sending(collector) | variables)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def working(program: str, folder: Path, collector: Collector, **variables: str) -> Iterator[None]:
    """While the block runs, a program that goes on for ever."""
    with processes.start(program, folder, **sending(collector) | variables) as process:
        try:
            yield
            assert process.poll() is None, process.communicate()[1]
        finally:
            process.kill()


def ended(dsn: str) -> int:
    """How many runs have an end."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from joblog.job_run where ended_at is not null").fetchone()
    assert row
    return int(row[0])
