"""Every command of the documents runs, in its order, as a reader would run it; the few that cannot run here are named
with the reason. Words of a document that are made up (ids, addresses, folders) are replaced by what there is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner

from otel_joblog.cli.main import main
from otel_joblog.command.options import parser
from otel_joblog.config import Settings
from otel_joblog.export.targets import target_names
from otel_joblog.journal.deadletter import set_aside
from otel_joblog.records import Line
from otel_joblog.schedules import understood
from tests.documents import DOCUMENTS, commands, inline, texts
from tests.grafana.fake import TOKEN, grafana
from tests.processes import ROOT, environment

pytestmark = pytest.mark.timeout(1_200)  # each is many processes, one after the other

NEWCOMERS = "docs/first-five-minutes.md"

NOT_RUN = {
    "otel-joblog users add anna --role operator": "asks for a password on a terminal; tests/cli/test_users.py does so",
    "docker compose --profile example up -d": "takes Docker and the images of five services",
    "make .env && docker compose up -d --wait": "takes Docker and the images of five services",
    "make collector jaeger": "compiles both with Go, for minutes",
    ".cache/bin/jaeger --config collector/jaeger/config.yaml": "takes the compiled Jaeger",
    ".cache/bin/collector --config collector/config.yaml": "takes the compiled collector; tests/collector runs it",
    "go install go.opentelemetry.io/collector/cmd/builder@v0.155.0": "downloads from the internet",
    'cd collector && GOFLAGS="-buildvcs=false -e" builder --config builder.yaml --skip-compilation': "takes it",
    "make demo": "goes on until it is stopped; tests/cli runs it",
    "make test": "is what runs this",
    "make test-postgres PG_BIN=/usr/lib/postgresql/15/bin": "takes another PostgreSQL",
    "pip install .": "downloads from the internet; the environment of this test was made so",
    ". venv/bin/activate": "this test has an environment",
    "python3 -m venv venv": "this test has an environment",
    "pip install /path/to/otel_joblog": "downloads from the internet; the environment of this test was made so",
}

# What a reader waits for, by what the document for newcomers says that the command then prints.
AWAITED = {
    "otel-joblog list": "\tsuccess\t",
    "otel-joblog list --status error": "\terror\t",
    "otel-joblog list --status lost": "\tlost\t",
}

# What is there before the commands of a document: two runs that have come to the database. Where the document tells of
# the journals, two more wait there, for the embedded server and for a collector that is away.
PROGRAM = """
from otel_joblog import job, step

with job("nightly-import"):
    print("three rows")
try:
    with job("nightly-import"), step("load"):
        raise ValueError("oops")
except ValueError:
    pass
