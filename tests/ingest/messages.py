"""Requests of OTLP, by hand: ids by number, times in nanoseconds from :data:`NOW`."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

NOW = time.time_ns() // 10**9 * 10**9 - 3600 * 10**9
SECOND = 10**9


def trace_id(number: int = 1) -> bytes:
    return b"\xaa" + number.to_bytes(15, "big")


def span_id(number: int) -> bytes:
    return b"\xf0" + number.to_bytes(7, "big")


def any_value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
        case _:
            return AnyValue()


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def event(name: str, at: int = 0, **attributes: Any) -> Span.Event:
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    return Span.Event(name=name, time_unix_nano=NOW + at, attributes=pairs(said))


def log_event(message: str, at: int = 0, level: str = "INFO", **attributes: Any) -> Span.Event:
    return event("log", at, log__message=message, log__severity=level, **attributes)


def span(
    number: int,
    parent: int | None = None,
    *,
    trace: int = 1,
    start: int = 0,
    end: int = SECOND,
    failed: str | None = None,
    attributes: dict[str, Any] | None = None,
    **fields: Any,
) -> Span:
    return Span(
        trace_id=trace_id(trace),
        span_id=span_id(number),
        parent_span_id=b"" if parent is None else span_id(parent),
        start_time_unix_nano=NOW + start,
        end_time_unix_nano=NOW + end,
        attributes=pairs(attributes or {}),
        status=Status() if failed is None else Status(code=Status.STATUS_CODE_ERROR, message=failed),
        **({"name": f"span {number}", "kind": Span.SPAN_KIND_INTERNAL} | fields),
    )


def job(number: int, parent: int | None = None, *, attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    return span(number, parent, attributes={"joblog.kind": "job"} | (attributes or {}), **({"name": "job"} | fields))


def traces(spans: Sequence[Span], *, scope: str = "scope", **resource: Any) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.resource_spans.append(resource_spans(spans, scope, **resource))
    return request


def resource_spans(spans: Sequence[Span], scope: str = "scope", **resource: Any) -> ResourceSpans:
    one = ResourceSpans()
    said = {"service.name": "shop"} | {key.replace("__", "."): value for key, value in resource.items()}
    one.resource.attributes.extend(pairs(said))
    scoped = one.scope_spans.add()
    scoped.scope.name = scope
    scoped.spans.extend(spans)
    return one


def log_record(message: Any, of: int, *, trace: int | None = 1, at: int = 0, **fields: Any) -> LogRecord:
    attributes = fields.pop("attributes", {})
    return LogRecord(
        trace_id=b"" if trace is None else trace_id(trace),
        span_id=span_id(of),
        time_unix_nano=NOW + at,
        body=any_value(message),
        attributes=pairs(attributes),
        **({"severity_number": 9} | fields),
    )


def logs(records: Sequence[LogRecord], *, scope: str = "app") -> ExportLogsServiceRequest:
    one = ResourceLogs()
    one.resource.attributes.extend(pairs({"service.name": "shop"}))
    scoped = one.scope_logs.add()
    scoped.scope.name = scope
    scoped.log_records.extend(records)
    return ExportLogsServiceRequest(resource_logs=[one])


def as_json(request: Any) -> bytes:
    """The request in OTLP's JSON: protobuf's, but for ids in hex and enums as numbers."""
    return json.dumps(_hex_ids(MessageToDict(request, use_integers_for_enums=True))).encode()


def _hex_ids(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _hex_ids(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_hex_ids(item) for item in value]
    return base64.b64decode(value).hex() if key in {"traceId", "spanId", "parentSpanId"} else value
