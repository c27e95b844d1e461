"""Descriptors closed by the job that are not its own, again and again, and files opened in their place."""

from __future__ import annotations

import signal

from otel_joblog.journal.standby import served

from .bench import HANG, Bench, Room, wait_until
from .tally import Tally

LIMITS = ((), ("prlimit", "--nofile=1024:4096"), ("prlimit", "--nofile=1024:1024"))


def repeat(bench: Bench, tally: Tally, room: Room, how: str) -> None:
    for number in bench.times(9):
        worker = room.work(f"closing_{how}", threads=8, lines=500, pause=0.001, under=LIMITS[number % len(LIMITS)])
        got = worker.end()
        tally.expect(got == 0, f"{worker.name} ended with {got}: {worker.errors.read_text()[-800:]}")
        tally.times += 1


def under_agent(bench: Bench, tally: Tally, how: str) -> None:
    """An agent ships, and looks whether they live; they themselves have no connection."""
    room = bench.room()
    agent = room.command("agent")
    wait_until(lambda: served(room.state / "journal"), HANG, "the agent at work")
    repeat(bench, tally, room, how)
    agent.send_signal(signal.SIGTERM)
    agent.wait(HANG)
    room.settle(tally, "success")


def descriptors_closed(bench: Bench, tally: Tally) -> None:
    """os.closerange(3, 256) a hundred times a second, with files opened after, while 8 threads log"""
    under_agent(bench, tally, "range")


def descriptors_closed_all(bench: Bench, tally: Tally) -> None:
    """the same, of all descriptors, also where ours are"""
    under_agent(bench, tally, "all")


def descriptors_closed_listed(bench: Bench, tally: Tally) -> None:
    """the same, of those that /proc/self/fd names"""
    under_agent(bench, tally, "listed")


def descriptors_closed_away(bench: Bench, tally: Tally) -> None:
    """the same as the first, without an agent, while PostgreSQL is away and connections to it are tried"""
    room = bench.room()
    room.environment = {"OTEL_JOBLOG_DSN": "host=127.0.0.1 port=1"}
    repeat(bench, tally, room, "away")
    room.environment = {}
    for worker in room.workers:
        worker.end()
    done = room.command("journal", "send", "localhost:1").wait(HANG)
    tally.expect(done == 0, "what waited could not be sent")
    room.settle(tally, "success")


CASES = (descriptors_closed, descriptors_closed_all, descriptors_closed_listed, descriptors_closed_away)
