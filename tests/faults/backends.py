"""OTLP endpoints at fault, and both backends black-holed."""

from __future__ import annotations

import contextlib
import time
from statistics import median

import psycopg

from .bench import HANG, Bench, Room, Worker, wait_until
from .endpoint import MODES, Endpoint
from .network import behind_proxy
from .tally import Tally

EXIT = 2.5  # seconds, over what the job takes without us


def otlp(bench: Bench, tally: Tally) -> None:
    """OTLP endpoint refusing, hanging, 429, 500, 503, garbage: Postgres does not wait, and the spans arrive later"""
    behind = 0.0
    for mode in MODES:
        for _ in bench.times(3):
            room = bench.room()
            with Endpoint(mode) as endpoint:
                room.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url}
                first = room.work(lines=20)  # its spans meet the fault while the second one logs
                second = room.work(lines=1500, pause=0.001)
                first.end()
                second.begun(500)
                behind = max(behind, lag(room, second))
                for worker in (first, second):
                    worker.end()
                tally.expect(mode == "refuse" or endpoint.requests > 0, f"{mode}: the endpoint was never asked")
                tally.expect(not endpoint.names, f"{mode}: took {endpoint.names}")
                endpoint.heal()
                workers = [first, second]
                room.settle(tally, "success")
                for worker in workers:
                    tally.expect(
                        endpoint.names.count(worker.name) == 1,
                        f"{mode}: {endpoint.names.count(worker.name)} spans of {worker.name} arrived",
                    )
                tally.expect(endpoint.names.count("log") == 2, f"{mode}: steps arrived: {endpoint.names}")
            tally.times += 1
    tally.remarks.append(f"a line was stored at most {behind:.2f} s after it was logged")
    tally.expect(behind < 2.5, "Postgres waited for OTLP")


def lag(room: Room, worker: Worker) -> float:
    """Seconds until what is logged by now is stored."""
    wanted = worker.counts[0]
    begun = time.monotonic()

    def stored() -> bool:
        with psycopg.connect(room.direct) as connection:
            found = connection.execute("select 1 from joblog.job_log where message = %s", [f"{worker.name} 0 {wanted}"])
            return found.fetchone() is not None

    wait_until(stored, HANG, f"line {wanted} in Postgres")
    return time.monotonic() - begun


def both_black_holed(bench: Bench, tally: Tally) -> None:
    """both backends black-holed: a one-line job exits in time, and the next process brings its records"""
    took: list[float] = []
    for _ in bench.times(5):
        with behind_proxy(bench, "swallow") as (room, proxy), Endpoint("hang") as endpoint:
            room.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url}
            workers = []
            for _ in range(3):
                startup = timed(room.work(lines=1, OTEL_JOBLOG_ENABLED="false"))
                room.workers.clear()
                workers.append(room.work(lines=1))
                took.append(timed(workers[-1]) - startup)
            proxy.mode = "pass"
            proxy.cut()
            endpoint.heal()
            following = room.work(lines=80, pause=0.25)  # the next process, of twenty seconds
            wait_until(
                lambda room=room, workers=workers, endpoint=endpoint, following=following: (
                    brought(room, endpoint, workers) or following.process.poll() is not None
                ),
                HANG,
                "the end of the next process",
            )
            tally.expect(brought(room, endpoint, workers), "the next process did not bring all lines and spans")
            room.settle(tally, "success")
            spans = [endpoint.names.count(worker.name) for worker in workers]
            tally.expect(spans == [1, 1, 1], f"so many spans of each job arrived: {spans}")
        tally.times += 1
    tally.remarks.append("seconds over the startup: " + ", ".join(f"{seconds:.2f}" for seconds in took))
    # Others use this machine, too: one that took long may have waited for the processor.
    tally.expect(median(took) < EXIT, f"the exit took {median(took):.2f} s")
    tally.expect(max(took) < 2 * EXIT, f"one exit took {max(took):.2f} s")


def brought(room: Room, endpoint: Endpoint, workers: list[Worker]) -> bool:
    """Whether the one line of each job is in Postgres, and its span at the OTLP endpoint."""
    with psycopg.connect(room.direct) as connection, contextlib.suppress(psycopg.errors.UndefinedTable):
        messages = [f"{worker.name} 0 1" for worker in workers]
        row = connection.execute("select count(*) from joblog.job_log where message = any(%s)", [messages]).fetchone()
        return row == (len(workers),) and all(worker.name in endpoint.names for worker in workers)
    return False


def timed(worker: Worker) -> float:
    begun = time.monotonic()
    worker.end()
    return time.monotonic() - begun


CASES = (otlp, both_black_holed)
