"""OTel SDK spans as records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags

from ..conventions import Attribute, SpanKind
from ..records import Line, Process, Record, SpanEnded, SpanEvent, SpanLink, format_run_id
from .semantics import (
    event_line,
    is_line,
    kind_told,
    parent_run_told,
    process_of,
    run_told,
    status_told,
    whole,
)

__all__ = [
    "id_bytes",
    "otel_link",
    "plain",
    "run_said",
    "span_events",
    "span_links",
    "speaker",
    "to_record",
    "to_records",
]


def id_bytes(context: SpanContext) -> tuple[bytes, bytes]:
    """Trace id and span id as the bytes that records carry."""
    return context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")


def plain(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(attributes) if attributes else {}


def span_events(span: ReadableSpan) -> list[SpanEvent]:
    """The events of a span, without the log lines that capture mirrored on it: those are records of their own."""
    return [
        SpanEvent(event.timestamp, event.name, attributes)
        for event in span.events
        if Attribute.SEQ not in (attributes := plain(event.attributes))
    ]


def span_links(span: ReadableSpan) -> list[SpanLink]:
    return [SpanLink(*id_bytes(link.context), plain(link.attributes)) for link in span.links]


def otel_link(link: SpanLink) -> Link:
    """A link as the SDK has it."""
    ids = int.from_bytes(link.trace_id, "big"), int.from_bytes(link.span_id, "big")
    return Link(SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)), link.attributes)


def run_said(span: SpanEnded) -> dict[str, str]:
    """What a step says where it leaves: its run, so that nobody has to wait for the spans between."""
    return {Attribute.RUN_ID: format_run_id(span.trace_id, span.run)} if span.kind is SpanKind.STEP else {}


def speaker(process: Process | None) -> dict[str, Any]:
    """The resource of spans that leave. It names the process, so that it is the same one wherever they arrive."""
    return {} if process is None else process.resource | {Attribute.PROCESS_ID: str(UUID(bytes=process.process_id))}


def to_records(spans: Sequence[ReadableSpan]) -> list[Record]:
    """Ended SDK spans with the log lines that are events on them, for an exporter that sees nothing else."""
    records: list[Record] = []
    speaker = None
    for span in spans:
        if span.resource is not speaker:
            speaker = span.resource
            records.append(process_of(plain(speaker.attributes)))
        record = to_record(span, alone=True)
        records += _lines(record, span.events)
        records.append(record)
    return records


def _lines(span: SpanEnded, events: Sequence[Event]) -> Iterator[Line]:
    for place, event in enumerate(events):
        said = plain(event.attributes)
        if is_line(event.name, said):
            yield event_line(span.trace_id, span.run, span.span_id, place, event.timestamp, said)


def to_record(span: ReadableSpan, *, alone: bool = False) -> SpanEnded:
    """An ended SDK span.

    ``alone`` where nobody else tells of runs and lines: then a root span is a run, whatever it says, and log events are
    lines and no events.
    """
    context = span.get_span_context()
    assert context is not None
    trace_id, span_id = id_bytes(context)
    attributes = plain(span.attributes)
    kind = kind_told(attributes) or _kind(span, attributes, alone=alone)
    parent = span.parent
    started = span.start_time or 0
    run = span_id if kind is SpanKind.JOB else run_told(trace_id, attributes)
    if kind is SpanKind.STEP:
        attributes.pop(Attribute.RUN_ID, None)  # said for who reads the span: the record has it elsewhere
    return SpanEnded(
        kind=kind,
        trace_id=trace_id,
        span_id=span_id,
        parent_id=None if parent is None else parent.span_id.to_bytes(8, "big"),
        run=run,
        parent_run=parent_run_told(trace_id, attributes),
        start=started,
        name=span.name,
        seq=whole(attributes.get(Attribute.SEQ, 0)),
        attributes=attributes,
        end=span.end_time or started,
        status=status_told(attributes, failed=span.status.status_code is StatusCode.ERROR),
        message=str(attributes.get(Attribute.STATUS_MESSAGE) or span.status.description or ""),
        events=[event for event in span_events(span) if not (alone and is_line(event.name, event.attributes))],
        links=span_links(span),
        otel_kind=span.kind.value,
        scope=span.instrumentation_scope.name if span.instrumentation_scope else "",
        sampled=context.trace_flags.sampled,
        lines=whole(attributes.get(Attribute.LINES, 0)),
        steps=whole(attributes.get(Attribute.STEPS, 0)),
    )


def _kind(span: ReadableSpan, attributes: Mapping[str, Any], *, alone: bool) -> SpanKind:
    return SpanKind.JOB if alone and span.parent is None and Attribute.RUN_ID not in attributes else SpanKind.SPAN
