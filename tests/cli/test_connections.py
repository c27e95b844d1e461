"""Connections on which nothing comes, and too many of them, keep nobody out."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from otel_joblog.cli.serving import server
from tests.ingest.messages import job, traces
from tests.loopback import serving

LARGE = 50_000_000
HOLD = b"GET /hold HTTP/1.1\r\nHost: lo\r\n\r\n"
REQUEST = traces([job(1)], service__name="shop").SerializeToString()


@contextlib.contextmanager
def running(environment: dict[str, str], *command: str) -> Iterator[str]:
    """The address of a command that serves and may have 64 descriptors."""
    limited = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", sys.executable, "-m", "otel_joblog", *command]
    with subprocess.Popen(limited, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", said := process.stdout.readline())):
                assert said, "it ended"
            yield found[0]
            process.terminate()
            assert process.wait(60) in {0, -signal.SIGTERM}
        finally:
            process.kill()


@contextlib.contextmanager
def connections(address: str, number: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    host, port = address.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(number):
            opened.append(stack.enter_context(socket.create_connection((host, int(port)), timeout=60)))
            opened[-1].sendall(sent)
        yield opened


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: lo"], ids=["silent", "half a head"])
@pytest.mark.parametrize("command", ["ingest", "serve"])
def test_silent_connections_leave_descriptors_for_the_work(
    command: str, sent: bytes, environment: dict[str, str]
) -> None:
    with running(environment, command, "--port", "0") as address, connections(address, 150, sent):
        for _ in range(3):  # each takes the place of one that is silent
            answer = httpx.post(
                f"{address}/v1/traces", content=REQUEST, headers={"Content-Type": "application/x-protobuf"}, timeout=60
            )
            assert answer.status_code == 200
        assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200


class Slow:
    """An application: ``/hold`` answers when it is let go, ``/large`` with more than buffers take, others at once."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.held = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.server: uvicorn.Server | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.asked.release()
        if scope["path"] == "/hold":
            self.held.release()
            await asyncio.to_thread(self.let_go.wait, 60)
        body = b"x" * LARGE if scope["path"] == "/large" else b"ok"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def serving(self) -> contextlib.AbstractContextManager[str]:
        def make(app: Any, *, stop_within: int) -> uvicorn.Server:
            self.server = server.make_server(app, stop_within=stop_within)
            return self.server

        return serving(self, make=make)

    @property
    def connections(self) -> list[Any]:
        assert self.server is not None
        return list(self.server.server_state.connections)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: lo",
        b"GET / HTTP/1.1\r\nHost: lo\r\n\r\nGET / HT",  # answered, and then half of another
        b"POST / HTTP/1.1\r\nHost: lo\r\nContent-Length: 9\r\n\r\nhalf",
        b"GET /large HTTP/1.1\r\nHost: lo\r\n\r\n",
    ],
    ids=["silent", "half a head", "half of a second one", "half a body that nobody asks for", "an answer unread"],
)
def test_a_connection_on_which_nothing_comes_is_closed(
    sent: bytes, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD", 0.5)
    monkeypatch.setattr(server, "STALLED", 0.5)
    with slow.serving() as address, connections(address, 1, sent) as (one,):
        if b"large" in sent:  # nothing is read before it has been closed
            assert slow.asked.acquire(timeout=60)
            until(lambda: not slow.connections)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := one.recv(65_536):
                received += len(piece)
        assert received < LARGE


def test_while_a_request_is_answered_it_has_all_the_time_it_takes(slow: Slow) -> None:
    with slow.serving() as address, connections(address, 1, HOLD) as (one,):
        assert slow.held.acquire(timeout=60)
        assert [(it.silent_since, it._timer) for it in slow.connections] == [(None, None)]
        slow.let_go.set()
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        until(lambda: slow.connections and slow.connections[0].silent_since is not None)


def test_where_all_are_at_work_one_more_is_told_to_come_again(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "most_connections", lambda: 8)
    with slow.serving() as address, connections(address, 8, HOLD) as held:
        for _ in held:
            assert slow.held.acquire(timeout=60)
        refused = httpx.get(f"{address}/", timeout=60)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        slow.let_go.set()
        for one in held:
            assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        until(lambda: any(it.silent_since is not None for it in slow.connections))
        assert httpx.get(f"{address}/", timeout=60).text == "ok"


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_there_are_as_many_connections_as_leave_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for descriptors in (20, 64, 1_024, 1_048_576):
        server.most_connections.cache_clear()
        monkeypatch.setattr(server.resource, "getrlimit", lambda _, soft=descriptors: (soft, soft))
        found[descriptors] = server.most_connections()
    server.most_connections.cache_clear()
    assert found == {20: 8, 64: 16, 1_024: 496, 1_048_576: 1_000}
