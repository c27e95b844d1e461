"""What is above ``otel-joblog run`` ends with it, and with that all the others: an init, a shell."""

from __future__ import annotations

import shutil
import subprocess
import sys

import psycopg

from .bench import HANG, Bench, Room, new_name
from .tally import Tally

CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
SHELL = ("sh", "-c", '"$@"; exit $?', "sh")
INITS = {
    "a shell": SHELL,
    "tini": ("tini", "--"),
    "dumb-init": ("dumb-init", "--"),
    "a shell in a session of its own": (*SHELL, "setsid", "--wait", *SHELL),
    "nothing": (),
}
PRINTED = "select message, count(*) from joblog.job_log where stream = 1 and message like %s group by message"
RUN = "select status, exit_code, lines, lines_emitted from joblog.job_run where name = %s"
ERROR = 5  # the code of that status
LINES = 20_000


def init_above_run(bench: Bench, tally: Tally) -> None:
    """`run` under an init or a shell that ends with it, and takes scribe and courier along; a command of an instant"""
    inits = {name: init for name, init in INITS.items() if not init or shutil.which(init[0])}
    if left_out := INITS.keys() - inits:
        tally.remarks.append(f"not here: {', '.join(sorted(left_out))}")
    if subprocess.run([*CONTAINER, "true"], check=False, capture_output=True).returncode:
        tally.remarks.append("skipped: no namespaces can be made here")
        return
    for init in inits.values():
        room = bench.room()
        room.environment = {"OTEL_JOBLOG_EXIT_TIMEOUT": "30"}
        for number in bench.times(10):
            begin_and_end(room, tally, init, LINES if number % 2 else 1)


def begin_and_end(room: Room, tally: Tally, init: tuple[str, ...], lines: int) -> None:
    """Nobody comes afterwards to ship what is left: all that counts is what is stored when the init has ended."""
    name = new_name()
    command = ["sh", "-c", f"seq -f '{name} %.0f' 1 {lines}; exit 7"]
    run = [sys.executable, "-m", "otel_joblog", "run", "--name", name, "--", *command]
    done = subprocess.run(
        [*CONTAINER, *init, *run], env=room.variables(), cwd=room.folder, capture_output=True, timeout=HANG, check=False
    )
    wanted = {f"{name} {number}" for number in range(1, lines + 1)}
    tally.times += 1
    tally.expect(done.returncode == 7, f"{name} under {init} ended with {done.returncode}: {done.stderr[-800:]!r}")
    tally.expect(set(done.stdout.decode().splitlines()) == wanted, f"{name} under {init} printed something else")
    tally.emitted += lines
    with psycopg.connect(room.direct) as connection:
        stored = dict(connection.execute(PRINTED, [f"{name} %"]).fetchall())
        runs = connection.execute(RUN, [name]).fetchall()
    tally.stored += len(stored)
    tally.duplicated += sum(stored.values()) - len(stored)
    tally.lost += len(wanted - stored.keys())
    tally.verdicts["error (7)" if runs == [(ERROR, 7, lines, lines)] else f"{runs} for {lines} lines"] += 1
    tally.expect(runs == [(ERROR, 7, lines, lines)], f"{name} under {init} is {runs}, not of {lines} lines")


CASES = (init_above_run,)
