"""Commands by logins that may not do everything."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.cli.commands import JOBS, Command


@pytest.fixture
def login(dsn: str, otel_joblog: Command) -> Iterator[dict[str, str]]:
    """The DSN of a login by its role."""
    otel_joblog("migrate", "--roles")
    names = {role: f"joblog_test_{os.getpid()}_{role}" for role in ("reader", "writer")}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for role, name in names.items():
            connection.execute(f"create role {name} login password 'secret' in role joblog_{role}")
        yield {role: make_conninfo(dsn, user=name, password="secret") for role, name in names.items()}
        for name in names.values():
            connection.execute(f"drop role {name}")


@contextmanager
def running(environment: dict[str, str], *command: str) -> Iterator[list[str]]:
    """What a command says that goes on, up to where it has started; at the end it is stopped, whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-m", "otel_joblog", *command], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            said: list[str] = []
            while not said or "Ctrl-C" not in said[-1]:
                said.append(process.stdout.readline())
                assert said[-1], "it ended"
            yield said
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_roles_are_made_once(dsn: str, otel_joblog: Command) -> None:
    assert "granted joblog_writer" in otel_joblog("migrate", "--roles").stdout
    assert "The roles and their rights are up to date." in otel_joblog("migrate", "--roles").stdout


@pytest.mark.parametrize("variable", ["OTEL_JOBLOG_DSN", "OTEL_JOBLOG_READER_DSN"])
def test_a_viewer_that_may_only_read_says_so_and_leaves_the_journals(
    variable: str, environment: dict[str, str], login: dict[str, str], tmp_path: Path
) -> None:
    del environment["OTEL_JOBLOG_DSN"]
    with running(environment | {variable: login["reader"]}, "serve", "--port", "0") as said:
        assert said[0].startswith("This login is read-only")
        assert said[1] == "Takes no OTLP: this login is read-only.\n"
        for signal in ("traces", "logs"):
            answer = httpx.post(f"{said[2].split()[1]}/v1/{signal}", json={}, timeout=60)
            assert (answer.status_code, answer.json()["code"]) == (503, 14), "a collector drops what 404 is said to"
        assert not (tmp_path / "state" / "journal" / "agent.lock").exists()
    assert not (tmp_path / "state" / "postgres").exists()


@pytest.mark.parametrize("command", [["list"], ["serve", "--port", "0"], ["doctor"], ["export", "--all"]])
@pytest.mark.parametrize("both", [True, False])
def test_a_dsn_that_is_none_is_told_by_the_name_of_its_variable(
    command: list[str], both: bool, environment: dict[str, str], otel_joblog: Command
) -> None:
    environment["OTEL_JOBLOG_READER_DSN"] = "hostess=nowhere password=hunter2"
    if not both:
        del environment["OTEL_JOBLOG_DSN"]
    done = otel_joblog(*command, check=False)
    assert done.returncode == 1
    assert "OTEL_JOBLOG_READER_DSN cannot be read; use postgresql://" in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "OTEL_JOBLOG_DSN cannot" not in done.stdout + done.stderr


def test_an_agent_that_could_not_write_does_not_begin(
    environment: dict[str, str], login: dict[str, str], otel_joblog: Command, tmp_path: Path
) -> None:
    environment["OTEL_JOBLOG_DSN"] = login["reader"]
    done = otel_joblog("agent", check=False)
    assert (done.returncode, "an agent needs the primary" in done.stderr) == (1, True)
    assert not (tmp_path / "state" / "journal" / "agent.lock").exists()


def test_an_agent_ships_for_processes_with_a_login_of_their_own(
    environment: dict[str, str], login: dict[str, str], otel_joblog: Command
) -> None:
    with running(environment, "agent"):
        theirs = environment | {"OTEL_JOBLOG_DSN": login["writer"]}
        subprocess.run([sys.executable, "-c", JOBS], env=theirs, check=True, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        with psycopg.connect(environment["OTEL_JOBLOG_DSN"], autocommit=True) as connection:
            while connection.execute("select count(*) from joblog.job_run where status > 1").fetchone() != (2,):
                assert time.monotonic() < deadline
                time.sleep(0.1)
    environment |= {"OTEL_JOBLOG_READER_DSN": login["reader"]}
    assert "said before the fall" in otel_joblog("search", "fall").stdout
    told = otel_joblog("doctor", check=False).stdout
    assert "this login is read-only" in told
    assert "this login owns the tables" in told
