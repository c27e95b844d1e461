"""An OTLP endpoint that refuses, hangs, or answers what it should not, until it is healed."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MODES = ("refuse", "hang", "429", "500", "503", "garbage")


class Endpoint:
    """``mode``: one of MODES, or ``well``."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.names: list[str] = []
        self.requests = 0
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: ThreadingHTTPServer | None = None
        if mode != "refuse":
            self._listen()

    def heal(self) -> None:
        self.mode = "well"
        if self._server is None:
            self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _listen(self) -> None:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.requests += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mode = endpoint.mode
                if mode == "hang":
                    while endpoint.mode == "hang":
                        time.sleep(0.05)
                    self.close_connection = True
                    return
                if mode == "garbage":
                    self.wfile.write(b"\x00\xff garbage \r\n\r\n" * 20)
                    self.close_connection = True
                    return
                if mode == "well":
                    endpoint.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200 if mode == "well" else int(mode))
                if mode == "429":
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        server = self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.names += [span.name for span in scope.spans]
