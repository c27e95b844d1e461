"""Settings that are mistaken are told of once, and never with a password."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from otel_joblog.config import Settings
from otel_joblog.errors import ConfigError
from tests.processes import command, run

JOB = """
    import logging
    from otel_joblog import job
    for _ in range(3):
        with job("nightly"):
            logging.warning("said")
"""


def told(environ: dict[str, str]) -> list[str]:
    problems: list[ConfigError] = []
    Settings.from_environment(environ, on_bad=problems.append)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("OTEL_JOBLOG_DNS", "OTEL_JOBLOG_DSN"),
        ("OTEL_JOBLOGS_DSN", "OTEL_JOBLOG_DSN"),
        ("OTEL_JOB_LOG_DSN", "OTEL_JOBLOG_DSN"),
        ("otel_joblog_dsn", "OTEL_JOBLOG_DSN"),
        ("OTEL_JOBLOG_STATEDIR", "OTEL_JOBLOG_STATE_DIR"),
        ("OTEL_JOBLOG_LOGLEVEL", "OTEL_JOBLOG_LOG_LEVEL"),
    ],
)
def test_a_misspelt_variable_is_told_of_with_what_is_meant(misspelt: str, meant: str) -> None:
    assert told({misspelt: "x"}) == [f"{misspelt} is not a setting and has no effect; did you mean {meant}?"]


def test_a_variable_that_is_like_none_of_ours_is_told_of_alone() -> None:
    assert told({"OTEL_JOBLOG_XYZZY": "x"}) == ["OTEL_JOBLOG_XYZZY is not a setting and has no effect"]


@pytest.mark.parametrize("other", ["OTEL_SERVICE_NAME", "JOBLOG_PASSWORD", "OTEL_JOBLOG_PARENT_RUN", "OTEL_JOBS"])
def test_what_is_for_others_is_left_to_them(other: str) -> None:
    assert told({other: "x"}) == []


@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://me:geheim@db/shop", "db.example.org", "geheim", "postgresql://me:geheim@[::1/db",
        "postgresql://me:x@geheim@db/shop", "postgresql://me:x/geheim@db/shop", "postgresql://me:9/geheim@db/shop",
        "postgresql://me:x@y/geheim@db/shop", "postgresql://me:9?geheim@db/shop",
    ],
)  # fmt: skip
def test_a_connection_string_of_something_else_is_told_of_without_the_password(dsn: str) -> None:
    (problem,) = told({"OTEL_JOBLOG_DSN": dsn})
    assert problem.startswith("OTEL_JOBLOG_DSN cannot be used: use postgresql://")
    assert "%40 for an @ and %2F for a / in the password" in problem
    assert problem.endswith("; records wait in the journal")
    with pytest.raises(ConfigError) as raised:
        Settings.from_environment({"OTEL_JOBLOG_DSN": dsn})
    with pytest.raises(ConfigError) as configured:
        Settings.from_environment({}, dsn=dsn)
    for text in (problem, str(raised.value), str(configured.value)):
        assert "geheim" not in text


def test_no_other_database_is_taken_for_one_that_cannot_be_used() -> None:
    settings = Settings.from_environment({"OTEL_JOBLOG_DSN": "mysql://db/shop"}, on_bad=lambda _: None)
    assert settings.dsn == "mysql://db/shop"


@pytest.mark.parametrize(
    "dsn", ["postgres://db/shop", "postgresql:///shop\n", "host = db dbname=shop", " dbname='a b'"]
)
def test_a_connection_string_is_taken_as_it_is(dsn: str) -> None:
    assert Settings.from_environment({"OTEL_JOBLOG_DSN": dsn}).dsn == dsn.strip()


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return re.findall(r"otel_joblog: .*$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_JOBLOG_DSN": "mysql://db/shop"}, "OTEL_JOBLOG_DSN cannot be used"),
        ({"OTEL_JOBLOG_DNS": "postgresql://db/shop"}, "did you mean OTEL_JOBLOG_DSN?"),
    ],
)
def test_a_job_says_once_what_is_mistaken(variables: dict[str, str], said: str, tmp_path: Path) -> None:
    (line,) = lines(run(JOB, tmp_path, **variables, OTEL_JOBLOG_EXIT_TIMEOUT="5"))
    assert said in line


def test_a_database_that_has_never_been_reached_is_told_of_once(tmp_path: Path) -> None:
    unreachable = {"OTEL_JOBLOG_DSN": "postgresql://me:geheim@127.0.0.1:1/shop", "OTEL_JOBLOG_EXIT_TIMEOUT": "20"}
    (line,) = lines(run(JOB, tmp_path, **unreachable))
    assert line.startswith(
        "otel_joblog: postgres-shop@localhost:1 has never accepted a record: PostgreSQL cannot be reached"
    )
    assert line.endswith("records wait in the journal")
    assert "geheim" not in line


def test_a_server_that_never_says_a_word_is_told_of_at_the_end(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        dsn = f"postgresql://127.0.0.1:{port}/shop?connect_timeout=100"
        (line,) = lines(run(JOB, tmp_path, OTEL_JOBLOG_DSN=dsn, OTEL_JOBLOG_EXIT_TIMEOUT="4"))
    assert line.startswith(
        f"otel_joblog: postgres-shop@localhost:{port} has never accepted a record: it does not answer"
    )


def test_an_outage_of_a_database_that_took_something_before_is_not_told_of(tmp_path: Path, dsn: str) -> None:
    door = tmp_path / "door"
    door.mkdir()
    words = conninfo_to_dict(dsn)
    if not str(words["host"]).startswith("/"):
        pytest.skip("the door is a link to the server's socket")
    link = door / ".s.PGSQL.5432"
    link.symlink_to(Path(str(words["host"])) / f".s.PGSQL.{words.get('port', 5432)}")
    there = {"OTEL_JOBLOG_DSN": make_conninfo(dsn, host=str(door), port=5432), "OTEL_JOBLOG_EXIT_TIMEOUT": "20"}
    assert lines(run(JOB, tmp_path, **there)) == []
    link.unlink()
    assert lines(run(JOB, tmp_path, **there)) == []


def test_the_embedded_server_may_be_started_after_the_job(tmp_path: Path) -> None:
    assert lines(run(JOB, tmp_path, OTEL_JOBLOG_EXIT_TIMEOUT="20")) == []


def test_a_command_says_it_too_and_does_its_work(tmp_path: Path) -> None:
    (line,) = lines(command("recover", tmp_path, OTEL_JOBLOG_DNS="postgresql://db/shop"))
    assert "did you mean OTEL_JOBLOG_DSN?" in line


@pytest.mark.parametrize("word", ["list", "doctor", "serve"])
@pytest.mark.parametrize("password", ["geheim@gut", "geheim/gut", "gut@sehr/geheim", "9/geheim", "9?geheim"])
def test_no_command_prints_a_password_that_ends_too_soon(word: str, password: str, tmp_path: Path) -> None:
    done = command(word, tmp_path, OTEL_JOBLOG_DSN=f"postgresql://me:{password}@db.invalid/shop")
    assert done.returncode == 1
    assert "%40 for an @ and %2F for a / in the password" in done.stdout + done.stderr
    assert not {piece for piece in ("geheim", "gut", "sehr") if piece in done.stdout + done.stderr}


@pytest.mark.parametrize("word", ["recover", "agent", "list", "migrate"])
def test_a_command_that_cannot_use_a_setting_says_so_in_one_line(word: str, tmp_path: Path) -> None:
    done = command(word, tmp_path, OTEL_JOBLOG_DSN="mysql://me:geheim@db/shop")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: OTEL_JOBLOG_DSN cannot be used: use postgresql://")
    assert len(done.stderr.splitlines()) == 1
