"""What a command leaves reaches the database without an agent, and nobody has waited for that."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.journal.folders import journal_folders
from tests.command.running import RUN, UNSHARE, Running, may_be_first, until
from tests.processes import environment


@pytest.fixture
def alone(tmp_path: Path) -> Running:
    """Where no agent is at work."""
    return Running(tmp_path)


def stored(dsn: str) -> list[tuple[str, int, int, str]]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select name, lines, exit_code, status from joblog.job_run order by name").fetchall()
    return [(name, lines, code, RunStatus.from_code(status).value) for name, lines, code, status in rows]


def nothing_left(running: Running) -> bool:
    root = running.folder / "state" / "journal"
    return not journal_folders(root) and not running.background()


def test_short_and_long_commands_are_shipped_and_nothing_is_left(alone: Running, dsn: str) -> None:
    waits = "echo a; read line < fifo; echo b"
    with alone.start("sh", "-c", waits, options=("--name", "long"), fifo=True, OTEL_JOBLOG_DSN=dsn):
        assert alone("sh", "-c", "echo x; exit 3", options=("--name", "short"), OTEL_JOBLOG_DSN=dsn).returncode == 3
        until(lambda: [(name, lines) for name, lines, *_ in stored(dsn)] == [("long", 1), ("short", 1)])
        (alone.folder / "fifo").write_text("go on\n")  # what goes on was seen
    until(lambda: stored(dsn) == [("long", 2, 0, "success"), ("short", 1, 3, "error")])
    until(lambda: nothing_left(alone))


def test_a_command_with_another_database_has_a_courier_of_its_own(alone: Running, dsn: str, module_dsn: str) -> None:
    waits = "echo a; read line < fifo; echo b"
    with alone.start("sh", "-c", waits, options=("--name", "long"), fifo=True, OTEL_JOBLOG_DSN=dsn):
        until(lambda: [(name, lines) for name, lines, *_ in stored(dsn)] == [("long", 1)])
        alone("echo", "x", options=("--name", "elsewhere"), OTEL_JOBLOG_DSN=module_dsn)
        until(lambda: stored(module_dsn) == [("elsewhere", 1, 0, "success")])
        until(lambda: len(alone.background("courier")) == 1)  # the other does not wait for what it cannot ship
        (alone.folder / "fifo").write_text("go on\n")
    until(lambda: stored(dsn) == [("long", 2, 0, "success")])
    until(lambda: nothing_left(alone))


def test_what_waited_for_the_database_goes_with_the_next_command(alone: Running, dsn: str, tmp_path: Path) -> None:
    away = dsn.replace("dbname=", "connect_timeout=2 dbname=")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("alter schema joblog rename to away")
        connection.execute("create schema joblog")
        connection.execute("create table joblog.schema_version (version int, applied_at timestamptz)")
        connection.execute("insert into joblog.schema_version values (999, now())")
        alone("echo", "first", options=("--name", "first"), OTEL_JOBLOG_DSN=away)
        until(lambda: not alone.background())
        assert len(journal_folders(tmp_path / "state" / "journal")) == 1
        connection.execute("drop schema joblog cascade")
        connection.execute("alter schema away rename to joblog")
    alone("echo", "second", options=("--name", "second"), OTEL_JOBLOG_DSN=away)
    until(lambda: [name for name, *_ in stored(dsn)] == ["first", "second"])


ENDS_WITH_IT = '"$@"; exit $?'
INITS = {
    "a shell": [*UNSHARE, "--mount-proc", "sh", "-c", ENDS_WITH_IT, "sh"],
    "a shell that sees the host's processes": [*UNSHARE, "sh", "-c", ENDS_WITH_IT, "sh"],
    "tini": [*UNSHARE, "--mount-proc", "tini", "--"],
    "dumb-init": [*UNSHARE, "--mount-proc", "dumb-init", "--"],
    "timeout": [*UNSHARE, "--mount-proc", "timeout", "60"],
    "a shell in a session of its own under a shell": [
        *UNSHARE, "--mount-proc", "sh", "-c", ENDS_WITH_IT, "sh", "setsid", "--wait", "sh", "-c", ENDS_WITH_IT, "sh",
    ],
    "a process in another namespace": [
        *UNSHARE, "--mount-proc", "sh", "-c", "sleep 600 & nsenter --pid=/proc/$!/ns/pid -- \"$@\"; exit $?", "sh",
    ],
}  # fmt: skip


@pytest.mark.skipif(not may_be_first(), reason="no namespaces of processes here")
@pytest.mark.parametrize("init", INITS.values(), ids=INITS)
def test_what_ends_with_an_init_that_is_not_us_is_shipped_whole_before(
    alone: Running, dsn: str, init: list[str]
) -> None:
    program = next((word for word in ("tini", "dumb-init") if word in init), "sh")
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")
    variables = {"OTEL_JOBLOG_DSN": dsn, "OTEL_JOBLOG_EXIT_TIMEOUT": "30"}
    command = [*RUN, "--name", "first", "--", "sh", "-c", "seq 1 5002; exit 7"]
    done = alone.directly(*init, *command, **variables)
    assert (done.returncode, done.stderr) == (7, b"")
    assert stored(dsn) == [("first", 5002, 7, "error")]


@pytest.mark.skipif(not may_be_first(), reason="no namespaces of processes here")
def test_under_such_an_init_others_go_on_as_long_as_it_does(alone: Running, dsn: str) -> None:
    variables = {"OTEL_JOBLOG_DSN": dsn, "OTEL_JOBLOG_EXIT_TIMEOUT": "30"}
    waits = '"$@"; code=$?; while ! [ -e over ]; do sleep 0.05; done; exit $code'
    program = "{ while ! [ -e go ]; do sleep 0.05; done; echo late; } & echo first; exit 4"
    init = [*UNSHARE, "--mount-proc", "sh", "-c", waits, "sh"]
    run = [*RUN, "--name", "first", "--", "sh", "-c", program]
    with subprocess.Popen(
        [*init, *run], env=environment(alone.folder / "state", **variables), cwd=alone.folder, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        until(lambda: stored(dsn) == [("first", 1, 4, "error")])
        (alone.folder / "go").touch()
        assert [process.stdout.readline() for _ in range(2)] == [b"first\n", b"late\n"]
        until(lambda: stored(dsn) == [("first", 2, 4, "error")])
        (alone.folder / "over").touch()
        assert process.wait(30) == 4


def test_the_main_process_of_a_service_that_is_not_us_waits_for_what_is_shipped(alone: Running, dsn: str) -> None:
    variables = {"OTEL_JOBLOG_DSN": dsn, "OTEL_JOBLOG_EXIT_TIMEOUT": "30"}
    service = ["setsid", "--wait", "sh", "-c", f"export SYSTEMD_EXEC_PID=$$; {ENDS_WITH_IT}", "sh"]
    for name, wrapped in (("a", ()), ("b", ("setsid", "--wait"))):
        done = alone.directly(
            *service, *wrapped, *RUN, "--name", name, "--", "sh", "-c", "seq 1 10; exit 7", **variables
        )
        assert done.returncode == 7
        assert stored(dsn)[-1] == (name, 10, 7, "error")


@pytest.mark.skipif(not may_be_first(), reason="no namespaces of processes here")
def test_the_first_process_of_a_container_ships_before_it_ends(alone: Running, dsn: str) -> None:
    variables = {"OTEL_JOBLOG_DSN": dsn, "OTEL_JOBLOG_EXIT_TIMEOUT": "30", "PGSERVICE": "theirs"}
    done = alone.directly(*UNSHARE, *RUN, "--name", "first", "--", "sh", "-c", "echo $PGSERVICE; exit 4", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (4, b"theirs\n", b"")
    assert stored(dsn) == [("first", 1, 4, "error")]
