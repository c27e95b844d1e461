"""What ``otel-joblog run`` leaves in the journal."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_joblog.conventions import Attribute, RunStatus, Stream
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.recovery import closing_records, dead_journals
from otel_joblog.journal.segments import DiskSegments
from otel_joblog.records import Line, Process, SpanEnded, SpanStarted, format_run_id
from otel_joblog.timezone import local_timezone
from tests.command.running import Running, until
from tests.processes import journaled

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def lines(running: Running) -> list[tuple[int, str]]:
    return [(line.stream, line.message) for line in running.records() if isinstance(line, Line)]


def test_every_line_is_kept_with_its_stream_and_number(running: Running) -> None:
    running("sh", "-c", "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf 'three\\nfour'")
    found = [line for line in running.records() if isinstance(line, Line)]
    assert [(line.seq, Stream(line.stream).name, line.message) for line in found] == [
        (1, "STDOUT", "one"), (2, "STDERR", "two"), (3, "STDOUT", "three"), (4, "STDOUT", "four"),
    ]  # fmt: skip
    assert (running.ended().lines, running.ended().attributes[Attribute.LINES]) == (4, 4)


def test_however_short_lines_are_they_are_read_in_batches_of_bounded_size(running: Running) -> None:
    running("sh", "-c", "head -c 524288 /dev/zero | tr '\\0' '\\n'")
    until(lambda: not running.background())
    (folder,) = dead_journals(running.folder / "state" / "journal")
    reader = JournalReader(DiskSegments(folder), Cursor())
    numbers: list[int] = []
    while (batch := reader.read()).end != reader.cursor:
        assert len(batch.records) <= 10_000 + 2  # who says them, and the run's start
        numbers += [record.seq for record in batch.records if isinstance(record, Line)]
        reader.cursor = batch.end
    assert numbers == list(range(1, 524_289))


POISON = """
import pathlib
pathlib.Path("imported").touch()
raise ImportError("from the command's folder")
"""


def test_nothing_is_imported_from_the_folder_of_the_command(running: Running, tmp_path: Path) -> None:
    for module in ("msgspec", "random", "threading", "sitecustomize", "otel_joblog"):
        (tmp_path / f"{module}.py").write_text(POISON)
    run = [sys.executable, "-P", "-m", "otel_joblog", "run"]  # as the script otel-joblog has it
    done = running.directly(*run, "--", "echo", "out")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"out\n", b"")
    assert lines(running) == [(1, "out")]
    assert not (tmp_path / "imported").exists()


def test_of_a_line_that_is_redrawn_its_last_state_is_kept(running: Running) -> None:
    running("printf", "  1%%\\r 50%%\\r100%%\\r\\nleft\\r\\n\\nlast\\r")
    assert [message for _, message in lines(running)] == ["100%", "left", "", "last"]


def test_bytes_that_are_no_text_are_kept_as_escapes(running: Running) -> None:
    running("printf", "caf\\303\\251 \\377\\n")
    assert lines(running) == [(1, "café \\xff")]


def test_secrets_are_taken_out_of_lines_and_of_the_command(running: Running) -> None:
    running("printf", "%s\\n", "fine", "password=hunter22", "also fine", "--token", "abcdef0123")
    records = running.records()
    assert [record.message for record in records if isinstance(record, Line)] == [
        "fine", "password=[redacted]", "also fine", "--token", "abcdef0123",
    ]  # fmt: skip
    arguments = running.ended().attributes[Attribute.PROCESS_COMMAND_ARGS]
    assert arguments[3:] == ["password=[redacted]", "also fine", "--token", "[redacted]"]


MASKED = ["printf", "-p[redacted]", "x", "password=[redacted]"]
KEPT = {"": MASKED, "true": ["printf", "-phunter2", "x", "password=[redacted]"], "false": ["printf"]}


@pytest.mark.parametrize(("setting", "kept"), KEPT.items())
def test_the_setting_for_arguments_holds_for_those_of_a_command(
    running: Running, setting: str, kept: list[str]
) -> None:
    running("printf", "-phunter2", "x", "password=hunter2", OTEL_JOBLOG_ARGUMENTS=setting)
    assert running.ended().attributes[Attribute.PROCESS_COMMAND_ARGS] == kept


def test_a_password_in_the_name_of_a_command_is_kept_nowhere(running: Running) -> None:
    done = running("mysqldump -phunter2 shop")
    assert done.returncode == 127
    assert running.ended().name == "mysqldump -p[redacted] shop"
    assert b"hunter2" not in b"".join(path.read_bytes() for path in running.folder.rglob("*") if path.is_file())


def test_a_run_says_what_it_was_told_about_itself(running: Running) -> None:
    options = ["--name", "nightly", "--reference", "2026-11-03", "--owner", "ops", "--trigger", "manual", "--schedule"]
    running("sh", "-c", "exit 0", options=(*options, "0 3 * * *"))
    started = next(record for record in running.records() if isinstance(record, SpanStarted))
    ended = running.ended()
    assert (ended.name, ended.status, ended.message) == ("nightly", RunStatus.SUCCESS, "")
    expected = {
        Attribute.JOB_NAME: "nightly", Attribute.JOB_TYPE: "cron", Attribute.REFERENCE: "2026-11-03",
        Attribute.OWNER: "ops", Attribute.TRIGGER: "manual", Attribute.SCHEDULE: "0 3 * * *",
        Attribute.SCHEDULE_TIMEZONE: local_timezone(),
        Attribute.PROCESS_COMMAND_ARGS: ["sh", "-c", "exit 0"],
    }  # fmt: skip
    assert expected.items() <= started.attributes.items()
    assert expected.items() <= ended.attributes.items()


ENDINGS: dict[str, tuple[tuple[str, ...], list[str], RunStatus, int, str]] = {
    "success": ((), ["true"], RunStatus.SUCCESS, 0, ""),
    "failure": ((), ["sh", "-c", "exit 3"], RunStatus.ERROR, 3, "exited with status 3"),
    "killed": ((), ["sh", "-c", "kill -9 $$"], RunStatus.ERROR, 137, "killed by SIGKILL"),
    "timed out": (("--timeout", "0.2"), ["sleep", "60"], RunStatus.TIMEOUT, 124, "timed out after 0.2 s"),
    "deaf": (
        ("--timeout", "0.2", "--kill-after", "0.2"),
        ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
        RunStatus.TIMEOUT,
        124,
        "timed out after 0.2 s; it had to be killed",
    ),
    "missing": ((), ["no-such-command"], RunStatus.ERROR, 127, "no-such-command: command not found"),
}


@pytest.mark.parametrize(("options", "command", "status", "code", "message"), ENDINGS.values(), ids=ENDINGS)
def test_how_it_ends_is_told_in_words(
    running: Running, options: tuple[str, ...], command: list[str], status: RunStatus, code: int, message: str
) -> None:
    running(*command, options=options)
    ended = running.ended()
    assert (ended.status, ended.attributes[Attribute.EXIT_CODE], ended.message) == (status, code, message)


def test_one_that_somebody_stops_is_cancelled(running: Running) -> None:
    with running.start("sh", "-c", "echo ready; exec sleep 60") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
    ended = running.ended()
    assert (ended.status, ended.message) == (RunStatus.CANCELLED, "SIGTERM was received")
    assert ended.attributes[Attribute.EXIT_CODE] == 143


def test_one_whose_wrapper_is_killed_is_left_open(running: Running) -> None:
    with running.start("sh", "-c", "echo $$; exec sleep 60") as process:
        assert process.stdout is not None
        command = int(process.stdout.readline())
        until(lambda: running.scribes())
        process.kill()
    os.kill(command, signal.SIGKILL)
    until(lambda: not running.scribes() and journaled(running.folder))
    assert {type(record) for record in journaled(running.folder)} == {Process, SpanStarted, Line}


def test_what_the_command_used_is_kept(running: Running) -> None:
    running(sys.executable, "-c", "x = bytearray(60_000_000)\nfor _ in range(2_000_000): pass")
    attributes = running.ended().attributes
    assert attributes[Attribute.PROCESS_MEMORY_PEAK] > 60_000_000
    assert attributes[Attribute.PROCESS_CPU_USER] > 0
    assert attributes[Attribute.PROCESS_SWITCHES_VOLUNTARY] >= 0


def test_a_command_is_a_part_of_the_trace_around_it(running: Running) -> None:
    show = 'echo "$TRACEPARENT $OTEL_JOBLOG_PARENT_RUN $TRACESTATE $BAGGAGE"'
    given = {"TRACEPARENT": f"00-{TRACE}-{SPAN}-00", "TRACESTATE": "a=b", "BAGGAGE": "who=me"}
    said = running("sh", "-c", show, **given).stdout.decode().split()
    ended = running.ended()
    run_id = format_run_id(ended.trace_id, ended.span_id)
    assert (ended.trace_id.hex(), ended.parent_id, ended.sampled) == (TRACE, bytes.fromhex(SPAN), False)
    assert said == [f"00-{run_id}-00", run_id, "a=b", "who=me"]


def test_a_command_may_be_kept_out_of_traces(running: Running) -> None:
    given = {"TRACEPARENT": f"00-{TRACE}-{SPAN}-01"}
    said = running("sh", "-c", "echo $TRACEPARENT$OTEL_JOBLOG_PARENT_RUN", options=("--no-env-context",), **given)
    assert said.stdout.decode() == f"00-{TRACE}-{SPAN}-01\n"
    assert running.ended().parent_id is None


JOB = "from otel_joblog import job\n@job\ndef inner():\n    {}\ninner()"


def test_a_job_inside_is_a_child_of_the_command(running: Running) -> None:
    running(sys.executable, "-c", JOB.format("print('inside')"), options=("--name", "outer"))
    ends = {record.name: record for record in running.records(2) if isinstance(record, SpanEnded)}
    inner, outer = ends["inner"], ends["outer"]
    assert (inner.trace_id, inner.parent_id, inner.parent_run) == (outer.trace_id, outer.span_id, outer.span_id)
    assert inner.attributes[Attribute.TRIGGER] == "parent"


@pytest.mark.parametrize(
    ("dies", "verdict"),
    [
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("import os; os._exit(3)", "exited with status 3"),
    ],
)
def test_the_wrapper_knows_how_a_job_inside_died(running: Running, dies: str, verdict: str) -> None:
    running(sys.executable, "-c", JOB.format(dies), options=("--name", "outer"))
    running.records()
    journals = dead_journals(running.folder / "state" / "journal")
    ends = [end for journal in journals for end in closing_records(journal)[1]]
    assert [(end.name, end.status, end.message) for end in ends] == [("inner", RunStatus.LOST, verdict)]


def test_a_bad_setting_is_told_once_and_the_command_runs(running: Running) -> None:
    bad: dict[str, Any] = {"OTEL_JOBLOG_LOG_LEVEL": "loud", "OTEL_JOBLOG_FSYNC": "often"}
    done = running("sh", "-c", "echo out; sleep 2; exit 5", **bad)
    assert (done.returncode, done.stdout) == (5, b"out\n")
    (told,) = done.stderr.decode().splitlines()
    assert told.startswith("otel_joblog: OTEL_JOBLOG_LOG_LEVEL='loud' cannot be used")


def test_a_state_folder_that_cannot_be_is_told_once_and_the_command_runs(running: Running, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = running("sh", "-c", "echo out; sleep 2; exit 5", OTEL_JOBLOG_STATE_DIR=str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (5, b"out\n")
    (told,) = done.stderr.decode().splitlines()
    assert re.match("otel_joblog: the journal cannot be written", told)


def test_where_recording_is_off_nothing_is_written(running: Running) -> None:
    done = running("echo", "out", OTEL_JOBLOG_ENABLED="false")
    until(lambda: not running.scribes())
    assert (done.stdout, list((running.folder / "state" / "journal").glob("2*"))) == (b"out\n", [])
