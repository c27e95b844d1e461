"""A command that failed says why: the last line of its stderr is the message, and the kind of its error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from otel_joblog.command.lastwords import LastWords
from otel_joblog.conventions import Attribute, RunStatus
from otel_joblog.web.app import create_app
from tests.command.running import Running, until
from tests.loopback import serving
from tests.processes import environment

MANY = "for n in $(seq 1 15); do echo line $n >&2; done; echo out; exit 2"
SAID = [f"line {number}" for number in range(6, 16)]


def test_the_last_line_on_stderr_is_the_message_and_ten_are_kept(running: Running) -> None:
    running("sh", "-c", MANY)
    ended = running.ended()
    assert (ended.status, ended.message) == (RunStatus.ERROR, "line 15")
    assert ended.attributes[Attribute.ERROR_TYPE] == "Exit status 2"
    assert ended.attributes[Attribute.ERROR_OUTPUT].split("\n") == SAID


SILENT = {
    "nothing": ("exit 2", {}),
    "only stdout": ("echo oh; exit 2", {}),
    "only white space": ("printf '\\n  \\n\\r\\n' >&2; exit 2", {}),
    "nothing that is kept": ("echo oh >&2; exit 2", {"OTEL_JOBLOG_CAPTURE_OUTPUT": "false"}),
}


@pytest.mark.parametrize(("program", "variables"), SILENT.values(), ids=SILENT)
def test_without_one_the_message_says_the_code_in_words(
    running: Running, program: str, variables: dict[str, str]
) -> None:
    running("sh", "-c", program, **variables)
    ended = running.ended()
    assert (ended.message, ended.attributes[Attribute.ERROR_TYPE]) == ("exited with status 2", "Exit status 2")
    assert Attribute.ERROR_OUTPUT not in ended.attributes


LAST: dict[str, tuple[str, str]] = {
    "blank lines after it": ("echo oh >&2; echo >&2; echo '  ' >&2; exit 2", "oh"),
    "no newline": ("printf 'one\\noh' >&2; exit 2", "oh"),
    "redrawn": ("printf '1%%\\r100%%\\roh' >&2; exit 2", "oh"),
    "in colour": ("printf '\\033[1;31moh\\033[0m no\\n\\033]0;title\\007' >&2; exit 2", "oh no"),
    "a secret": ("echo password=hunter2 >&2; exit 2", "password=[redacted]"),
    "bytes that are no text": ("printf 'caf\\351\\n' >&2; exit 2", "caf\\xe9"),
    "long": ("head -c 5000 /dev/zero | tr '\\0' x >&2; exit 2", "x" * 999 + "…"),
    "a traceback": (f"{sys.executable} -c 'raise ValueError(3)'", "ValueError: 3"),
}


@pytest.mark.parametrize(("program", "message"), LAST.values(), ids=LAST)
def test_of_any_kind_it_is_fit_for_a_message(running: Running, program: str, message: str) -> None:
    running("sh", "-c", program)
    assert running.ended().message == message


def test_one_that_was_killed_says_by_what_and_what_it_said_last(running: Running) -> None:
    running("sh", "-c", "echo working >&2; kill -9 $$")
    ended = running.ended()
    assert (ended.message, ended.attributes[Attribute.ERROR_TYPE]) == ("killed by SIGKILL", "SIGKILL")
    assert ended.attributes[Attribute.ERROR_OUTPUT] == "working"


def test_one_that_succeeds_has_nothing_to_explain(running: Running) -> None:
    running("sh", "-c", "echo careful >&2")
    ended = running.ended()
    assert (ended.message, Attribute.ERROR_OUTPUT in ended.attributes) == ("", False)


def test_the_last_words_are_those_of_all_that_was_said() -> None:
    words = LastWords()
    for lines in (b"a\nb", b"", b"\n\n", b"\n".join(b"%d" % number for number in range(9))):
        words.add(lines)
    assert words.lines == ["b", *map(str, range(9))]
    words.add(b"x\n" * 20_000 + b"y" * 20_000 + b"\nend\n")
    assert words.lines == ["x"] * 8 + ["y" * 999 + "…", "end"]


def test_page_and_command_line_show_it_and_errors_are_grouped_by_it(tmp_path: Path, dsn: str) -> None:
    running = Running(tmp_path)
    for number in (3, 14):
        running("sh", "-c", f"echo before >&2; echo no room for {number} rows >&2; exit 2", OTEL_JOBLOG_DSN=dsn)
    running("sh", "-c", "echo something else >&2; exit 2", OTEL_JOBLOG_DSN=dsn)
    with serving(create_app(dsn)) as address, httpx.Client(base_url=address, timeout=60) as web:
        runs = until(lambda: found if len(found := web.get("/api/v1/runs").json()["items"]) == 3 else None)
        run_id = next(run["run_id"] for run in runs if "14" in run["status_message"])
        page = re.sub(r"\s+", " ", web.get(f"/runs/{run_id}").text)
        errors = re.sub(r"<[^>]+>|\s+", " ", web.get("/errors").text)
    assert "<bdi>Exit status 2</bdi>" in page
    assert re.search(r'aria-label="Last lines of stderr">before no room for 14 rows</pre>', page)
    assert re.search(r"2 +Exit status 2 +no room for &lt;n&gt; rows", errors)
    shown = subprocess.run(
        [sys.executable, "-m", "otel_joblog", "show", run_id],
        env=environment(tmp_path / "state", OTEL_JOBLOG_DSN=dsn),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Exit status 2: no room for 14 rows\nbefore\nno room for 14 rows\n" in shown
