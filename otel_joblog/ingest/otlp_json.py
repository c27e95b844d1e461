"""OTLP's JSON form as objects that are read like the messages of its protobuf form.

It is protobuf's JSON with two differences: ids are hex, enums are numbers (OTLP specification, "JSON Protobuf
Encoding"). 64-bit integers come as text or as numbers, fields that nobody knows are passed over, null is not set.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

import msgspec

from .values import Values

__all__ = ["LOGS", "TRACES", "values"]


class Id(bytes):
    """The bytes of a trace or span id."""


class Binary(bytes):
    """Base64; Node's exporter writes its arrays as ``{"0": 255, …}``."""


class _Message(msgspec.Struct, rename="camel"):
    """Every field may be missing or null."""


class ArrayValue(_Message):
    values: list[AnyValue | None] | None = None


class KeyValueList(_Message):
    values: list[KeyValue] | None = None


class AnyValue(_Message):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    double_value: float | None = None
    array_value: ArrayValue | None = None
    kvlist_value: KeyValueList | None = None
    bytes_value: Binary | None = None


class KeyValue(_Message):
    key: str = ""
    value: AnyValue | None = None


class Resource(_Message):
    attributes: list[KeyValue] | None = None


class Scope(_Message):
    name: str | None = None


class Event(_Message):
    time_unix_nano: int | None = None
    name: str | None = None
    attributes: list[KeyValue] | None = None


class Link(_Message):
    trace_id: Id | None = None
    span_id: Id | None = None
    attributes: list[KeyValue] | None = None


class Status(_Message):
    code: int | None = None
    message: str | None = None


class Span(_Message):
    trace_id: Id | None = None
    span_id: Id | None = None
    parent_span_id: Id | None = None
    name: str | None = None
    kind: int | None = None
    start_time_unix_nano: int | None = None
    end_time_unix_nano: int | None = None
    attributes: list[KeyValue] | None = None
    events: list[Event] | None = None
    links: list[Link] | None = None
    status: Status | None = None


class ScopeSpans(_Message):
    scope: Scope | None = None
    spans: list[Span] | None = None


class ResourceSpans(_Message):
    resource: Resource | None = None
    scope_spans: list[ScopeSpans] | None = None


class Traces(_Message):
    resource_spans: list[ResourceSpans] | None = None


class LogRecord(_Message):
    time_unix_nano: int | None = None
    observed_time_unix_nano: int | None = None
    severity_number: int | None = None
    severity_text: str | None = None
    body: AnyValue | None = None
    attributes: list[KeyValue] | None = None
    trace_id: Id | None = None
    span_id: Id | None = None
    event_name: str | None = None


class ScopeLogs(_Message):
    scope: Scope | None = None
    log_records: list[LogRecord] | None = None


class ResourceLogs(_Message):
    resource: Resource | None = None
    scope_logs: list[ScopeLogs] | None = None


class Logs(_Message):
    resource_logs: list[ResourceLogs] | None = None


def _bytes(kind: type, said: Any) -> bytes:
    # msgspec makes a ValidationError of a ValueError.
    if kind is Binary:
        if isinstance(said, dict):
            return Binary(said.values())
        return Binary(base64.b64decode(said))
    if not isinstance(said, str):
        raise ValueError("an id is text, in hex")
    return Id.fromhex(said)


_FIELDS = AnyValue.__struct_fields__


def _which(value: AnyValue) -> str | None:
    return next((field for field in _FIELDS if getattr(value, field) is not None), None)


values = Values(_which)

# Lax about numbers that come as text, as the form has it.
TRACES: msgspec.json.Decoder[Traces] = msgspec.json.Decoder(Traces, strict=False, dec_hook=_bytes)
LOGS: msgspec.json.Decoder[Logs] = msgspec.json.Decoder(Logs, strict=False, dec_hook=_bytes)
