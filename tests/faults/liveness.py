"""How soon a killed run is called lost, where somebody on its host looks."""

from __future__ import annotations

import contextlib
import time

import psycopg

from otel_joblog.journal.standby import served

from .bench import HANG, Bench, Room, Worker, wait_until
from .tally import STATUSES, Tally

SOON = 5.0  # seconds
LOST = STATUSES.index("lost")


def lost_within_5_seconds(bench: Bench, tally: Tally) -> None:
    """a job killed on a host where an agent runs, and where a viewer does: seconds until its run is lost"""
    for words in (("agent",), ("serve", "--port", "0")):
        room = bench.room()
        watcher = room.command(*words)
        wait_until(lambda root=room.state / "journal": served(root), HANG, f"otel-joblog {words[0]} at work")
        took = []
        for _ in bench.times(10):
            worker = room.work(lines=10**9, pause=0.01)
            worker.begun(50)
            wait_until(lambda room=room, worker=worker: status(room, worker) is not None, HANG, "the run in the store")
            worker.kill()
            begun = time.monotonic()
            wait_until(lambda room=room, worker=worker: status(room, worker) == LOST, HANG, "the run lost")
            took.append(time.monotonic() - begun)
            tally.times += 1
        tally.remarks.append(f"{words[0]}: lost after " + ", ".join(f"{seconds:.1f}" for seconds in took) + " s")
        tally.expect(max(took) < SOON, f"{words[0]}: lost only after {max(took):.1f} s")
        watcher.terminate()
        watcher.wait(HANG)
        room.settle(tally, "lost · the process vanished")


def status(room: Room, worker: Worker) -> int | None:
    with psycopg.connect(room.direct) as connection, contextlib.suppress(psycopg.errors.UndefinedTable):
        row = connection.execute("select status from joblog.job_run where name = %s", [worker.name]).fetchone()
        return row and int(row[0])
    return None


CASES = (lost_within_5_seconds,)
