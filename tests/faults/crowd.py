"""A host full of logging processes under one agent, which is killed in the middle."""

from __future__ import annotations

import time

import psycopg
from psycopg.conninfo import conninfo_to_dict

from otel_joblog.journal.standby import served

from .bench import HANG, Bench, Room, wait_until
from .endpoint import Endpoint
from .tally import Tally

PROCESSES = 500
LINES = 500
PAUSE = 0.2
CALM = 60.0  # seconds within which all connections but the agent's must be gone again
FEW_FILES = ("sh", "-c", 'ulimit -S -n 256; exec "$@"', "sh")  # what some systems allow a process at first

CONNECTIONS = """
select count(*) from pg_stat_activity
where datname = %s and backend_type = 'client backend' and application_name = 'otel_joblog'"""


def agent_500_processes(bench: Bench, tally: Tally) -> None:
    """500 logging processes under one agent, with one connection; the agent killed in the middle and restarted"""
    processes = len(bench.times(PROCESSES))
    room = bench.room()
    with Endpoint("well") as endpoint:
        room.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url}
        name = crowded(room, tally, processes)
        room.settle(tally, "success")
        missing = {f"{name}-{slot}" for slot in range(processes)} - set(endpoint.names)
    tally.expect(not missing, f"{len(missing)} spans have not arrived by OTLP: {sorted(missing)[:3]}")
    again = len(endpoint.names) - len(set(endpoint.names))
    tally.remarks.append(f"{len(set(endpoint.names))} spans arrived by OTLP, {again} of them twice")
    tally.times += 1


def crowded(room: Room, tally: Tally, processes: int) -> str:
    begun = time.monotonic()
    agent = room.command("agent", under=FEW_FILES)
    wait_until(lambda: served(room.state / "journal"), HANG, "the agent at work")
    worker = room.work("crowd", threads=processes, lines=LINES, pause=PAUSE)
    wait_until(lambda: all(worker.counts[slot] for slot in range(processes)), 3 * HANG, "a line of each process")
    before = most_connections(room, seconds=5)
    agent.kill()
    agent.wait()
    time.sleep(1)
    agent = room.command("agent", under=FEW_FILES)
    wait_until(lambda: served(room.state / "journal"), HANG, "the agent at work")
    during = most_connections(room, seconds=1)
    restarted = time.monotonic()
    wait_until(lambda: most_connections(room, seconds=3) <= 1, CALM, "the agent's connection for all")
    calm = time.monotonic() - restarted - 3
    tally.expect(worker.process.poll() is None, "the processes were over before the agent had taken over again")
    tally.expect(before == 1, f"{before} connections to PostgreSQL under the agent")
    tally.remarks.append(
        f"{processes} processes, connections: {before}; with the agent gone {during}; 1 again after {calm:.1f} s"
    )
    worker.end(10 * HANG)
    tally.expect(worker.process.returncode == 0, f"the crowd: {worker.errors.read_text()[-1000:]}")
    tally.remarks.append(f"they logged for {time.monotonic() - begun:.0f} s")
    agent.terminate()
    agent.wait(HANG)
    return worker.name


def connections(room: Room) -> int:
    name = conninfo_to_dict(room.direct)["dbname"]
    try:
        with psycopg.connect(room.direct, application_name="faults") as connection:
            row = connection.execute(CONNECTIONS, [name]).fetchone()
    except psycopg.OperationalError:  # too many clients already
        return PROCESSES
    assert row
    return int(row[0])


def most_connections(room: Room, seconds: float) -> int:
    most = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        most = max(most, connections(room))
        time.sleep(0.05)
    return most


CASES = (agent_500_processes,)
