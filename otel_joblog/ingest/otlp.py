"""OTLP to records: requests of ``/v1/traces`` and ``/v1/logs``, in protobuf or JSON.

How a request becomes records:

1. It is parsed, where it does not hold too much: by protobuf's own C, or by msgspec. A string that is not Unicode is
   mended first.
2. Each span is read for what it is (run, step, other span), by its attributes or else by the rules.
3. Spans that do not say their run take it from the nearest run above them, as far as the request shows it. The others
   carry ``NO_RUN``; the store finds their run when it has the spans between.
4. Spans become :class:`~otel_joblog.records.SpanEnded`, their ``log`` events and the log records
   :class:`~otel_joblog.records.Line`; before them comes the :class:`~otel_joblog.records.Process` that their resource
   tells of.

What cannot be kept (no valid ids, no time) is counted and told, and the rest is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2s
from typing import Any

import msgspec
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..conventions import Attribute, SpanKind
from ..errors import ImportRefused
from ..export.semantics import (
    UNNUMBERED,
    event_line,
    is_line,
    kind_told,
    parent_run_told,
    process_of,
    run_told,
    severity_told,
    status_told,
    stream_told,
    whole,
)
from ..records import NO_RUN, Line, Process, Record, SpanEnded, SpanEvent, SpanLink
from . import otlp_json
from .answers import Signal
from .counting import check_json, check_protobuf
from .mending import mended_json, mended_protobuf
from .rules import Rules
from .values import Values, in_words

__all__ = ["Decoder", "Received"]

_NO_TRACE = bytes(16)
_ERROR = 2  # STATUS_CODE_ERROR
_LATEST = 2**63 - 1  # nanoseconds: the year 2262

_NO_REQUEST = (DecodeError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_MESSAGES: dict[Signal, type[Message]] = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}
_DECODERS: dict[Signal, msgspec.json.Decoder[Any]] = {"traces": otlp_json.TRACES, "logs": otlp_json.LOGS}

protobuf_values = Values(lambda value: value.WhichOneof("value"))


@dataclass(slots=True)
class Received:
    """What a request held."""

    records: list[Record] = field(default_factory=list)
    items: int = 0  # spans or log records that became records
    rejected: int = 0  # and that did not
    reason: str = ""  # why the last of these did not
    mended: int = 0  # places in strings that were not Unicode

    @property
    def remark(self) -> str:
        """What its sender is told, in words; nothing where all was as it should be."""
        said = [self.reason] if self.rejected else []
        if self.mended:
            said.append(f"what is not Unicode was escaped, in places: {self.mended:,}")
        return "; ".join(said)

    def reject(self, reason: str) -> None:
        self.rejected += 1
        self.reason = reason


class Decoder:
    """Decodes requests. It keeps nothing between them, so that one may serve all threads.

    :param rules: how runs are told of those that do not say ``joblog.kind``; by default the built-in ones.
    :param most: how many spans or log records a request may hold (:mod:`.counting`); by default any number.
    """

    def __init__(self, rules: Rules | None = None, *, most: int | None = None) -> None:
        self._rules = rules or Rules.default()
        self._most = most

    def traces(self, body: bytes, *, json: bool = False) -> Received:
        """A body of ``/v1/traces``. Raises :class:`ImportRefused` where it is none, :class:`Refusal` for too much."""
        request, mended = self._request("traces", body, json)
        received = self._traces(request, otlp_json.values if json else protobuf_values)
        received.mended = mended
        return received

    def logs(self, body: bytes, *, json: bool = False) -> Received:
        """A body of ``/v1/logs``. Raises :class:`ImportRefused` where it is none, :class:`Refusal` for too much."""
        request, mended = self._request("logs", body, json)
        received = self._logs(request, otlp_json.values if json else protobuf_values)
        received.mended = mended
        return received

    def _request(self, signal: Signal, body: bytes, json: bool) -> tuple[Any, int]:
        """Step 1: the request, and in how many places it had to be mended."""
        if json:
            request, mended = _parsed(_DECODERS[signal].decode, mended_json, body)
            if self._most is not None:
                check_json(signal, request, self._most)
            return request, mended
        if self._most is not None:
            check_protobuf(signal, body, self._most)
        message = _MESSAGES[signal]
        return _parsed(message.FromString, partial(mended_protobuf, message), body)

    def _traces(self, request: Any, values: Values) -> Received:
        received = Received()
        found: list[_Found] = []
        for one in request.resource_spans or ():
            resource = values.attributes(one.resource.attributes or ()) if one.resource else {}
            process = process_of(resource)
            for scoped in one.scope_spans or ():
                scope = scoped.scope.name or "" if scoped.scope else ""
                for span in scoped.spans or ():
                    if problem := _unusable(span):
                        received.reject(problem)
                    else:
                        found.append(self._read(span, values, process, scope))
        _find_runs(found)
        speaker: Process | None = None
        for seen in found:
            if seen.process is not speaker:
                speaker = seen.process
                received.records.append(speaker)
            _record(seen, values, received.records)
        received.items = len(found)
        return received

    def _read(self, span: Any, values: Values, process: Process, scope: str) -> _Found:
        """Step 2."""
        attributes = values.attributes(span.attributes or ())
        trace_id, span_id = bytes(span.trace_id), bytes(span.span_id)
        parent_id = bytes(span.parent_span_id) if span.parent_span_id else None
        if parent_id == NO_RUN:
            parent_id = None
        kind = kind_told(attributes)
        if kind is None and Attribute.RUN_ID not in attributes:
            told = self._rules.recognise(span, parent_id is None, scope, process.resource, attributes)
            if told is not None:
                kind = SpanKind.JOB
                for key, value in told.items():
                    attributes.setdefault(key, value)
        run = span_id if kind is SpanKind.JOB else run_told(trace_id, attributes)
        if kind is SpanKind.STEP:
            attributes.pop(Attribute.RUN_ID, None)  # said for us: a step's own record has it elsewhere
        return _Found(span, process, scope, trace_id, span_id, parent_id, kind or SpanKind.SPAN, run, attributes)

    def _logs(self, request: Any, values: Values) -> Received:
        received = Received()
        for one in request.resource_logs or ():
            resource = values.attributes(one.resource.attributes or ()) if one.resource else {}
            records: list[Record] = []
            for scoped in one.scope_logs or ():
                scope = scoped.scope.name or "" if scoped.scope else ""
                for log in scoped.log_records or ():
                    if not _valid(log.trace_id, 16) or not _valid(log.span_id, 8):
                        received.reject("a log record without trace and span id belongs to no run")
                    elif line := _line(log, values, scope):
                        records.append(line)
                        received.items += 1
                    else:
                        received.reject("a log record without a valid time")
            if records:
                received.records += [process_of(resource), *records]
        return received


@dataclass(slots=True, eq=False)
class _Found:
    """A span that was read but for its events."""

    span: Any
    process: Process
    scope: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    kind: SpanKind
    run: bytes
    attributes: dict[str, Any]
    parent_run: bytes | None = None


def _parsed(parse: Any, mend: Any, body: bytes) -> tuple[Any, int]:
    try:
        try:
            return parse(body), 0
        except _NO_REQUEST:
            body, mended = mend(body)
            if not mended:
                raise
            return parse(body), mended
    except _NO_REQUEST as error:
        raise ImportRefused(f"the body is not an OTLP request: {error}") from error


def _valid(identifier: bytes | None, length: int) -> bool:
    return identifier is not None and len(identifier) == length and any(identifier)


def _unusable(span: Any) -> str | None:
    """Why a span cannot be kept; None where it can."""
    if not _valid(span.trace_id, 16) or not _valid(span.span_id, 8):
        return "a span without valid trace and span id"
    if span.parent_span_id and len(span.parent_span_id) != 8:
        return "a span whose parent's id is not 8 bytes long"
    if not 0 < (span.start_time_unix_nano or 0) <= _LATEST or not 0 <= (span.end_time_unix_nano or 0) <= _LATEST:
        return "a span without valid times"
    return None


def _find_runs(found: Iterable[_Found]) -> None:
    """Step 3: for spans without a run and runs without a parent run, the nearest run above."""
    spans = {(seen.trace_id, seen.span_id): seen for seen in found}
    nowhere: set[_Found] = set()  # spans that no run is known above of
    for seen in found:
        if seen.kind is SpanKind.JOB:
            seen.parent_run = parent_run_told(seen.trace_id, seen.attributes)
            if seen.parent_run is None and seen.parent_id is not None:
                seen.parent_run = _run_above(seen, spans, nowhere)
        elif seen.run == NO_RUN:
            seen.run = _run_above(seen, spans, nowhere) or NO_RUN


def _run_above(seen: _Found, spans: dict[tuple[bytes, bytes], _Found], nowhere: set[_Found]) -> bytes | None:
    """The nearest run above. What is found holds for all spans on the way, so that no way is gone twice."""
    path = {seen}
    above = spans.get((seen.trace_id, seen.parent_id or b""))
    # Hostile spans are each other's parents.
    while above is not None and above.run == NO_RUN and above not in path and above not in nowhere:
        path.add(above)
        above = spans.get((seen.trace_id, above.parent_id or b""))
    if above is None or above.run == NO_RUN:
        nowhere |= path
        return None
    for one in path:
        if one.run == NO_RUN:
            one.run = above.run
    return above.run


def _record(seen: _Found, values: Values, records: list[Record]) -> None:
    """Step 4: a span's lines, then the span."""
    span, attributes = seen.span, seen.attributes
    trace_id, span_id, run = seen.trace_id, seen.span_id, seen.run
    start = span.start_time_unix_nano
    events: list[SpanEvent] = []
    read, add = values.attributes, records.append
    for place, event in enumerate(span.events or ()):
        said = read(event.attributes or ())
        name = event.name or ""
        time = event.time_unix_nano or start
        if not 0 < time <= _LATEST:
            time = start
        if is_line(name, said):
            add(event_line(trace_id, run, span_id, place, time, said))
        else:
            events.append(SpanEvent(time, name, said))
    status = span.status
    description = status.message or "" if status else ""
    records.append(
        SpanEnded(
            kind=seen.kind,
            trace_id=trace_id,
            span_id=span_id,
            parent_id=seen.parent_id,
            run=run,
            parent_run=seen.parent_run,
            start=start,
            name=span.name or "",
            seq=whole(attributes.get(Attribute.SEQ, 0)),
            attributes=attributes,
            end=max(start, span.end_time_unix_nano or 0),
            status=status_told(attributes, failed=bool(status) and status.code == _ERROR),
            message=str(attributes.get(Attribute.STATUS_MESSAGE) or description),
            events=events,
            links=[
                SpanLink(bytes(link.trace_id), bytes(link.span_id), read(link.attributes or ()))
                for link in span.links or ()
                if _valid(link.trace_id, 16) and _valid(link.span_id, 8)
            ],
            otel_kind=min(5, max(0, (span.kind or 0) - 1)),  # the protocol counts from 1: its 0 says nothing
            scope=seen.scope,
            sampled=True,
            lines=whole(attributes.get(Attribute.LINES, 0)),
            steps=whole(attributes.get(Attribute.STEPS, 0)),
        )
    )


