"""Work that a run hands to other threads and processes: what belongs to it by itself, and what by one argument."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import otel_joblog
from otel_joblog import current_run, job, step
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.segments import DiskSegments
from otel_joblog.records import Line, Record, SpanEnded
from otel_joblog.testing import recording

log = logging.getLogger("tests.processes")


def work(number: int, parent: str) -> None:
    """What a pool's process does."""
    with job("part", parent=parent), step("inside"):
        log.warning("part %d", number)


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A journal on disk that nobody ships, for this process and those that it starts."""
    monkeypatch.setenv("OTEL_JOBLOG_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("OTEL_JOBLOG_DSN", "host=127.0.0.1 port=1 connect_timeout=1")
    monkeypatch.setenv("OTEL_JOBLOG_EXIT_TIMEOUT", "0")
    yield tmp_path
    otel_joblog.shutdown(0)


def on_disk(state_dir: Path) -> list[Record]:
    records: list[Record] = []
    for folder in sorted((state_dir / "journal").glob("2*")):
        reader = JournalReader(DiskSegments(folder), Cursor())
        while (batch := reader.read()).end != reader.cursor:
            records += batch.records
            reader.cursor = batch.end
    return records


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_jobs_in_a_process_pool_are_children_of_the_run_that_they_are_given(method: str, state_dir: Path) -> None:
    context = multiprocessing.get_context(method)
    otel_joblog.configure()
    with job("whole") as run, ProcessPoolExecutor(2, mp_context=context) as pool:
        list(pool.map(work, range(4), [run.run_id] * 4))
    otel_joblog.shutdown(0)
    records = on_disk(state_dir)
    parts = [record for record in records if isinstance(record, SpanEnded) and record.name == "part"]
    assert len(parts) == 4
    assert {(part.trace_id, part.parent_id, part.parent_run) for part in parts} == {
        (run._active.trace_id, run._active.span_id, run._active.span_id)
    }
    lines = {record.run: record.message for record in records if isinstance(record, Line)}
    assert set(lines) == {part.span_id for part in parts}
    assert sorted(lines.values()) == [f"part {number}" for number in range(4)]


def test_what_runs_in_an_executor_belongs_to_the_run() -> None:
    def in_thread() -> str | None:
        log.warning("in a thread")
        run = current_run()
        return run and run.run_id

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with job("x") as run:
            assert await loop.run_in_executor(None, in_thread) == run.run_id
            assert await asyncio.to_thread(in_thread) == run.run_id
        assert await loop.run_in_executor(None, in_thread) is None

    with recording() as recorded:
        asyncio.run(main())
    assert recorded.messages == ["in a thread"] * 2


def test_a_forked_child_says_its_lines_under_its_parents_run() -> None:
    reading, writing = os.pipe()
    with recording() as recorded, job("x") as run:
        child = os.fork()
        if not child:
            found = current_run()
            os.write(writing, (found.run_id if found else "none").encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reading, 100).decode() == run.run_id
    os.close(reading)
    os.close(writing)
    assert len(recorded.runs) == 1
