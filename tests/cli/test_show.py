"""How much of a run ``show`` prints, and how ``--follow`` goes on until the run's end."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from otel_joblog.conventions import RunStatus, Severity
from otel_joblog.store.write.writer import Writer
from tests.cli.commands import Command
from tests.cli.ptys import on_terminal
from tests.web.story import Story


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    with contextlib.closing(Writer(dsn)) as writer:
        yield writer


def messages(shown: str) -> list[str]:
    """Those of the lines, which begin with their time."""
    return re.findall(r"^\d{4}-\d\d-\d\dT\S+ \S+ +\S+ \S+ (.*)$", shown, re.MULTILINE)


def test_the_last_fifty_lines_are_shown_unless_more_or_fewer_are_asked_for(
    writer: Writer, otel_joblog: Command
) -> None:
    story = Story(writer)
    story.say(*(f"line {number}" for number in range(2_345)))
    story.end()
    last = [f"line {number}" for number in range(2_295, 2_345)]
    shown = otel_joblog("show", story.run_id).stdout
    assert messages(shown) == last
    assert "The last 50 of 2,345 lines (--all prints them all). Times: " in shown
    assert messages(otel_joblog("show", story.run_id, "--lines", "3").stdout) == last[-3:]
    assert messages(otel_joblog("show", story.run_id, "--lines", "1200").stdout)[0] == "line 1145"
    everything = otel_joblog("show", story.run_id, "--all").stdout
    assert messages(everything) == [f"line {number}" for number in range(2_345)]
    assert "\n2,345 lines. Times: " in everything
    assert "type " not in shown
    assert re.search(r"^name +\d{14}$", everything, re.MULTILINE), "all facts, too"


def test_lines_that_warn_are_counted_and_shown_alone(writer: Writer, otel_joblog: Command) -> None:
    story = Story(writer)
    story.say("fine", "still fine")
    story.say("odd", severity=Severity.WARN)
    story.say("wrong", "very wrong", severity=Severity.ERROR)
    story.end()
    shown = otel_joblog("show", story.run_id, "--errors", "--lines", "2").stdout
    assert messages(shown) == ["wrong", "very wrong"]
    assert "The last 2 of 3 lines that warn or tell of errors" in shown
    assert "1 warning, 2 errors" in shown


def test_json_has_the_lines_that_the_text_has(writer: Writer, otel_joblog: Command) -> None:
    story = Story(writer)
    story.say(*map(str, range(1_500)))
    for arguments, first, count in (((), "1450", 50), (("--lines", "2"), "1498", 2), (("--all",), "0", 1_500)):
        logs = json.loads(otel_joblog("show", story.run_id, "--json", *arguments).stdout)["logs"]
        assert (logs[0]["message"], len(logs)) == (first, count)
    assert json.loads(otel_joblog("show", story.run_id, "--json", "--errors").stdout)["logs"] == []


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_all_lines_take_no_more_memory_than_a_page_of_them(
    how: tuple[str, ...], writer: Writer, environment: dict[str, str]
) -> None:
    story = Story(writer)
    for _ in range(8):
        story.say(*("x" * 10_000 for _ in range(1_000)))
    story.end()
    peak = "import subprocess, resource, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
    peak += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"

    def kilobytes(*arguments: str) -> int:
        command = [sys.executable, "-c", peak, sys.executable, "-m", "otel_joblog", "show", story.run_id, *arguments]
        return int(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)

    assert kilobytes("--all", *how) - kilobytes("--lines", "1", *how) < 30_000  # of 80,000 that there are


def test_a_screen_shows_the_beginning_of_what_is_long_and_the_steps_that_matter(
    writer: Writer, environment: dict[str, str], otel_joblog: Command
) -> None:
    story = Story(writer)
    for number in range(40):
        story.step(f"step-{number}", begin=number)
        story.end_step(
            f"step-{number}", begin=number, end=number + 1, error=("E", "no", "Traceback") if number == 33 else None
        )
    story.end(error=("ValueError", "m" * 5_000, "Traceback\n" + "t" * 5_000))
    command = [sys.executable, "-m", "otel_joblog", "show", story.run_id]
    screen = on_terminal(command, environment, 120)
    assert screen.count("characters more: --all prints them") == 2
    assert "step-33" in screen
    assert "step-32" not in screen
    assert "… and 39 steps more" in screen
    assert "step-32" in on_terminal([*command, "--all"], environment, 120)
    piped = otel_joblog("show", story.run_id).stdout
    assert "m" * 5_000 in piped
    assert "t" * 5_000 in piped


def test_a_new_day_is_told_between_lines(writer: Writer, environment: dict[str, str]) -> None:
    story = Story(writer, began=1_730_591_990 * 10**9)  # ten seconds before midnight, UTC
    story.say("before", at=1)
    story.say("after", at=11)
    story.end()
    shown = on_terminal([sys.executable, "-m", "otel_joblog", "show", story.run_id, "--utc"], environment, 100)
    assert shown.endswith("23:59:51.000 INFO  · etl before\n— 2024-11-03 —\n00:00:01.000 INFO  · etl after\n")


# The program, which waits for the lines of an ended run for as long as a busy machine may need.
PATIENT = """
from otel_joblog.cli import main, show
show.SETTLING = 60
main()
"""


@contextmanager
def following(run_id: str, environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PATIENT, "show", "--follow", run_id, *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], message: str) -> list[str]:
    assert process.stdout
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.rstrip().endswith(message):
            return seen
    raise AssertionError(f"{message!r} did not come: {seen}")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.SUCCESS, 0),
        (RunStatus.SKIPPED, 0),
        (RunStatus.ERROR, 1),
        (RunStatus.TIMEOUT, 1),
        (RunStatus.LOST, 1),
        (RunStatus.CANCELLED, 1),
    ],
)
def test_the_exit_status_tells_how_a_followed_run_ended(
    status: RunStatus, code: int, writer: Writer, environment: dict[str, str]
) -> None:
    story = Story(writer)
    story.end(status, "because")
    with following(story.run_id, environment) as process:
        assert process.wait(60) == code


def test_lines_are_followed_as_they_come_each_once_until_the_end(writer: Writer, environment: dict[str, str]) -> None:
    story = Story(writer)
    story.say(*(f"early {number}" for number in range(60)), at=1)
    with following(story.run_id, environment) as process:
        begun = read_until(process, "early 59")
        assert len(messages("".join(begun))) == 50
        story.say("came", at=4)
        read_until(process, "came")
        story.say("of another process, and late", at=3)
        read_until(process, "of another process, and late")
        story.say("last", at=5)
        story.end(error=("ValueError", "no", "Traceback"))
        rest, _ = process.communicate(timeout=60)
        assert messages(rest) == ["last"]
        assert "✗ error  nightly-import" in rest
        assert "ValueError: no" in rest
        assert process.returncode == 1


def test_the_lines_of_an_ended_run_are_waited_for(writer: Writer, environment: dict[str, str]) -> None:
    story = Story(writer)
    story.say("first")
    with following(story.run_id, environment) as process:
        read_until(process, "first")
        story.end(emitted=2)
        story.say("on its way")
        rest, _ = process.communicate(timeout=60)
        assert (messages(rest), process.returncode) == (["on its way"], 0)


def test_a_database_that_is_away_for_a_while_is_waited_for(
    writer: Writer, environment: dict[str, str], dsn: str, postgres_dsn: str
) -> None:
    story = Story(writer)
    story.say("before")
    name = re.search(r"dbname=(\S+)", dsn)
    assert name
    with (
        following(story.run_id, environment) as process,
        psycopg.connect(postgres_dsn, autocommit=True) as administrator,
    ):
        read_until(process, "before")
        assert process.stderr
        administrator.execute(f"alter database {name[1]} allow_connections false".encode())
        administrator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name[1]])
        assert process.stderr.readline().endswith("Waiting for it.\n")
        administrator.execute(f"alter database {name[1]} allow_connections true".encode())
        writer.close()
        story.say("after")
        read_until(process, "after")
        story.end()
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_run_that_cannot_be_followed_is_no_failed_run(environment: dict[str, str]) -> None:
    with following("abcdef12", environment) as process:
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said[:37]) == (2, "Error: no run's id begins with 'abcde")


def test_ctrl_c_ends_the_following_quietly(writer: Writer, environment: dict[str, str]) -> None:
    story = Story(writer)
    story.say("first")
    with following(story.run_id, environment) as process:
        read_until(process, "first")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (130, "")


@pytest.mark.parametrize("arguments", [("--all", "--lines", "3"), ("--follow", "--json"), ("--lines", "0")])
def test_options_that_do_not_go_together_are_refused(arguments: tuple[str, ...], otel_joblog: Command) -> None:
    done = otel_joblog("show", "abcdef12", *arguments, check=False)
    assert done.returncode == 2
    assert "Error: " in done.stderr
