"""How many spans the ingest takes in, beside a bare receiver of the same requests.

Requests are OTLP/HTTP protobuf, gzipped or not, of 500 spans: 50 jobs of 10 spans, each span with 10 log events of 120
characters. Several senders keep it busy; the clock stops when all of it is visible in the database. The bare receiver
answers on the same web server, decodes with protobuf and COPYs the same rows, and does nothing else: no limits, no runs
across requests, no counts, no statistics, no repetitions. Both run in processes of their own, taking turns, on
databases of their own in one embedded server.

    python benchmarks/ingest.py [--requests 60] [--rounds 3] [--gzip]
    python benchmarks/ingest.py --soak MINUTES

``--soak`` keeps the viewer's process under that load while pages are read, and prints its memory and the pages' 95th
percentile.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import multiprocessing
import os
import random
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from otel_joblog.config import Settings
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.schema.partitions import ensure_days
from otel_joblog.store.server.embedded import EmbeddedServer

JOBS, SPANS, EVENTS = 50, 10, 10  # a request, a job, a span
BOUND = 0.7  # of the bare receiver
SENDERS = 3
TEXT = "the order of a customer was loaded and written to the table without any trouble and in good time, "
NAMES = [f"job-{number:02}" for number in range(20)]

HEADERS = {"Content-Type": "application/x-protobuf"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ojb-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.start()
        try:
            if options.soak:
                soak(server.dsn, options.soak * 60)
            else:
                compare(server.dsn, options.requests, options.rounds, zipped=options.gzip)
        finally:
            server.stop()


def compare(dsn: str, requests: int, rounds: int, *, zipped: bool) -> None:
    spans = requests * JOBS * SPANS
    print(f"{requests} requests of {JOBS * SPANS} spans with {EVENTS} lines each, {'gzip' if zipped else 'not packed'}")
    rates: dict[str, list[float]] = {"ingest": [], "bare": []}
    costs: dict[str, list[float]] = {"ingest": [], "bare": []}
    for _ in range(rounds):
        bodies = [request(random.randbytes) for _ in range(requests)]
        if zipped:
            bodies = [gzip.compress(body, 4) for body in bodies]
        for name, serve in (("bare", serve_bare), ("ingest", serve_ingest)):
            with database(dsn) as own, serving(serve, own) as (port, process):
                send(port, bodies[:2], zipped=zipped)  # warm
                cpu = cpu_of(process)
                took = send(port, bodies[2:], zipped=zipped)
                cpu = cpu_of(process) - cpu
                expected(own, spans)
                part = spans * (requests - 2) / requests
                rates[name].append(part / took)
                costs[name].append(1e6 * cpu / part)
    for name, found in rates.items():
        print(
            f"{name:7} {statistics.median(found):8,.0f} spans/s {statistics.median(found) * (EVENTS + 1):10,.0f} rows/s"
            f" {statistics.median(costs[name]):8.1f} us CPU a span"
        )
    ratio = statistics.median(i / b for i, b in zip(rates["ingest"], rates["bare"], strict=True))
    print(f"ratio   {ratio:8.2f} of the bare receiver {'ok' if ratio >= BOUND else f'TOO LITTLE, bound {BOUND}'}")


def expected(dsn: str, spans: int) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select (select count(*) from joblog.job_run), (select count(*) from joblog.job_step),"
            " (select count(*) from joblog.job_log)"
        ).fetchone()
    assert row == (spans // SPANS, spans - spans // SPANS, spans * EVENTS), row


def request(randbytes: Callable[[int], bytes]) -> bytes:
    message = ExportTraceServiceRequest()
    one = message.resource_spans.add()
    said(one.resource.attributes, {"service.name": "shop", "host.name": "shop-1", "process.pid": 4711})
    scope = one.scope_spans.add()
    scope.scope.name = "shop.jobs"
    now = time.time_ns() - 10 * 10**9
    for job in range(JOBS):
        trace_id, root = randbytes(16), randbytes(8)
        for place in range(SPANS):
            span = scope.spans.add(
                trace_id=trace_id,
                span_id=root if place == 0 else randbytes(8),
                parent_span_id=b"" if place == 0 else root,
                name=NAMES[job % len(NAMES)] if place == 0 else f"step {place}",
                kind=1,
                start_time_unix_nano=now + job * 1_000_000 + place * 10_000,
                end_time_unix_nano=now + 10**9,
            )
            if place == 0:
                said(span.attributes, {"joblog.kind": "job", "joblog.reference": f"order {job}"})
            else:
                said(span.attributes, {"joblog.kind": "step", "joblog.seq": place, "rows": 17})
            for number in range(EVENTS):
                at = span.start_time_unix_nano + number * 1_000 + place
                event = span.events.add(time_unix_nano=at, name="log")
                text = f"{TEXT}number {random.randrange(10**12):013}"
                seq = place * EVENTS + number + 1
                attributes = {"log.severity": "INFO", "log.message": text, "log.logger": "shop.orders"}
                said(event.attributes, attributes | {"joblog.seq": seq})
    return message.SerializeToString()


def said(pairs: RepeatedCompositeFieldContainer[Any], attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        pair = pairs.add(key=key)
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


def send(port: int, bodies: Sequence[bytes], *, zipped: bool = False) -> float:
    """Sends all of it by several senders; returns the seconds until everything was acknowledged, which is committed."""
    waiting = list(bodies)
    lock = threading.Lock()
    headers = HEADERS | ({"Content-Encoding": "gzip"} if zipped else {})

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                if not waiting:
                    connection.close()
                    return
                body = waiting.pop()
            while True:
                connection.request("POST", "/v1/traces", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
                assert answer.status in {429, 503}, answer.status
                time.sleep(0.1)

    threads = [threading.Thread(target=sender) for _ in range(SENDERS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


@contextlib.contextmanager
def serving(serve: Callable[[str, socket.socket], None], dsn: str) -> Iterator[tuple[int, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.get_context("fork").Process(target=serve, args=(dsn, listener))
        process.start()
        try:
            yield listener.getsockname()[1], psutil.Process(process.pid)
        finally:
            process.terminate()
            process.join(30)


def serve_ingest(dsn: str, listener: socket.socket) -> None:
    from otel_joblog.ingest.service import Ingest, create_app

    run(create_app(Ingest(Settings.from_environment({}), dsn)), listener)


def serve_bare(dsn: str, listener: socket.socket) -> None:
    from ingest_bare import create_app

    run(create_app(dsn), listener)


def run(app: Any, listener: socket.socket) -> None:
    import uvicorn

    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


def cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    name = f"bench_{os.urandom(4).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        dsn = make_conninfo(server, dbname=name)
        migrate(dsn)
        with psycopg.connect(dsn, autocommit=True) as own:
            from datetime import UTC, datetime, timedelta

            today = datetime.now(UTC).date()
            ensure_days(own, [today - timedelta(days=1), today, today + timedelta(days=1)])
        yield dsn
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def soak(server: str, seconds: float) -> None:
    from soak import soak as soaked

    with database(server) as dsn:
        soaked(dsn, seconds, request, send)


if __name__ == "__main__":
    main()
