"""The ingest on a real uvicorn."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from otel_joblog.config import Settings
from otel_joblog.ingest.service import Ingest, create_app

__all__ = ["served"]


@contextlib.contextmanager
def served(dsn: str, /, **settings: Any) -> Iterator[str]:
    """The address of an ingest that writes to that database."""
    ingest = Ingest(Settings.from_environment({}, **settings), dsn)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(ingest), log_level="error", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < deadline, "the ingest did not start"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(60)
