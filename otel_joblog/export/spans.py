"""OTel SDK spans as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags

from ..conventions import Attribute, RunStatus, Severity, SpanKind, Stream
from ..records import Line, Record, SpanEnded, SpanEvent, SpanLink

__all__ = ["id_bytes", "otel_link", "plain", "span_events", "span_links", "to_record", "to_records"]


NO_RUN = bytes(8)  # a span of the trace whose run its own attributes do not tell


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


def to_records(spans: Sequence[ReadableSpan]) -> list[Record]:
    """Ended SDK spans with the log lines that are events on them, for an exporter that sees nothing else."""
    records: list[Record] = []
    for span in spans:
        record = to_record(span)
        records += [_line(record, event) for event in span.events if event.name == "log"]
        records.append(record)
    return records


def _line(span: SpanEnded, event: Event) -> Line:
    attributes = plain(event.attributes)
    level = str(attributes.pop(Attribute.LOG_SEVERITY, "INFO"))
    stream = str(attributes.pop(Attribute.LOG_IOSTREAM, "log")).upper()
    return Line(
        trace_id=span.trace_id,
        run=span.run,
        span_id=span.span_id,
        time=event.timestamp,
        seq=int(attributes.pop(Attribute.SEQ, 0)),
        severity=Severity[level] if level in Severity.__members__ else Severity.INFO,
        stream=Stream[stream] if stream in Stream.__members__ else Stream.LOG,
        logger=str(attributes.pop(Attribute.LOG_LOGGER, "")),
        message=str(attributes.pop(Attribute.LOG_MESSAGE, "")),
        attributes=attributes or None,
    )


def to_record(span: ReadableSpan) -> SpanEnded:
    """An ended SDK span. One that says ``joblog.kind`` is what it says; one without a parent here is a run."""
    context = span.get_span_context()
    assert context is not None
    trace_id, span_id = id_bytes(context)
    attributes = plain(span.attributes)
    kind = _kind(span, attributes)
    parent = span.parent
    started = span.start_time or 0
    return SpanEnded(
        kind=kind,
        trace_id=trace_id,
        span_id=span_id,
        parent_id=None if parent is None else parent.span_id.to_bytes(8, "big"),
        run=span_id if kind is SpanKind.JOB else _run_span(attributes),
        parent_run=_parent_run(attributes),
        start=started,
        name=span.name,
        seq=int(attributes.get(Attribute.SEQ, 0)),
        attributes=attributes,
        end=span.end_time or started,
        status=_status(span, attributes),
        message=str(attributes.get(Attribute.STATUS_MESSAGE) or span.status.description or ""),
        events=span_events(span),
        links=span_links(span),
        otel_kind=span.kind.value,
        scope=span.instrumentation_scope.name if span.instrumentation_scope else "",
        sampled=context.trace_flags.sampled,
        lines=int(attributes.get(Attribute.LINES, 0)),
        steps=int(attributes.get(Attribute.STEPS, 0)),
    )


def _kind(span: ReadableSpan, attributes: Mapping[str, Any]) -> SpanKind:
    said = attributes.get(Attribute.KIND)
    if said in (SpanKind.JOB, SpanKind.STEP):
        return SpanKind(said)
    return SpanKind.JOB if span.parent is None and Attribute.RUN_ID not in attributes else SpanKind.SPAN


def _run_span(attributes: Mapping[str, Any]) -> bytes:
    return _span_of_run_id(attributes.get(Attribute.RUN_ID)) or NO_RUN


def _parent_run(attributes: Mapping[str, Any]) -> bytes | None:
    return _span_of_run_id(attributes.get(Attribute.PARENT_RUN))


def _span_of_run_id(run_id: object) -> bytes | None:
    try:
        return bytes.fromhex(str(run_id).rpartition("-")[2]) if run_id else None
    except ValueError:
        return None


def _status(span: ReadableSpan, attributes: Mapping[str, Any]) -> RunStatus:
    said = attributes.get(Attribute.STATUS)
    if said in set(RunStatus):
        return RunStatus(said)
    return RunStatus.ERROR if span.status.status_code is StatusCode.ERROR else RunStatus.SUCCESS
