"""What differs from host to host, and need not be as it should: clocks and pids."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg

from .bench import Bench, Room
from .tally import Tally

# A shell is the first process of the namespace: so the worker can be killed as any other, and has the same pid in each.
ON_A_HOST = ("unshare", "--pid", "--fork", "--mount-proc", "--uts", "sh", "-c", 'hostname "$0"; "$@"; exit $?')

BACKWARDS = """
select name from joblog.job_run where ended_at < started_at or ended_at is null
union all select name from joblog.job_step where ended_at < started_at or ended_at is null"""
PROCESSES = "select pid, host, process_id from joblog.job_process"


def clock_set_back(bench: Bench, tally: Tally) -> None:
    """the clock set back in the middle of a run, by an hour and then by two days; one ends, one is killed"""
    room = bench.room()
    ended, killed = room.work("clock_end", lines=300), room.work("clock_sigkill", lines=300)
    room.settle(tally, "success", "lost · the process vanished")
    with psycopg.connect(room.direct) as connection:
        backwards = connection.execute(BACKWARDS).fetchall()
    tally.expect(not backwards, f"ended before they began, or not at all: {backwards}")
    for worker in (ended, killed):
        shown = shown_lines(room, worker.name)
        tally.expect(shown == worker.lines, f"{shown} of {worker.lines} lines are shown")
        tally.times += 1


def shown_lines(room: Room, name: str) -> int:
    """How many lines ``otel-joblog show`` knows of the run of this job."""
    found = subprocess.run(
        [sys.executable, "-m", "otel_joblog", "show", "--all", "--json", run_id(room, name)],
        env=room.variables(),
        capture_output=True,
        check=True,
    )
    return len(json.loads(found.stdout)["logs"])


def run_id(room: Room, name: str) -> str:
    with psycopg.connect(room.direct) as connection:
        row = connection.execute("select trace_id from joblog.job_run where name = %s", [name]).fetchone()
    assert row
    return str(row[0].hex)


def same_pid_on_two_hosts(bench: Bench, tally: Tally) -> None:
    """two hosts with the same pid, with a state folder each; two containers that share one, under the same name"""
    apart, shared = bench.room(), bench.room()
    other = Room(apart.folder, apart.dsn, apart.direct)
    other.state = apart.folder / "other-state"
    real = subprocess.run([*ON_A_HOST, "a-host", "true"], check=False, capture_output=True).returncode == 0
    if not real:
        tally.remarks.append("no namespaces can be made here: the workers only believe that they have the same pid")
    for rooms, hosts in (((apart, other), ("one", "two")), ((shared, shared), ("container", "container"))):
        workers = [
            room.work(ending, threads=2, lines=2000, under=(*ON_A_HOST, host))
            if real
            else room.work(ending, threads=2, lines=2000, FAULT_PID="4711")
            for room, host, ending in zip(rooms, hosts, ("end", "sigkill"), strict=True)
        ]
        for worker in workers:
            worker.end()
        for room in dict.fromkeys(rooms):
            room.settle(tally, "success", "lost · the process vanished")
        with psycopg.connect(rooms[0].direct) as connection:
            processes = connection.execute(PROCESSES).fetchall()
            pids = {pid for pid, _, _ in processes}
            tally.expect(len(processes) == 2 and len(pids) == 1, f"not two processes of one pid: {processes}")
            known = sorted(host for _, host, _ in processes)
            tally.expect(not real or known == sorted(hosts), f"other hosts: {processes}")
            for worker, status in zip(workers, (2, 7), strict=True):
                row = connection.execute("select status from joblog.job_run where name = %s", [worker.name]).fetchone()
                tally.expect(row == (status,), f"the run of {worker.name} has status {row}, not {status}")
        tally.times += 1


CASES = (clock_set_back, same_pid_on_two_hosts)
