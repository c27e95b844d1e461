"""OTLP as JSON lines, as the collector's file exporter writes them: one ``ExportTraceServiceRequest`` a line.

The JSON of OTLP is that of protobuf with two differences: ids are hex, enums are numbers (OTLP specification, "JSON
Protobuf Encoding").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ..conventions import RunStatus, SpanKind
from ..records import Line, Process, Record, SpanEnded, shown
from .mirror import event_attributes
from .spans import run_said
from .spans import speaker as resource_of

__all__ = ["otlp_lines"]

_UNSET, _OK, _ERROR = 0, 1, 2


def otlp_lines(records: Iterable[tuple[Process | None, Record]]) -> Iterator[bytes]:
    """One run's records as a request: its ended spans, with all of their log lines as events.

    What has not ended is left out: OTLP has no word for it.
    """
    lines: dict[bytes, list[dict[str, Any]]] = {}
    spans: list[SpanEnded] = []
    speaker: Process | None = None
    for process, record in records:
        speaker = process or speaker
        if isinstance(record, Line):
            lines.setdefault(record.span_id, []).append(_event(record.time, "log", event_attributes(record)))
        elif isinstance(record, SpanEnded):
            spans.append(record)
    if not spans:
        return
    scopes: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        scopes.setdefault(span.scope or "otel_joblog", []).append(_span(span, lines.get(span.span_id, [])))
    request = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource_of(speaker))},
                "scopeSpans": [{"scope": {"name": name}, "spans": found} for name, found in scopes.items()],
            }
        ]
    }
    yield msgspec.json.encode(request) + b"\n"


def _span(span: SpanEnded, lines: list[dict[str, Any]]) -> dict[str, Any]:
    events = [_event(event.time, event.name, event.attributes) for event in span.events]
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_id.hex() if span.parent_id else "",
        "name": span.name,
        "kind": span.otel_kind + 1,  # the protocol counts from 1: its 0 says nothing
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes | run_said(span)),
        "events": sorted([*events, *lines], key=lambda event: int(event["timeUnixNano"])),
        "links": [
            {"traceId": link.trace_id.hex(), "spanId": link.span_id.hex(), "attributes": _attributes(link.attributes)}
            for link in span.links
        ],
        "status": _status(span),
    }


def _status(span: SpanEnded) -> dict[str, Any]:
    if span.status.failed:
        return {"code": _ERROR, "message": span.message or span.status.value}
    if span.status is RunStatus.SUCCESS and span.kind is not SpanKind.SPAN:
        return {"code": _OK}
    return {"code": _UNSET}


def _event(time: int, name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"timeUnixNano": str(time), "name": name, "attributes": _attributes(attributes)}


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(item) for item in value if item is not None]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"stringValue": shown(value)}