def _line(log: Any, values: Values, scope: str) -> Line | None:
    """A log record as a line; None where it has no time."""
    time = log.time_unix_nano or log.observed_time_unix_nano or 0
    if not 0 < time <= _LATEST:
        return None
    said = values.attributes(log.attributes or ())
    trace_id, span_id = bytes(log.trace_id), bytes(log.span_id)
    if log.event_name:
        said["event.name"] = log.event_name
    message = in_words(values.plain(log.body) if log.body else None)
    severity = severity_told(log.severity_number, log.severity_text)
    run = run_told(trace_id, said)
    seq = whole(said.pop(Attribute.SEQ, 0)) or _number(span_id, time, severity, message, said)
    stream = stream_told(said.pop(Attribute.LOG_IOSTREAM, None))
    said.pop(Attribute.RUN_ID, None)
    return Line(trace_id, run, span_id, time, seq, severity, stream, scope, message, said or None)


def _number(span_id: bytes, time: int, severity: int, message: str, said: dict[str, Any]) -> int:
    """The ``seq`` of a log record, made of all that it says: within a microsecond they are in the order of their time.

    Records that are the same in everything, to the nanosecond, are one line: nothing tells them from a repetition.
    """
    described = msgspec.msgpack.encode((span_id, severity, message, said), order="deterministic")
    digest = int.from_bytes(blake2s(described, digest_size=8).digest(), "big")
    return UNNUMBERED | time % 1000 << 52 | digest % (1 << 52)
