"""The viewer's process under the ingest's load while its pages are read: memory, and how long pages take."""

from __future__ import annotations

import http.client
import multiprocessing
import random
import socket
import statistics
import threading
import time
from collections.abc import Callable

import psutil

from otel_joblog.config import Settings

__all__ = ["soak"]

PAGES = ["/", "/jobs", "/errors", "/job?job=job-01&service=shop", "/api/v1/runs"]
PAGE_BOUND = 0.2  # seconds, of the 95th percentile
GROWTH_BOUND = 1.1  # of memory, from the first fifth's end on


def soak(
    dsn: str,
    seconds: float,
    request: Callable[[Callable[[int], bytes]], bytes],
    send: Callable[[int, list[bytes]], float],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(dsn, listener))
        process.start()
        watched = psutil.Process(process.pid)
        until = time.monotonic() + seconds
        pages: list[float] = []
        reader = threading.Thread(target=_read, args=(port, until, pages))
        reader.start()
        spans, memory = 0, []
        while time.monotonic() < until:
            send(port, [request(random.randbytes) for _ in range(6)])
            spans += 6 * 500
            memory.append(watched.memory_info().rss)
            print(f"\r{spans:,} spans, {memory[-1] / 1e6:.0f} MB", end="", flush=True)
        reader.join()
        process.terminate()
        process.join(30)
    settled = memory[len(memory) // 5 :]
    growth = statistics.median(settled[-5:]) / statistics.median(settled[:5])
    p95 = statistics.quantiles(pages, n=20)[-1]
    print(f"\r{spans / seconds:,.0f} spans/s with the sender in the way, {len(pages):,} pages")
    print(
        f"memory {settled[0] / 1e6:.0f} to {settled[-1] / 1e6:.0f} MB, at most {max(memory) / 1e6:.0f}:"
        f" {growth:.2f} times {'ok' if growth <= GROWTH_BOUND else 'GROWS'}"
    )
    print(
        f"pages  median {1000 * statistics.median(pages):.0f} ms, 95th percentile {1000 * p95:.0f} ms"
        f" {'ok' if p95 <= PAGE_BOUND else 'TOO SLOW'}"
    )


def _serve(dsn: str, listener: socket.socket) -> None:
    import uvicorn

    from otel_joblog.ingest.service import Ingest
    from otel_joblog.web.app import create_app

    app = create_app(dsn, ingest=Ingest(Settings.from_environment({}), dsn))
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


def _read(port: int, until: float, took: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.monotonic() < until:
        for page in PAGES:
            begun = time.perf_counter()
            connection.request("GET", page)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, (page, answer.status)
            took.append(time.perf_counter() - begun)
            time.sleep(0.1)
    connection.close()
