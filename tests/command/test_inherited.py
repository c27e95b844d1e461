"""What a command inherits through ``otel-joblog run`` is what it would inherit without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.command.running import RUN, Running, until
from tests.processes import environment

# Python ignores these two itself, and what was said of them before nobody can know.
PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}
CATCHABLE = {number for number in signal.valid_signals() if number not in {signal.SIGKILL, signal.SIGSTOP}}

SAYS = """
grep -e SigBlk -e SigIgn /proc/self/status | sed 's/[0-9a-f]*\\(.......\\)$/\\1/'
umask
pwd
env | grep -v -e TRACEPARENT -e ^_= -e PARENT_RUN | sort
ls /proc/self/fd
nice
echo err >&2; echo "wrote: $?"
cat; echo "read: $?" >&2
exit 3
"""
BEFORE = """
import os, signal, sys
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
{}
os.execvp(sys.argv[1], sys.argv[1:])
"""


def set_up(python: str) -> list[str]:
    return [sys.executable, "-c", BEFORE.format(python)]


def ignoring(*numbers: int) -> list[str]:
    return set_up(f"for number in {[*map(int, numbers)]}: signal.signal(number, signal.SIG_IGN)")


def blocking(*numbers: int) -> list[str]:
    return set_up(f"signal.pthread_sigmask(signal.SIG_BLOCK, {[*map(int, numbers)]})")


SURROUNDINGS: dict[str, list[str]] = {
    "nothing special": [],
    "LC_CTYPE of C": ["env", "-u", "LC_ALL", "-u", "LANG", "LC_CTYPE=C"],
    "no locale": ["env", "-u", "LC_ALL", "-u", "LANG", "-u", "LC_CTYPE"],
    "LC_CTYPE of C.UTF-8": ["env", "-u", "LC_ALL", "-u", "LANG", "LC_CTYPE=C.UTF-8"],
    "LC_ALL of C": ["env", "LC_ALL=C"],
    "next to no environment": ["sh", "-c", 'exec env -i OTEL_JOBLOG_STATE_DIR="$OTEL_JOBLOG_STATE_DIR" "$@"', "sh"],
    "bytes that are no text": set_up(r"os.environb[b'WORD'] = b'caf\xe9'"),
    "SIGCHLD blocked": blocking(signal.SIGCHLD),
    "SIGTERM, SIGINT and SIGPIPE blocked": blocking(signal.SIGTERM, signal.SIGINT, signal.SIGPIPE),
    "every signal blocked": blocking(*CATCHABLE),
    "SIGHUP ignored": ignoring(signal.SIGHUP),
    "SIGCHLD ignored": ignoring(signal.SIGCHLD),
    "every signal ignored": ignoring(*CATCHABLE - PYTHONS_OWN - {*range(32, 34)}),
    "six descriptors": ["sh", "-c", 'ulimit -n 6; exec "$@"', "sh"],
    "ten descriptors": ["sh", "-c", 'ulimit -n 10; exec "$@"', "sh"],
    "twelve descriptors": ["sh", "-c", 'ulimit -n 12; exec "$@"', "sh"],
    "no permissions at all": ["sh", "-c", 'umask 777; exec "$@"', "sh"],
    "a folder that is gone": ["sh", "-c", 'mkdir gone; cd gone; rmdir ../gone; exec "$@" 2>/dev/null', "sh"],
    "stdin closed": ["sh", "-c", 'exec "$@" <&-', "sh"],
    "stdout closed": ["sh", "-c", 'exec "$@" >&-', "sh"],
    "stderr closed": ["sh", "-c", 'exec "$@" 2>&-', "sh"],
    "stdout and stderr closed": ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"],
    "everything closed": ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"],
    "a file left open": ["sh", "-c", 'exec "$@" 7</dev/null', "sh"],
    "a lower priority": ["nice", "-n", "5"],
    "a session of its own": ["setsid", "--wait"],
    "another run": [*RUN, "--no-env-context", "--"],
}


def both(running: Running, before: list[str], *command: str) -> tuple[subprocess.CompletedProcess[bytes], ...]:
    return running.directly(*before, *RUN, "--", *command, stdin=b"in"), running.directly(
        *before, *command, stdin=b"in"
    )


@pytest.mark.parametrize("before", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_a_command_finds_what_it_would_find_without_us(running: Running, before: list[str]) -> None:
    through, alone = both(running, before, "sh", "-c", SAYS)
    warning = b"Too many open files"
    said = [line for line in through.stderr.splitlines() if line[:12] != b"otel_joblog:" or warning not in line]
    assert (through.stdout.splitlines(), said) == (alone.stdout.splitlines(), alone.stderr.splitlines())
    assert through.returncode == alone.returncode


def test_with_too_few_descriptors_it_runs_with_one_line_of_warning(running: Running) -> None:
    few = ["sh", "-c", 'ulimit -n 8; exec "$@"', "sh"]
    through, _ = both(running, few, "sh", "-c", "echo out; exit 3")
    assert (through.returncode, through.stdout) == (3, b"out\n")
    (warning,) = through.stderr.decode().splitlines()
    assert warning.startswith("otel_joblog: Too many open files: the command runs without being recorded")
    through, _ = both(running, few, "no-such-command")
    said = through.stderr.decode().splitlines()[1:]
    assert (through.returncode, said) == (127, ["otel-joblog run: no-such-command: command not found"])


def test_where_permissions_are_masked_away_it_is_recorded_all_the_same(running: Running) -> None:
    running.directly("sh", "-c", 'umask 777; exec "$@"', "sh", *RUN, "--", "true", OTEL_JOBLOG_STATE_DIR="masked")
    made = running.folder / "masked" / "journal"
    until(made.exists)
    assert (made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    until(lambda: not running.background())


NOTHING: dict[str, tuple[list[str], str]] = {
    "no name at all": ([""], "''"),
    "a name of one space": ([" "], " "),
}


@pytest.mark.parametrize(("command", "named"), NOTHING.values(), ids=NOTHING)
def test_a_command_without_a_name_is_not_found(running: Running, command: list[str], named: str) -> None:
    done = running(*command)
    assert (done.returncode, done.stderr.decode()) == (127, f"otel-joblog run: {named}: command not found\n")
    assert running.ended().message == f"{named}: command not found"
    assert running.ended().name in {"command", " "}


GROUP = "sleep 600 & echo $$ $!; wait; echo late"


@pytest.mark.parametrize("wrapped", [True, False], ids=["through us", "alone"])
def test_under_timeout_nothing_of_it_is_left(running: Running, wrapped: bool) -> None:
    before = [*RUN, "--"] if wrapped else []
    done = running.directly("timeout", "1", *before, "sh", "-c", GROUP)
    assert done.returncode == 124
    until(lambda: not any(map(goes_on, map(int, done.stdout.split()))))


def test_whoever_kills_the_process_group_kills_the_command(running: Running) -> None:
    process = subprocess.Popen(
        [*RUN, "--", "sh", "-c", GROUP],
        env=environment(running.folder / "state"),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        pids = [*map(int, process.stdout.readline().split())]
        os.killpg(process.pid, signal.SIGKILL)
        until(lambda: not any(map(goes_on, pids)))


def goes_on(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def full_disk(_folder: Path) -> tuple[int, Callable[[], None]]:
    return os.open("/dev/full", os.O_WRONLY), lambda: None


def terminal_that_goes(_folder: Path) -> tuple[int, Callable[[], None]]:
    leader, follower = os.openpty()
    return follower, lambda: os.close(leader)


@pytest.mark.parametrize("broken", [full_disk, terminal_that_goes], ids=["a full disk", "a terminal that is gone"])
def test_what_cannot_be_written_does_not_end_the_command(
    running: Running, tmp_path: Path, broken: Callable[[Path], tuple[int, Callable[[], None]]]
) -> None:
    stdout, breaks = broken(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    process = subprocess.Popen(
        [*RUN, "--", "sh", "-c", "read line < fifo; seq 1 20000 && echo written > proof; exit 3"],
        env=environment(tmp_path / "state"),
        cwd=tmp_path,
        stdout=stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(stdout)
    breaks()
    (tmp_path / "fifo").write_text("go on\n")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert (tmp_path / "proof").exists()
    (warning,) = said.decode().splitlines()
    assert warning.startswith("otel_joblog: stdout cannot be written (")
    assert running.ended().lines == 20_000


TRAPS = "trap 'echo got it; exit 7' USR1 USR2 ALRM; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM])
@pytest.mark.parametrize("program", [TRAPS, "ulimit -c 0; echo ready; exec sleep 60"], ids=["handled", "unhandled"])
def test_signals_of_the_command_s_own_reach_it(running: Running, number: signal.Signals, program: str) -> None:
    ends = []
    for wrapped in (True, False):
        with running.start("sh", "-c", program, wrapped=wrapped) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        ends.append((out, err, process.returncode % 256 if process.returncode >= 0 else 128 - process.returncode))
    assert ends[0] == ends[1]
    assert running.ended().status.value == "error"  # nobody has cancelled it


UNBLOCKS = """
import signal
signal.signal(signal.SIGUSR1, lambda *_: print('got it'))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
"""


def test_a_signal_that_is_pending_when_it_starts_reaches_the_command(running: Running) -> None:
    pending = set_up("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); os.kill(os.getpid(), signal.SIGUSR1)")
    through, alone = both(running, pending, sys.executable, "-c", UNBLOCKS)
    assert (through.returncode, through.stdout) == (alone.returncode, alone.stdout) == (0, b"got it\n")