"""
AWAY = {"OTEL_JOBLOG_DSN": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_JOBLOG_EXIT_TIMEOUT": "0"}

_STATUS = re.compile(r"  # exit status (\d+)$")
_GOES_ON = re.compile(r"otel-joblog (serve|ingest|agent)\b")


def plain(command: str) -> str:
    """Without the remark behind it."""
    return command.split("  #")[0].strip()


def status_of(command: str) -> int:
    """The exit status that the document says."""
    said = _STATUS.search(command)
    return int(said[1]) if said else 0


class Reader:
    """Follows a document in an empty folder."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = environment(folder / "state", PATH=path, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
        self.environment |= variables

    def save(self, source: str) -> None:
        """A program begins with the name of its file, in a comment."""
        (self.folder / source.partition("\n")[0].removeprefix("# ")).write_text(source)

    def run(self, command: str, **variables: str) -> str:
        """What it prints; its exit status is the one that the document says."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment | variables,
            input="y\n",  # to what it asks before it deletes something
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status_of(command), (command, done.stdout, done.stderr)
        return done.stdout

    def await_run(self, command: str) -> None:
        deadline = time.monotonic() + 300
        while AWAITED[command] not in self.run(command):
            assert time.monotonic() < deadline, f"{command} does not show what the document says"
            time.sleep(0.2)

    def failed_run(self) -> str:
        run_id: str = json.loads(self.run("otel-joblog list --status error --json"))[0]["run_id"]
        return run_id

    @contextmanager
    def going_on(self, command: str) -> Iterator[str]:
        """The first line of a command that goes on until it is stopped; it then ends well."""
        command = _GOES_ON.sub(lambda match: f"exec {match[0]}" + " --port 0" * (match[1] != "agent"), plain(command))
        with subprocess.Popen(
            ["bash", "-c", command.removesuffix("&")],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                first = process.stdout.readline()
                assert first, f"{command} ended"
                yield first
            finally:
                process.terminate()
                status = process.wait(300)
        assert status == 0, command


class AtHand(Reader):
    """One whose commands of ours run in this process if that makes no difference: dozens of interpreters take long."""

    def run(self, command: str, **variables: str) -> str:
        words = shlex.shlex(command, posix=True, punctuation_chars=True)
        words.commenters, words.whitespace_split = "#", True
        said = list(words)
        while said and re.match(r"[A-Z_]+=", said[0]):
            name, _, value = said.pop(0).partition("=")
            variables[name] = value
        if (
            said[:1] != ["otel-joblog"]
            or said[1] == "run"
            or "$" in command
            or any(set(word) <= set("();<>|&") for word in said)
        ):
            return super().run(command, **variables)
        strange: dict[str, str | None] = {name: None for name in os.environ if name.startswith("OTEL_")}
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(main, said[1:], input="y\n", env=strange | self.environment | variables)
        assert done.exit_code == status_of(command), (command, done.output, done.exception)
        return done.stdout


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Reader]:
    """One without a PostgreSQL."""
    reader = Reader(tmp_path)
    yield reader
    reader.run("otel-joblog db stop")


def test_the_first_five_minutes_go_as_they_are_told(newcomer: Reader) -> None:
    for program in texts(NEWCOMERS, "python"):
        newcomer.save(program)
    seen = []
    with newcomer.going_on("otel-joblog serve &"):
        for command in commands(NEWCOMERS):
            seen.append(command)
            if command in AWAITED:
                newcomer.await_run(command)
            elif command.startswith("otel-joblog show "):
                shown = newcomer.run(f"otel-joblog show {newcomer.failed_run()}")
                assert "ValueError: invalid literal for int() with base 10: 'oops'" in shown
                assert "wrote 5" in shown
            elif "kill -9" in command:  # once it is at work, however slow the machine
                at_work = "> out & until grep -q 'second 1' out; do sleep 0.1; done"
                newcomer.run(command.replace("& sleep 4", at_work))
            elif plain(command) not in NOT_RUN and not command.startswith(("otel-joblog serve &", "sleep ", "kill %1")):
                newcomer.run(command)
    assert len(seen) == 19


@pytest.fixture
def reader(dsn: str, tmp_path: Path) -> Reader:
    """One with a PostgreSQL and some runs in it."""
    reader = AtHand(tmp_path, OTEL_JOBLOG_DSN=dsn, OTEL_JOBLOG_EXIT_TIMEOUT="60", GRAFANA_TOKEN=TOKEN)
    (tmp_path / "program.py").write_text(PROGRAM)
    reader.run("python program.py")
    reader.run("otel-joblog export --all -o joblog-2026-08-29.jsonl.gz")  # as a clean-up writes it
    return reader


def refuse(reader: Reader, dsn: str) -> str:
    """Set aside a record that the database is said to have refused; its ID."""
    settings = Settings(state_dir=reader.folder / "state", dsn=dsn)
    line = Line(b"t" * 16, b"r" * 8, b"r" * 8, time.time_ns(), 1, 9, 0, "", "refused")
    set_aside(settings.journal_dir, target_names(settings, {})[0], line, None, ValueError("it was refused"))
    mark: str = json.loads(reader.run("otel-joblog dead-letters list --json"))[-1]["id"]
    return mark


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != NEWCOMERS and commands(name)])
def test_every_command_of_a_document_runs(document: str, reader: Reader, dsn: str, empty_dsn: str) -> None:
    run_id = reader.failed_run()
    if any("otel-joblog journal " in command for command in commands(document)):
        reader.run("python program.py", **AWAY)
    with contextlib.ExitStack() as stack:
        dashboards = stack.enter_context(grafana())
        there = {
            "3f9a1c": run_id[:6],
            "3f9a21": run_id[:6],
            "=… otel-joblog import": f"={shlex.quote(empty_dsn)} otel-joblog import",
            "=… otel-joblog export": f"={shlex.quote(dsn)} otel-joblog export",
            "postgresql://writer@primary/jobs": shlex.quote(dsn),
            "postgresql://reader@standby/jobs": shlex.quote(dsn),
            "otlp-old:4318": "otlp-localhost:9",
            "http://localhost:3000": dashboards.url,
            "https://grafana.example.org": dashboards.url,
            "/backup/joblog": "backup",
            "2026-11-01": "2020-01-01",
        }
        if any("//127.0.0.1:8765/" in told for told in commands(document)):
            said = stack.enter_context(reader.going_on("otel-joblog serve"))
            there["http://127.0.0.1:8765"] = said.split()[1]
        for told in commands(document):
            if plain(told) in NOT_RUN:
                continue
            if "dead-letters" in told:
                there["9c1f03aa"] = refuse(reader, dsn)
            command = told
            for made_up, known in there.items():
                command = command.replace(made_up, known)
            if _GOES_ON.search(command):
                with reader.going_on(command):
                    pass
            elif command.startswith("psql "):  # which need not be there
                uri, query = re.fullmatch(r'psql "\$\((.+)\)" -c "(.+)"', command).groups()  # type: ignore[union-attr]
                with psycopg.connect(reader.run(uri).strip()) as connection:
                    assert connection.execute(query.encode()).fetchall()
            elif command.startswith("python -m tests."):  # in a checkout
                reader.run(f"cd {shlex.quote(str(ROOT))} && {command}")
            else:
                reader.run(command)
        assert not dashboards.dashboards or len(dashboards.dashboards) == 4


def test_the_clients_of_the_document_read_what_the_viewer_shows(reader: Reader) -> None:
    with reader.going_on("otel-joblog serve") as said:
        address = said.split()[1]
        for program in texts("docs/api.md", "python"):
            reader.save(f"# client.py\n{program}".replace("http://127.0.0.1:8765", address))
            read = reader.run("python -W error client.py")
            if 'status="failed"' in program:
                assert read.startswith("nightly-import ")
            if "RunNotFound" in program:
                assert "no run's id begins with" in read


def test_commands_that_are_not_run_are_there_and_are_commands_of_a_shell() -> None:
    known = {plain(command) for document in DOCUMENTS for command in commands(document)}
    assert NOT_RUN.keys() <= known
    for command in NOT_RUN:
        subprocess.run(["bash", "-n", "-c", command], check=True)


def test_commands_are_told_as_such() -> None:
    """Between fences of a terminal, behind its prompt: else nobody would run them here."""
    for document in DOCUMENTS:
        for text in texts(document, ""):
            assert not re.search(r"^(?:\$ |otel-joblog |make |pip |python )", text, re.MULTILINE), text


def insist_on_options(command: str) -> None:
    """``otel-joblog`` knows the command and each of its options."""
    words = shlex.split(command, comments=True)[1:]
    context = click.Context(main)
    known: click.Command = main
    while isinstance(known, click.Group) and words and not words[0].startswith("-"):
        found = known.get_command(context, words.pop(0))
        assert found is not None, f"there is no {command}"
        known = found
    options = {option for parameter in known.params for option in parameter.opts + parameter.secondary_opts}
    if known.name == "run":
        options = set(parser()._option_string_actions)
    said = words[: words.index("--")] if "--" in words else words
    assert {word for word in said if word.startswith("-")} <= options, command


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_named_in_the_text_have_these_options(document: str) -> None:
    for code in inline(document):
        if code.startswith("otel-joblog ") and not re.search(r"[|…]|\b[A-Z]{3,}\b", code):
            insist_on_options(code)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_lines_of_a_crontab_have_a_schedule_and_a_command(document: str) -> None:
    for text in texts(document, "cron"):
        for line in text.splitlines():
            if not line.startswith("#"):
                *fields, command = line.split(None, 5)
                understood(" ".join(fields), "UTC")
                subprocess.run(["bash", "-n", "-c", command], check=True)
                insist_on_options(command)
