"""A command through ``otel-joblog run`` prints the same bytes and ends with the same code as without."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from otel_joblog.conventions import RunStatus
from tests.command.running import RUN, UNSHARE, Running, may_be_first, until

# Those that end a process which does nothing about them.
DEADLY = sorted(
    number
    for number in signal.valid_signals()
    if number
    not in {
        signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGURG,
        signal.SIGWINCH,
    }
    and (number < 32 or number in {signal.SIGRTMIN, signal.SIGRTMAX})
)  # fmt: skip

EVERY_BYTE = (
    "import sys; out = sys.stdout.buffer; out.write(bytes(range(256)) * 40); sys.stderr.buffer.write(b'\\xff\\r')"
)
MUCH = """
import os
for number in range(200):
    os.write(1, b"%07d" % number + b"x" * 20_000 + b"\\n" * (number % 3))
    os.write(2, b"e" * (number % 1_000))
"""
COMMANDS: dict[str, list[str]] = {
    "both streams": ["sh", "-c", "echo out; echo err >&2; echo out again"],
    "nothing": ["true"],
    "no newline at the end": ["printf", "a\\nb"],
    "every byte there is": [sys.executable, "-c", EVERY_BYTE],
    "redraws": ["printf", "1%%\\r2%%\\r3%%\\ndone\\n"],
    "much of both": [sys.executable, "-c", MUCH],
    "what it reads from stdin": ["sh", "-c", "cat; echo; wc -c < /dev/null"],
    "its arguments": ["printf", "[%s]\\n", "a b", "", "--name", "--", "$HOME", "ü\udcff"],
    "options that are also ours": ["echo", "--timeout", "5", "-h"],
    "its folder and variables": ["sh", "-c", "pwd; env | grep -v -e TRACEPARENT -e ^_= -e PARENT_RUN | sort"],
    "signals as a program expects them": [
        "sh",
        "-c",
        "grep -e SigBlk -e SigIgn /proc/self/status | sed 's/.*\\(.......\\)$/\\1/'",
    ],
    "open files": ["sh", "-c", "ls /dev/fd | head -3"],
    "a child killed inside": ["sh", "-c", "sh -c 'kill -9 $$'; echo $?"],
    **{f"exit status {code}": ["sh", "-c", f"echo {code}; exit {code}"] for code in (1, 2, 42, 75, 124, 126, 127, 255)},
    **{
        f"death by {signal.Signals(number).name}": ["sh", "-c", f"ulimit -c 0; echo before; kill -{int(number)} $$"]
        for number in DEADLY
    },
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_prints_and_ends_as_it_does_alone(running: Running, command: list[str]) -> None:
    through, alone = running(*command, stdin=b"in\0put"), running.directly(*command, stdin=b"in\0put")
    assert (through.stdout, through.stderr) == (alone.stdout, alone.stderr)
    assert through.returncode == alone.returncode


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("ending", ["return 5;", "abort();", "*(volatile int *)0 = 1;", "_exit(6);"])
def test_a_program_in_c_prints_and_ends_as_it_does_alone(running: Running, tmp_path: Path, ending: str) -> None:
    (tmp_path / "program.c").write_text(
        textwrap.dedent(f"""
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            int main(void) {{ printf("buffered"); write(1, "at once\\n", 8); fputs("oh\\n", stderr); {ending} }}
        """)
    )
    subprocess.run(["cc", "-w", "-o", "program", "program.c"], cwd=tmp_path, check=True)
    program = str(tmp_path / "program")
    through, alone = running(program), running.directly(program)
    assert (through.stdout, through.stderr, through.returncode) == (alone.stdout, alone.stderr, alone.returncode)


def test_a_command_that_does_not_exist_is_127(running: Running) -> None:
    done = running("no-such-command")
    assert (done.returncode, done.stdout) == (127, b"")
    assert done.stderr == b"otel-joblog run: no-such-command: command not found\n"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_cannot_be_executed_is_126(running: Running, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    path.mkdir() if kind == "folder" else path.write_text("#!/bin/sh\n")
    done = running(str(path))
    assert (done.returncode, done.stdout) == (126, b"")
    assert done.stderr == f"otel-joblog run: {path}: Permission denied\n".encode()


def test_a_script_that_does_not_say_what_runs_it_is_the_shells(running: Running, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo from $0 $1\nexit 9\n")
    script.chmod(0o755)
    done = running("./script", "x")
    assert (done.returncode, done.stdout) == (9, b"from ./script x\n")


def test_it_runs_where_it_is_told_to(running: Running, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert running("pwd", options=("--cwd", "there")).stdout == f"{tmp_path}/there\n".encode()
    assert running("pwd", options=("--cwd", "nowhere")).returncode == 127


FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
TRAPS = 'trap "echo got it; exit 7" INT TERM HUP QUIT; echo ready; while :; do sleep 0.05; done'


@pytest.mark.parametrize("number", FORWARDED)
@pytest.mark.parametrize("program", [TRAPS, "ulimit -c 0; echo ready; exec sleep 60"], ids=["handled", "unhandled"])
def test_a_signal_reaches_the_command(running: Running, number: signal.Signals, program: str) -> None:
    ends = []
    for wrapped in (True, False):
        with running.start("sh", "-c", program, wrapped=wrapped) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        code = process.returncode
        ends.append((out, err, 128 - code if code < 0 else code))
    assert ends[0] == ends[1]


def test_what_ignores_a_signal_goes_on(running: Running) -> None:
    with running.start("sh", "-c", "trap '' HUP; echo ready; read x < fifo; echo done", fifo=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGHUP)
        (running.folder / "fifo").write_text("go\n")
        assert process.communicate(timeout=60) == (b"done\n", b"")
    assert process.returncode == 0


@pytest.mark.parametrize("leader", ["exec sleep 60", "trap '' TERM; sleep 60"], ids=["obedient", "deaf"])
@pytest.mark.parametrize("pipes", ["", ">/dev/null 2>&1"], ids=["open", "closed"])
def test_a_timeout_ends_the_command_and_what_it_started(running: Running, leader: str, pipes: str) -> None:
    program = f"(trap '' TERM; exec sleep 600) {pipes} & echo $!; {leader}"
    done = running("sh", "-c", program, options=("--timeout", "0.3", "--kill-after", "0.3"))
    grandchild = int(done.stdout)
    try:
        until(lambda: not goes_on(grandchild))
    except AssertionError:
        os.kill(grandchild, signal.SIGKILL)
        raise
    assert done.returncode == 124


def test_what_ends_by_itself_after_a_timeout_is_not_killed(running: Running) -> None:
    cleans_up = "trap 'sleep 1; echo cleaned up; exit' TERM; echo ready; while :; do sleep 0.05; done"
    with running.start("sh", "-c", f"({cleans_up}) & exec sleep 60", options=("--timeout", "0.5")) as process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (124, b"ready\ncleaned up\n")


def goes_on(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGTERM], ids=["its time is up", "it is cancelled"])
def test_what_comes_when_the_command_has_ended_changes_nothing(running: Running, number: signal.Signals) -> None:
    """While the wrapper waits for what still holds the pipes. The timer of ``--timeout`` is SIGALRM."""
    with running.start("sh", "-c", "sleep 600 & echo $$ $!; exit 3", options=("--timeout", "1h")) as process:
        assert process.stdout is not None
        command, holder = map(int, process.stdout.readline().split())
        until(lambda: not psutil.pid_exists(command))
        time.sleep(0.1)  # until the wrapper has seen that, too
        process.send_signal(number)
        process.wait(60)
        os.kill(holder, signal.SIGKILL)
    assert process.returncode == 3
    ended = running.ended()
    assert (ended.status, ended.message) == (RunStatus.ERROR, "exited with status 3")


def test_a_grandchild_that_holds_the_pipes_does_not_hold_us(running: Running) -> None:
    with running.start("sh", "-c", "sleep 600 & echo $!; exit 4") as process:
        assert process.wait(30) == 4
        assert process.stdout is not None
        os.kill(int(process.stdout.readline()), signal.SIGKILL)


def test_whoever_stops_reading_stops_the_command(running: Running) -> None:
    with running.start("yes") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(60) == 128 + signal.SIGPIPE


def test_output_arrives_while_the_command_goes_on(running: Running) -> None:
    with running.start("sh", "-c", "echo first; read line < fifo; echo $line", fifo=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"first\n"
        (running.folder / "fifo").write_text("second\n")
        assert process.stdout.readline() == b"second\n"


def test_nobody_waits_for_the_scribe(running: Running) -> None:
    """``communicate`` returns when nobody has our stdout or stderr open any more."""
    stopped = "import os, signal, time; time.sleep(0.1)"
    done = running(sys.executable, "-c", stopped)
    assert done.returncode == 0
    until(lambda: running.records())


@pytest.mark.skipif(not may_be_first(), reason="no namespaces of processes here")
@pytest.mark.parametrize(
    "program",
    [
        "echo $$; echo err >&2; exit 3",
        "kill -9 $$",
        "for n in 1 2 3; do (sleep 0.05 &) ; done; sleep 0.3; exit 6",
    ],
)
def test_as_the_first_process_of_a_container_it_is_the_same(running: Running, program: str) -> None:
    inside = running._run([*UNSHARE, *RUN, "--", "sh", "-c", program], b"", {})
    alone = running._run([*UNSHARE, "sh", "-c", f"sh -c '{program}'; exit $?"], b"", {})
    assert (inside.stdout, inside.stderr) == (alone.stdout, b"err\n" if b"err" in alone.stderr else b"")
    assert inside.returncode == alone.returncode


LEAVES = """
import pathlib, subprocess, time
for _ in range(5):
    subprocess.run(["sh", "-c", "sleep 0.1 &"])
