"""A clean-up that is killed, wherever it stands, and run again leaves what one does that was left alone."""

from __future__ import annotations

import gzip
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import contents
from tests.store.history import told

# For each number it is told, it cleans up in a child, which kills itself before the statement or the step on disk of
# that number. Says how many there were where the child came to its end, and the signal where it did not.
VICTIM = """
import os, signal, sys, traceback
from pathlib import Path
import psycopg
from otel_joblog.store.upkeep import maintenance, retention, sweep

retention._BATCH, retention._PLANNED, sweep._STRAYS = 3, 5, 2
policy = retention.Retention(runs=90, failures=180, archive=Path(sys.argv[2])).policy()

def clean_up(last):
    done = 0
    def counted(function):
        def call(*arguments, **keywords):
            nonlocal done
            done += 1
            if done == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)
        return call
    points = [(psycopg.Connection, "execute"), (psycopg.Cursor, "fetchone"), (psycopg.Transaction, "__exit__")]
    for owner, name in [*points, (os, "fsync"), (Path, "replace")]:
        setattr(owner, name, counted(getattr(owner, name)))
    maintenance.clean_up(sys.argv[1], policy)
    return done

for number in sys.stdin:
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            os.write(writing, str(clean_up(int(number))).encode())
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.close(writing)
    _, status = os.wait()
    assert os.WIFSIGNALED(status) or status == 0
    print(os.read(reading, 10).decode() or 0 if status == 0 else -os.WTERMSIG(status), flush=True)
    os.close(reading)
"""
STATUSES = (RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.SUCCESS, RunStatus.LOST)
DAYS_AGO = (200, 190, 185, 100, 99, 900, -900, 1)

TABLES = "select relname from pg_class where relnamespace = 'joblog'::regnamespace and relkind in ('r', 'p') order by 1"
PLACES = "select tableoid::regclass::text, count(*) from joblog.job_log group by 1 order by 1"
SMALL = ("due", "hold", "swept", "day", "hour", "duration", "error_day")


def give_a_past(dsn: str) -> None:
    """Runs of days past the retention of all, of others past that of successes, of far times, and of yesterday."""
    writer = Writer(dsn)
    numbers = iter(range(1, 100))
    for days_ago in DAYS_AGO:
        for status in STATUSES:
            writer.write(told(next(numbers), days_ago, status))
    writer.close()


def state(dsn: str, folder: Path) -> object:
    """All rows and where they are, which tables there are, and what the files hold."""
    files = {path.name: gzip.decompress(path.read_bytes()) for path in folder.iterdir()}
    with psycopg.connect(dsn) as connection:
        small = [f"select to_jsonb(row) from joblog.job_{name} as row order by 1" for name in SMALL]
        return contents(connection), [connection.execute(query).fetchall() for query in (TABLES, PLACES, *small)], files


@contextmanager
def victim(dsn: str, folder: Path) -> Iterator[Callable[[int], int]]:
    """Cleans up and dies at the point of a number, none for 0; gives the number of points where it came to its end."""
    command = [sys.executable, "-c", VICTIM, dsn, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def clean_up(point: int) -> int:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{point}\n")
            process.stdin.flush()
            said = int(process.stdout.readline())
            assert said > 0 or said == -signal.SIGKILL
            return max(said, 0)

        yield clean_up
        process.stdin.close()


@pytest.fixture(scope="module")
def unkilled(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The state that a clean-up leaves which nobody kills."""
    folder = tmp_path_factory.mktemp("unkilled")
    give_a_past(module_dsn)
    with victim(module_dsn, folder) as clean_up:
        assert clean_up(0) > 150
    return state(module_dsn, folder)


@pytest.mark.parametrize("seed", range(2))
def test_a_clean_up_killed_again_and_again_ends_in_the_same_state(
    dsn: str, tmp_path: Path, unkilled: object, seed: int
) -> None:
    draw = random.Random(seed)
    give_a_past(dsn)
    kills = 0
    with victim(dsn, tmp_path) as clean_up:
        while clean_up(draw.randrange(15, 90)) == 0:
            kills += 1
    assert kills > 5
    assert state(dsn, tmp_path) == unkilled
