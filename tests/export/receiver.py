"""Real OTLP receivers on loopback, HTTP and gRPC, which keep what they got as the protocol's own messages."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.loopback import answering


class Receiver:
    """Answers with the next of ``answers`` (HTTP status, or gRPC code), then with success."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[ExportTraceServiceRequest] = []  # those that it took
        self.url = ""

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def services(self) -> set[str]:
        return {
            attributes(resource.resource)["service.name"]
            for request in self.requests
            for resource in request.resource_spans
        }


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of a span, event or resource in plain values."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in holder.attributes}


@contextlib.contextmanager
def http(*answers: int) -> Iterator[Receiver]:
    receiver = Receiver(*answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status = receiver.answers.pop(0) if receiver.answers else 200
            if status == 200:
                receiver.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with answering(Handler) as receiver.url:
        yield receiver


@contextlib.contextmanager
def over_grpc(*answers: tuple[grpc.StatusCode, str]) -> Iterator[Receiver]:
    receiver = Receiver(*answers)

    class Service(TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:
            if receiver.answers:
                context.abort(*receiver.answers.pop(0))
            receiver.requests.append(request)
            return ExportTraceServiceResponse()

    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        add_TraceServiceServicer_to_server(Service(), server)
        receiver.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        try:
            yield receiver
        finally:
            server.stop(None).wait()
