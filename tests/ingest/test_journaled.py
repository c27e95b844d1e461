"""Acknowledged when it is in the journal: an outage of PostgreSQL and the death of the process lose nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from otel_joblog.config import Settings
from otel_joblog.errors import StoreUnavailable
from otel_joblog.ingest.journaled import Journaled
from otel_joblog.ingest.otlp import Decoder
from otel_joblog.journal.journal import Journal

from .messages import job, log_event, span, traces
from .serving import served

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def bodies(number: int) -> list[bytes]:
    return [
        traces([job(1, trace=trace, events=[log_event("hello")]), span(2, 1, trace=trace)], host__name="box")
        .SerializeToString()
        for trace in range(1, number + 1)
    ]  # fmt: skip


def counts(dsn: str) -> tuple[int, ...] | None:
    query = "select count(*), sum(lines)::int, count(distinct host), min(host) from joblog.job_run"
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchone()


@contextlib.contextmanager
def ingest(state: Path, dsn: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    settings = {"OTEL_JOBLOG_STATE_DIR": str(state), "OTEL_JOBLOG_DSN": dsn}
    command = [sys.executable, "-m", "otel_joblog", "ingest", "--port", "0"]
    process = subprocess.Popen(
        command, env=kept | settings | {"OTEL_JOBLOG_INGEST_ACKNOWLEDGE": "journal"}, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[1], process
        finally:
            process.kill()


def test_what_is_in_the_journal_comes_to_the_database(dsn: str, tmp_path: Path) -> None:
    with served(dsn, dsn=dsn, state_dir=tmp_path, ingest_acknowledge="journal") as address:
        for body in bodies(20):
            assert httpx.post(f"{address}/v1/traces", content=body, headers=PROTOBUF, timeout=60).status_code == 200
        deadline = time.monotonic() + 60
        while counts(dsn) != (20, 20, 1, "box"):
            assert time.monotonic() < deadline, counts(dsn)
            time.sleep(0.05)


def test_what_was_acknowledged_outlives_the_process(dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn) as blocking, ingest(tmp_path, dsn) as (address, process):
        blocking.execute("lock table joblog.job_process")  # PostgreSQL takes no rows for now
        for body in bodies(20):
            assert httpx.post(f"{address}/v1/traces", content=body, headers=PROTOBUF, timeout=60).status_code == 200
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert counts(dsn) == (0, None, 0, None)
    with ingest(tmp_path, dsn):
        deadline = time.monotonic() + 60
        while counts(dsn) != (20, 20, 1, "box"):
            assert time.monotonic() < deadline, counts(dsn)
            time.sleep(0.05)


def test_what_is_refused_because_of_the_disk_does_not_pile_up_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_environment({}, state_dir=tmp_path, dsn="host=127.0.0.1 port=1 dbname=nowhere")
    journaled = Journaled(settings)
    journal = journaled._journal
    large = traces([job(1, events=[log_event("x" * 10_000)]), *(span(n, 1) for n in range(2, 1_000))])
    records = Decoder().traces(large.SerializeToString()).records

    def refused() -> int:
        """What lies in memory after it."""
        with pytest.raises(StoreUnavailable, match="the journal cannot be written"):
            journaled.write(records)
        return sum(len(segment.memory or b"") for segment in journal._segments)

    with monkeypatch.context() as full:
        full.setattr(Journal, "_disk_file", lambda *_: None)
        first = refused()
        assert first < 30_000, "the rest of it was not even tried"
        assert refused() - first < 1_000
        for _ in range(100):
            again = refused()
        assert again - first < 102 * 1_000
    journal._retry_at = 0.0  # by now the disk takes it
    with pytest.raises(StoreUnavailable):
        journaled.write(records)
    journal.spill()
    journaled.write(records)
    journal.remove()