time.sleep(1)
states = [path.read_text().rpartition(")")[2].split()[0] for path in pathlib.Path("/proc").glob("[0-9]*/stat")]
print(len(states) > 1, states.count("Z"))
"""


@pytest.mark.skipif(not may_be_first(), reason="no namespaces of processes here")
def test_as_the_first_process_it_reaps_what_others_leave(running: Running, tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text(LEAVES)
    done = running._run([*UNSHARE, "--mount-proc", *RUN, "--", sys.executable, "leaves.py"], b"", {})
    assert (done.returncode, done.stdout) == (0, b"True 0\n"), done.stderr


def test_what_a_command_prints_is_held_back_unless_it_fails(running: Running) -> None:
    quiet = ("--quiet-on-success",)
    assert running("sh", "-c", "echo out; echo err >&2", options=quiet).stdout == b""
    failed = running("sh", "-c", "echo out; echo err >&2; exit 3", options=quiet)
    assert (failed.returncode, failed.stdout, failed.stderr) == (3, b"out\n", b"err\n")
    much = running(sys.executable, "-c", f"{MUCH}\nraise SystemExit(1)", options=quiet)
    alone = running.directly(sys.executable, "-c", MUCH)
    assert (much.stdout, much.stderr) == (alone.stdout, alone.stderr)


def test_help_is_printed_and_a_mistake_is_told() -> None:
    shown = subprocess.run([*RUN, "--help"], capture_output=True, text=True, check=True).stdout
    assert "--quiet-on-success" in shown
    listed = subprocess.run([sys.executable, "-m", "otel_joblog", "--help"], capture_output=True, text=True, check=True)
    assert "\n  run " in listed.stdout
    for mistake in (["--timeout", "soon", "--", "true"], ["--nonsense", "true"], [], ["--"]):
        done = subprocess.run([*RUN, *mistake], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "usage: otel-joblog run" in done.stderr
