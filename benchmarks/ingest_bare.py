"""The least that a receiver must do to store the same rows: decode, and COPY them as binary."""

from __future__ import annotations

import asyncio
import queue
import struct
from typing import Any

import msgspec
import psycopg
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otel_joblog.store.schema.migrate import migrate

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH_US = 946_684_800_000_000
LINES = (
    "copy joblog.job_log (ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, message)"
    " from stdin (format binary)"
)
STEPS = (
    "copy joblog.job_step (started_at, ended_at, trace_id, span_id, parent_span_id, run_span_id, seq, status, kind,"
    " otel_kind, name, status_message, scope, attributes) from stdin (format binary)"
)
RUNS = (
    "copy joblog.job_run (started_at, ended_at, trace_id, span_id, status, name, service, attributes)"
    " from stdin (format binary)"
)
line_head = struct.Struct("> h iq i16s i8s i8s iq ih ih i").pack
step_head = struct.Struct("> h iq iq i16s i8s i8s i8s iq ih ih ih i").pack
run_head = struct.Struct("> h iq iq i16s i8s ih i").pack
length = struct.Struct("> i").pack
SEVERITY = {"INFO": 9}


def rows(body: bytes) -> tuple[bytes, bytes, bytes]:
    lines, steps, runs = bytearray(HEADER), bytearray(HEADER), bytearray(HEADER)
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = plain(resource.resource.attributes)["service.name"].encode()
        for scoped in resource.scope_spans:
            scope = scoped.scope.name.encode()
            for span in scoped.spans:
                trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
                run = parent or span_id
                attributes = b"\x01" + msgspec.json.encode(found := plain(span.attributes))
                started = span.start_time_unix_nano // 1000 - EPOCH_US
                ended = span.end_time_unix_nano // 1000 - EPOCH_US
                name = span.name.encode()
                if parent:
                    steps += step_head(
                        *(
                            14,
                            8,
                            started,
                            8,
                            ended,
                            16,
                            trace_id,
                            8,
                            span_id,
                            8,
                            parent,
                            8,
                            run,
                            8,
                            found["joblog.seq"],
                        ),
                        *(2, 2, 2, 0, 2, 0, len(name)),
                    )
                    steps += name + length(0) + length(len(scope)) + scope
                    steps += length(len(attributes)) + attributes
                else:
                    runs += run_head(8, 8, started, 8, ended, 16, trace_id, 8, span_id, 2, 2, len(name))
                    runs += name + length(len(service)) + service + length(len(attributes)) + attributes
                for event in span.events:
                    said = plain(event.attributes)
                    logger, message = said["log.logger"].encode(), said["log.message"].encode()
                    lines += line_head(
                        *(9, 8, event.time_unix_nano // 1000 - EPOCH_US, 16, trace_id, 8, run, 8, span_id),
                        *(8, said["joblog.seq"], 2, SEVERITY[said["log.severity"]], 2, 0, len(logger)),
                    )
                    lines += logger
                    lines += length(len(message))
                    lines += message
    return bytes(lines + TRAILER), bytes(steps + TRAILER), bytes(runs + TRAILER)


def plain(pairs: Any) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = value.string_value or value.int_value
    return found


def create_app(dsn: str) -> Starlette:
    migrate(dsn)
    connections: queue.SimpleQueue[psycopg.Connection[Any]] = queue.SimpleQueue()
    for _ in range(2):
        connections.put(psycopg.connect(dsn))

    def store(body: bytes) -> None:
        connection = connections.get()
        try:
            streams = rows(body)
            with connection.transaction(), connection.cursor() as cursor:
                for statement, stream in zip((LINES, STEPS, RUNS), streams, strict=True):
                    with cursor.copy(statement) as copy:
                        copy.write(stream)
        finally:
            connections.put(connection)

    async def traces(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        await asyncio.to_thread(store, body)
        return Response(b"", media_type="application/x-protobuf")

    return Starlette(routes=[Route("/v1/traces", traces, methods=["POST"])])
