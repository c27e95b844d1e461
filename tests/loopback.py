"""Servers of this process on loopback: an ASGI application on a real uvicorn, or a handler of ``http.server``."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn

__all__ = ["answering", "serving"]


@contextlib.contextmanager
def serving(app: Any, make: Callable[..., uvicorn.Server] | None = None) -> Iterator[str]:
    """The address of an ASGI application; ``make`` is what makes its server of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = (make or _plain)(app, stop_within=2)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < deadline, "it did not start"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(60)


def _plain(app: Any, *, stop_within: int) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=stop_within))


@contextlib.contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address at which a handler answers, each request in a thread of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
