"""With no database, a read-only journal or a full disk, a job does what it would do without us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """
    import asyncio, logging, sys
    from otel_joblog import job, step

    log = logging.getLogger("app")
    raised = RuntimeError("as it was")

    @job
    def failing():
        log.info("about to fail")
        raise raised

    @job
    def counting(n):
        for i in range(n):
            got = yield i
            log.info("got %s", got)
        return "done"

    @job
    async def waiting(value):
        await asyncio.sleep(0)
        return value

    @job
    def main(code):
        for number in range(2_000):
            log.info("line %d %s", number, "x" * 200)
        sys.exit(code)

    try:
        failing()
    except RuntimeError as error:
        assert error is raised
    generator = counting(2)
    values = [next(generator), generator.send("a")]
    try:
        generator.send("b")
    except StopIteration as stop:
        values.append(stop.value)
    assert values == [0, 1, "done"], values
    assert asyncio.run(waiting(42)) == 42
    print("out")
    main(7)
"""


@pytest.fixture
def read_only(state_dir: Path) -> Iterator[Path]:
    """A state folder that cannot be written, not even by root."""
    if os.geteuid() == 0:
        mounted(state_dir, "ro,size=1m")
        yield state_dir
        subprocess.run(["umount", str(state_dir)], check=True)
    else:
        state_dir.mkdir(mode=0o500)
        yield state_dir
        state_dir.chmod(0o700)


@pytest.fixture
def small_disk(state_dir: Path) -> Iterator[Path]:
    """A state folder on a disk of 64 kB."""
    mounted(state_dir, "size=64k")
    yield state_dir
    subprocess.run(["umount", str(state_dir)], check=True)


def mounted(folder: Path, options: str) -> None:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root with the right to mount")


def does_what_it_would(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 7, done.stderr
    assert done.stdout == "out\n"


def test_a_job_does_what_it_would_without_a_database(run_script: Run) -> None:
    done = run_script(PROGRAM, check=False)
    does_what_it_would(done)
    assert done.stderr == "", "an outage is nothing that cron must send mail about"


def test_a_job_does_what_it_would_with_a_database_that_refuses_connections(run_script: Run) -> None:
    done = run_script(PROGRAM, check=False, OTEL_JOBLOG_DSN="postgresql://nobody@127.0.0.1:1/none")
    does_what_it_would(done)
    (said,) = done.stderr.splitlines()
    assert "postgres-none@localhost:1 has never accepted a record" in said, "it may be a mistake"


def test_a_job_does_what_it_would_where_the_journal_cannot_be_written_and_says_so_once(
    run_script: Run, read_only: Path
) -> None:
    done = run_script(PROGRAM, check=False)
    does_what_it_would(done)
    kept, lost = done.stderr.splitlines()
    assert "the journal cannot be written" in kept
    assert lost.endswith("nor a destination took is lost"), "what is lost is not lost silently"


def test_a_job_does_what_it_would_on_a_full_disk_and_says_so_once(run_script: Run, small_disk: Path) -> None:
    done = run_script(PROGRAM, check=False)
    does_what_it_would(done)
    kept, lost = done.stderr.splitlines()
    assert "the journal cannot be written" in kept
    assert lost.endswith("nor a destination took is lost"), "what is lost is not lost silently"


def test_what_a_full_disk_kept_in_memory_is_shipped_all_the_same(run_script: Run, small_disk: Path, dsn: str) -> None:
    import psycopg

    does_what_it_would(run_script(PROGRAM, check=False, OTEL_JOBLOG_DSN=dsn))
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select lines, lines_emitted from joblog.job_run where name = 'main'").fetchall()
    assert rows == [(2_000, 2_000)]


def test_what_waited_without_a_database_is_shipped_by_the_next_process(
    run_script: Run, dsn: str, state_dir: Path
) -> None:
    import psycopg

    # The same target, but not there: the journal remembers whose it is.
    away = dsn.replace("dbname=", "connect_timeout=1 dbname=")
    later = """
        import os, pathlib, time
        from otel_joblog import job, flush
        journals = pathlib.Path(os.environ["OTEL_JOBLOG_STATE_DIR"], "journal")
        @job
        def later():
            deadline = time.monotonic() + 40
            while len(list(journals.glob("2*"))) > 1 and time.monotonic() < deadline: time.sleep(0.05)
        later(); flush()
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("alter schema joblog rename to away")
        connection.execute("create schema joblog")
        connection.execute("create table joblog.schema_version (version int, applied_at timestamptz)")
        connection.execute("insert into joblog.schema_version values (999, now())")
        does_what_it_would(run_script(PROGRAM, check=False, OTEL_JOBLOG_DSN=away))
        connection.execute("drop schema joblog cascade")
        connection.execute("alter schema away rename to joblog")
        run_script(later, OTEL_JOBLOG_DSN=away)
        rows = connection.execute("select name, lines, lines_emitted from joblog.job_run order by name").fetchall()
    assert ("main", 2_000, 2_000) in rows
    assert [name for name, *_ in rows] == ["counting", "failing", "later", "main", "waiting"]
    assert list((state_dir / "journal").glob("2*")) == [], "what is shipped is deleted"
