"""Exceptions from elsewhere, in storms: a SIGALRM whose handler raises, and PyThreadState_SetAsyncExc."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg

from .bench import HANG, Bench, Room, new_name
from .tally import STATUSES, Tally

STORM = Path(__file__).with_name("storm.py")
STORED = "select message from joblog.job_log where message like %s"
RUN = "select status, lines from joblog.job_run where name = %s"
OPEN = "select count(*) from joblog.job_step where status = %s"


def storm(room: Room, tally: Tally, kind: str, lines: int) -> None:
    name, told = new_name(), room.folder / "told.json"
    command = [sys.executable, str(STORM), name, kind, str(lines), str(told)]
    ended = subprocess.run(
        command,
        check=False,
        env=room.variables(),
        cwd=room.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=HANG,
    )
    tally.expect(ended.returncode == 0, ended.stderr.decode("utf-8", "replace")[-1500:])
    if ended.returncode:
        return
    room.recover()
    said = json.loads(told.read_text())
    tally.times += 1
    tally.emitted += len(said["kept"])
    with psycopg.connect(room.direct) as connection:
        stored = [message.rpartition(" ")[2] for (message,) in connection.execute(STORED, [f"{name} 0 %"])]
        status, counted = connection.execute(RUN, [name]).fetchone() or (0, 0)
        open_steps = connection.execute(OPEN, [STATUSES.index("running")]).fetchone()
    verdict = STATUSES[status]
    tally.verdicts[verdict] += 1
    tally.stored += len(set(stored))
    # Where a printed line was interrupted, the next one may be stored with what was left of it.
    tally.lost += len(set(map(str, said["kept"])) - set(stored))
    tally.expect(said["got"] == said["sent"] > 0, f"{said['sent']} came, {said['got']} reached the job")
    tally.expect(verdict == "success", f"the run ended as {verdict}")
    tally.expect(counted >= len(stored), f"{counted} lines counted, {len(stored)} stored")
    tally.expect(open_steps == (0,), f"{open_steps} steps go on")
    tally.remarks.append(f"{kind}: {said['sent']} came, {said['got']} reached the job, of {lines:,} lines")


def asynchronous_exceptions(bench: Bench, tally: Tally) -> None:
    """100,000 lines, logged and printed, under storms of exceptions"""
    room = bench.room()
    lines = max(2_000, int(100_000 * bench.scale))
    for kind in ("signal", "class"):
        storm(room, tally, kind, lines)


CASES = (asynchronous_exceptions,)
