"""``--lock``: one run of a job at a time."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.records import SpanEnded
from tests.command.running import Running

HOST = ("--name", "nightly", "--lock")


@contextmanager
def going_on(running: Running, *options: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has the lock, until it is told to end."""
    with running.start("sh", "-c", "echo begun; exec sleep 60", options=options, **variables) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        try:
            yield process
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [("skip", 0, ""), ("fail", 75, "otel-joblog run: nightly: another run goes on (pid ")],
)
def test_a_second_run_is_refused_and_recorded_with_who_is_in_its_way(
    running: Running, how: str, code: int, said: str
) -> None:
    with going_on(running, *HOST, "skip") as first:
        second = running("echo", "second", options=(*HOST, how))
        assert (second.returncode, second.stdout) == (code, b"")
        assert second.stderr.decode().startswith(said)
        ended = running.ended()
        assert ended.status is RunStatus.SKIPPED
        assert ended.message.startswith(f"another run goes on (pid {first.pid}, run ")
        assert running("echo", "other", options=("--name", "other", "--lock", "skip")).stdout == b"other\n"
    assert running("echo", "third", options=(*HOST, how)).stdout == b"third\n"


def test_a_second_run_waits_for_the_first(running: Running) -> None:
    with going_on(running, *HOST, "skip") as first:
        second = running.start("echo", "second", options=(*HOST, "wait"))
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1.0)
        first.terminate()
        assert second.communicate(timeout=60) == (b"second\n", b"")


def test_one_that_waits_can_be_stopped(running: Running) -> None:
    with going_on(running, *HOST, "skip"):
        second = running.start("echo", "second", options=(*HOST, "wait"))
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1.0)
        second.send_signal(signal.SIGTERM)
        assert second.communicate(timeout=60) == (b"", b"")
        assert second.returncode == 143
        assert running.ended().status is RunStatus.CANCELLED


def test_a_lock_is_free_when_its_wrapper_was_killed(running: Running) -> None:
    with going_on(running, *HOST, "skip") as first:
        first.kill()
        first.wait()
        assert running("echo", "second", options=(*HOST, "skip")).stdout == b"second\n"


def test_among_hosts_the_database_is_asked(running: Running, dsn: str) -> None:
    options = (*HOST, "skip", "--lock-scope", "database")
    with going_on(running, *options, OTEL_JOBLOG_DSN=dsn) as first:
        second = running("echo", "second", options=options, OTEL_JOBLOG_DSN=dsn)
        assert (second.returncode, second.stdout, second.stderr) == (0, b"", b"")
        ends = [record for record in running.records() if isinstance(record, SpanEnded)]
        assert len(ends) == 1
        assert ends[0].message.startswith(f"another run goes on (otel-joblog run, pid {first.pid} on ")
    third = running("sh", "-c", "echo $PGSERVICE", options=options, OTEL_JOBLOG_DSN=dsn, PGSERVICE="theirs")
    assert (third.stdout, third.stderr) == (b"theirs\n", b"")


def test_without_a_database_the_command_runs_with_a_warning(running: Running) -> None:
    options = (*HOST, "fail", "--lock-scope", "database")
    done = running("echo", "out", options=options, OTEL_JOBLOG_DSN="host=127.0.0.1 port=1")
    assert (done.returncode, done.stdout) == (0, b"out\n")
    assert done.stderr.startswith(b"otel_joblog: the command runs without a lock: PostgreSQL cannot be reached")
