"""What jobs and senders say reaches no terminal as a command, and any terminal as text."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_joblog import cli, diagnostics
from otel_joblog.conventions import Attribute, Severity
from otel_joblog.store.write.writer import Writer
from tests.cli.commands import Command
from tests.cli.ptys import on_terminal
from tests.web.story import Story

HOSTILE = "\x1b]0;owned\x07na\x9bme\x7f\u202e"
IN_SIGHT = r"\x1b]0;owned\x07na\x9bme\x7f[U+202E]"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    with contextlib.closing(Writer(dsn)) as writer:
        yield writer


@pytest.fixture
def hostile(writer: Writer) -> Story:
    """A run in which everything that a sender can name holds what terminals obey."""
    attributes = {
        Attribute.REFERENCE: HOSTILE,
        Attribute.OWNER: HOSTILE,
        Attribute.SCHEDULE: HOSTILE,
        Attribute.JOB_TYPE: HOSTILE,
        Attribute.TRIGGER: HOSTILE,
        Attribute.RETURNED: HOSTILE,
        f"{Attribute.RESULT}.{HOSTILE}": HOSTILE,
        f"{Attribute.ARGUMENT}.{HOSTILE}": HOSTILE,
    }
    story = Story(writer, HOSTILE, **attributes)
    story.step(HOSTILE, **{Attribute.TASK_ID: HOSTILE, Attribute.STAGE: HOSTILE})
    story.say(f"found {HOSTILE}", severity=Severity.ERROR, step=HOSTILE, **{"exception.stacktrace": HOSTILE})
    story.end_step(HOSTILE, end=2, error=(HOSTILE, HOSTILE, HOSTILE))
    story.end(error=(HOSTILE, HOSTILE, f"Traceback\n{HOSTILE}"))
    return story


@pytest.mark.parametrize(
    "command", [["list"], ["show"], ["jobs"], ["stats"], ["errors"], ["search", "found"]], ids=lambda words: words[0]
)
def test_escape_sequences_of_others_are_in_sight_and_not_obeyed(
    command: list[str], hostile: Story, environment: dict[str, str], otel_joblog: Command
) -> None:
    run = [hostile.run_id] if command == ["show"] else []
    said = otel_joblog(*command, *run).stdout
    assert IN_SIGHT in said
    assert not OBEYED.search(said)
    on_screen = on_terminal([sys.executable, "-m", "otel_joblog", *command, *run], environment, 300)
    assert IN_SIGHT in on_screen
    assert not OBEYED.search(on_screen)
    as_json = otel_joblog(*command, *run, "--json").stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", as_json)
    assert any(HOSTILE in text for line in as_json.splitlines() for text in texts(json.loads(line)))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inside in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inside)


def test_an_export_to_a_terminal_shows_them_and_a_file_has_them_as_they_are(
    hostile: Story, environment: dict[str, str], otel_joblog: Command
) -> None:
    export = [sys.executable, "-m", "otel_joblog", "export", hostile.run_id, "--format", "csv"]
    reading, terminal = pty.openpty()
    with subprocess.Popen(export, env=environment, stdout=terminal, stderr=subprocess.PIPE) as process:
        os.close(terminal)
        said = b""
        with contextlib.suppress(OSError):  # what Linux says where the other end of a terminal is closed
            while piece := os.read(reading, 65_536):
                said += piece
        assert process.wait(60) == 0
    os.close(reading)
    assert IN_SIGHT.removesuffix("[U+202E]") in said.decode()
    assert b"\x1b" not in said
    assert HOSTILE in otel_joblog("export", hostile.run_id, "--format", "csv").stdout


@pytest.mark.parametrize("encoding", ["latin-1", "koi8-r"])
def test_a_terminal_without_these_characters_gets_others(
    encoding: str, writer: Writer, environment: dict[str, str]
) -> None:
    Story(writer, "export").end()
    story = Story(writer, "import")
    story.step("parse")
    story.say("said before the fall")
    story.end_step("parse", end=2, error=("ValueError", "no", "Traceback"))
    story.end(error=("ValueError", "no", "Traceback"))
    environment["PYTHONIOENCODING"] = encoding

    def said(*command: str) -> str:
        return on_terminal([sys.executable, "-m", "otel_joblog", *command], environment, 120, encoding)

    assert "x error" in said("list")
    assert "+ success" in said("list")
    assert "x error parse" in said("show", story.run_id)
    assert "+ versions" in said("doctor")
    for command in (["jobs"], ["stats"], ["errors"], ["search", "said"], ["--help"], ["journal", "list"]):
        assert "UnicodeEncodeError" not in said(*command)


def test_a_name_that_a_terminal_cannot_show_is_told_by_its_numbers(
    writer: Writer, environment: dict[str, str], otel_joblog: Command
) -> None:
    Story(writer, "日報").end()
    environment["PYTHONIOENCODING"] = "latin-1"
    assert r"\u65e5\u5831" in otel_joblog("list").stdout


@pytest.mark.parametrize("command", [["list"], ["export", "--all"], ["list", "--json"]], ids=" ".join)
def test_a_pipe_that_closes_early_ends_a_command_as_it_ends_others(
    command: list[str], writer: Writer, environment: dict[str, str]
) -> None:
    for _ in range(40):
        story = Story(writer, "chatty")
        story.say(*["x" * 2_000] * 3)
        story.end()
    reading, writing = os.pipe()
    os.close(reading)  # nobody reads at all: the earliest that `head` can close
    done = subprocess.run(
        [sys.executable, "-m", "otel_joblog", *command],
        env=environment, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize("name", ["runs.jsonl", "runs.jsonl.gz"])
def test_an_exported_file_is_its_makers_alone(
    name: str, hostile: Story, environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / name
    command = [sys.executable, "-m", "otel_joblog", "export", hostile.run_id, "-o", str(path)]
    subprocess.run(command, env=environment, check=True, umask=0o022)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)  # what somebody decided stays
    subprocess.run(command, env=environment, check=True, umask=0o022)
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_our_own_log_quotes_is_in_sight_too(caplog: pytest.LogCaptureFixture) -> None:
    diagnostics.report("test_terminals", "could not be stored: %s, %d times", ValueError(f"100 % of {HOSTILE}"), 3)
    diagnostics.report("test_terminals, whole", "100 % is said as it is")
    assert [record.getMessage() for record in caplog.records] == [
        f"otel_joblog: could not be stored: 100 % of {IN_SIGHT.replace('[U+202E]', chr(0x202E))}, 3 times",
        "otel_joblog: 100 % is said as it is",
    ]


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    "command", ["doctor", "journal list", "journal drop embedded", "recover", "journal send \x1b[2J"]
)
def test_what_waits_and_what_lies_about_is_told_without_being_obeyed(
    command: str, terminal: bool, environment: dict[str, str], tmp_path: Path
) -> None:
    before = {name: value for name, value in environment.items() if name != "OTEL_JOBLOG_DSN"}
    program = f"from otel_joblog import job\nwith job({HOSTILE!r}): print('x')"
    subprocess.run([sys.executable, "-c", program], env=before, check=True, capture_output=True)
    (tmp_path / "state" / "journal" / HOSTILE).mkdir()
    words = [sys.executable, "-m", "otel_joblog", *command.split()]
    if terminal:
        said = on_terminal(words, environment, 300, answer="n\n")
    else:
        done = subprocess.run(words, env=environment, input="n\n", capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
    assert (IN_SIGHT if "\x1b" not in command else r"nothing waits for '\x1b[2J'") in said
    assert not OBEYED.search(said)


def test_all_that_commands_print_goes_through_what_shows_it_harmless() -> None:
    by_others = re.compile(r"click\.(?:s?echo|style|prompt)\(|(?<![.\w])(?<!def )print\(")
    folder = Path(cli.__file__).parent
    found = {
        f"{path.name}: {line.strip()}"
        for path in folder.rglob("*.py")
        if path.name not in {"say.py", "terminal.py"}
        for line in path.read_text().splitlines()
        if by_others.search(line)
    }
    assert found == {
        "db.py: click.echo(settings.dsn or server.uri)  # for psql: as it is",
        'users.py: password = click.prompt("Password", hide_input=True, confirmation_prompt="Again")',  # our words only
    }
