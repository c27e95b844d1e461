"""Who waits for what is shipped: those with whom all the others end, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from otel_joblog.command.wrapper import _all_end_with_us
from tests.command.running import UNSHARE, may_be_first

ASK = [
    sys.executable,
    "-c",
    "import sys; from otel_joblog.command import wrapper as w; print(w._all_end_with_us(interactive='on' in sys.argv))",
]
inside_a_container = _all_end_with_us(interactive=True)
on_a_host = pytest.mark.skipif(inside_a_container, reason="this is a container")
with_namespaces = pytest.mark.skipif(not may_be_first(), reason="no namespaces of processes here")


def ask(*before: str, interactive: bool = False, **variables: str) -> bool:
    program = [*before, *ASK, *(["on"] if interactive else [])]
    return subprocess.run(program, check=True, capture_output=True, env=os.environ | variables).stdout == b"True\n"


@on_a_host
def test_on_a_host_all_outlive_us() -> None:
    assert not ask()
    assert not ask("setsid", "--wait", interactive=True)


@on_a_host
def test_a_service_is_that_of_an_ancestor() -> None:
    assert not ask(SYSTEMD_EXEC_PID="1000000")
    assert not ask(SYSTEMD_EXEC_PID="nonsense")
    assert ask(SYSTEMD_EXEC_PID=str(os.getpid()))
    assert not ask("setsid", "--wait", interactive=True, SYSTEMD_EXEC_PID=str(os.getpid()))  # a window of a desktop


@with_namespaces
@pytest.mark.parametrize("interactive", [True, False])
@pytest.mark.parametrize("proc", [[], ["--mount-proc"]])
def test_in_a_container_all_end_with_us(proc: list[str], interactive: bool) -> None:
    assert ask(*UNSHARE, *proc, interactive=interactive)
    assert ask(*UNSHARE, *proc, "sh", "-c", '"$@"; exit $?', "sh", interactive=interactive)


CALLED_SYSTEMD = """
import pathlib, subprocess, sys
pathlib.Path("/proc/self/comm").write_text("systemd")
sys.exit(subprocess.call(sys.argv[1:]))
"""


@with_namespaces
def test_unless_its_first_process_is_systemd() -> None:
    named = (
        "import subprocess, sys; open('/proc/self/comm', 'w').write('systemd'); sys.exit(subprocess.call(sys.argv[1:]))"
    )
    assert not ask(*UNSHARE, "--mount-proc", sys.executable, "-c", named)


@with_namespaces
@pytest.mark.parametrize("interactive", [True, False])
def test_in_a_terminal_whoever_was_sent_into_a_container_has_others_outlive_it(interactive: bool) -> None:
    with subprocess.Popen(
        [*UNSHARE, "sh", "-c", "echo; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        (shell,) = psutil.Process(first.pid).children()
        sent = ["nsenter", "--preserve-credentials", "--user", "--pid", "--target", str(shell.pid)]
        assert ask(*sent, interactive=interactive) is not interactive
