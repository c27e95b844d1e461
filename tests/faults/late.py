"""Threads and calls of a pool that outlive their step, and then their run."""

from __future__ import annotations

import psycopg

from .bench import Bench, Room
from .tally import Tally

COUNTED = """
    select lines, lines_after_end, lines_emitted + lines_after_end_emitted,
      exists (select from joblog.job_log where trace_id = run.trace_id and attributes ->> 'joblog.step' = 'submit')
    from joblog.job_run as run where name = %s
"""


def repeat(bench: Bench, tally: Tally, ending: str, code: int, *, killed: bool = False) -> None:
    room = bench.room()
    for number in bench.times(10):
        worker = room.work(f"late_{ending}", threads=2 + number % 7, lines=400, pause=0.0005)
        got = worker.end()
        tally.expect(got == code, f"{worker.name} ended with {got}, not {code}: {worker.errors.read_text()[-800:]}")
        tally.times += 1
    names = [worker.name for worker in room.workers]
    room.settle(tally, "success")
    for name in names:
        check(room, tally, name, killed=killed)


def check(room: Room, tally: Tally, name: str, *, killed: bool) -> None:
    """The run counts what came after its end as well, and names the step in which the rest was begun."""
    with psycopg.connect(room.direct) as connection:
        ((lines, after_end, emitted, named),) = connection.execute(COUNTED, [name]).fetchall()
    tally.expect(after_end > 0 or killed, f"no line of {name} came after its end")
    # Of those that a killed process was about to write only later ones may have come.
    tally.expect(0 <= emitted - lines <= (8 if killed else 0), f"{name} has {lines} lines of {emitted}")
    tally.expect(named or killed, f"no line of {name} says that it came after its step")


def late_lines(bench: Bench, tally: Tally) -> None:
    """threads and pools that outlive their step and their run"""
    repeat(bench, tally, "end", 0)


def late_lines_exit(bench: Bench, tally: Tally) -> None:
    """the same, and sys.exit(3) while they are at it"""
    repeat(bench, tally, "exit", 3)


def late_lines_sigkill(bench: Bench, tally: Tally) -> None:
    """the same, and SIGKILL while they are at it"""
    repeat(bench, tally, "sigkill", -9, killed=True)


CASES = (late_lines, late_lines_exit, late_lines_sigkill)
