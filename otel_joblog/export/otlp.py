"""OTLP: records become finished spans again and go out through the stock ``OTLPSpanExporter``.

OTLP knows only ended spans, so this sink remembers, for each span still open, the bounded mirror of its log lines. That
memory is its snapshot: it is written down with the cursor, so that another process can carry on where this one stopped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ..background import in_background, unlist
from ..conventions import Attribute, RunStatus
from ..conventions import SpanKind as RecordKind
from ..errors import ExportUnavailable, RecordRefused
from ..records import AFTER_END, ELSEWHERE, Dropped, Line, Process, Record, SpanEnded
from .mirror import Mirror, event_attributes
from .spans import run_said, speaker
from .targets import Endpoint, otlp_name

__all__ = ["OtlpSink"]

EVENT_LIMIT = 128  # OTel's default OTEL_SPAN_EVENT_COUNT_LIMIT
REFUSED = frozenset({400, 413, 422})  # the request itself is at fault; everything else may pass


class OtlpSink:
    """Takes records, exports spans. One per journal; :meth:`fresh` gives one for another with the same connection."""

    def __init__(self, where: Endpoint, *, exporter: SpanExporter | None = None) -> None:
        self.name = otlp_name(where)
        self._connection = _Connection(where, exporter)
        self._open: dict[bytes, Mirror] = {}

    def prepare(self) -> None:
        self._connection.prepare()

    def ship(self, records: Sequence[Record], process: Process | None) -> None:
        still_open = dict(self._open)
        spans: list[ReadableSpan] = []
        resource = Resource(speaker(process))
        for record in records:
            if isinstance(record, Line):
                if record.span_id == record.run and AFTER_END <= record.seq < ELSEWHERE:
                    continue  # its span has been exported
                self._own_copy(still_open, record.span_id).add(record)
            elif isinstance(record, Dropped):
                self._own_copy(still_open, record.run).leave_out(record.lines)
            elif isinstance(record, SpanEnded):
                mirror = still_open.pop(record.span_id, None)
                if record.sampled:
                    spans.append(to_span(record, mirror, resource))
        if spans:
            try:
                self._connection.export(spans)
            except RecordRefused:
                if len(records) == 1:  # set aside now, and not to be remembered as open for ever
                    self._open = still_open
                raise
        self._open = still_open

    def _own_copy(self, still_open: dict[bytes, Mirror], span_id: bytes) -> Mirror:
        """This batch's mirror of a span. A copy: should the export fail, the same records come again."""
        mirror = still_open.get(span_id)
        if mirror is None or mirror is self._open.get(span_id):
            mirror = still_open[span_id] = mirror.copy() if mirror else Mirror(EVENT_LIMIT)
        return mirror

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode({span_id.hex(): mirror.state() for span_id, mirror in self._open.items()})

    def restore(self, snapshot: bytes) -> None:
        states = msgspec.msgpack.decode(snapshot, type=dict[str, Mirror.State]) if snapshot else {}
        self._open = {bytes.fromhex(span_id): Mirror.of(state) for span_id, state in states.items()}

    def beat(self, process_ids: Sequence[bytes]) -> None:
        """OTLP has no word for it."""

    def forget(self, process_ids: Sequence[bytes]) -> None:
        """Nor for this."""

    def settle(self, lost_after: float) -> None:
        """Nor for this: what a trace backend has not got by then it will not miss."""

    def fresh(self) -> OtlpSink:
        other = object.__new__(OtlpSink)
        other.name, other._connection, other._open = self.name, self._connection, {}
        return other

    def close(self) -> None:
        self._connection.close()


def to_span(record: SpanEnded, mirror: Mirror | None, resource: Resource) -> ReadableSpan:
    """The record as the SDK's own kind of finished span, its log lines as events named ``log``."""
    attributes = _values(record.attributes) | run_said(record)
    events = [Event(event.name, _values(event.attributes), event.time) for event in record.events]
    if mirror is not None:
        events += [Event("log", event_attributes(line), line.time) for line in mirror.lines()]
        events.sort(key=lambda event: event.timestamp)
        if mirror.left_out:
            attributes[Attribute.LINES_LEFT_OUT] = mirror.left_out
    return ReadableSpan(
        name=record.name,
        context=_context(record.trace_id, record.span_id),
        parent=_context(record.trace_id, record.parent_id) if record.parent_id else None,
        resource=resource,
        attributes=attributes,
        events=events,
        links=[Link(_context(link.trace_id, link.span_id), _values(link.attributes)) for link in record.links],
        kind=SpanKind(record.otel_kind),
        status=_status(record),
        start_time=record.start,
        end_time=record.end,
        instrumentation_scope=InstrumentationScope(record.scope or "otel_joblog"),
    )


def _context(trace_id: bytes, span_id: bytes) -> SpanContext:
    return SpanContext(
        int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big"), False, TraceFlags(TraceFlags.SAMPLED)
    )


def _status(record: SpanEnded) -> Status:
    if record.status.failed:
        return Status(StatusCode.ERROR, record.message or record.status.value)
    if record.status is RunStatus.SUCCESS and record.kind is not RecordKind.SPAN:
        return Status(StatusCode.OK)
    return Status(StatusCode.UNSET)


def _values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes in OTLP's types: mappings and mixed lists, which the journal can carry, as text."""
    return {key: _value(value) for key, value in attributes.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, str | bool | int | float | bytes):
        return value
    if isinstance(value, list | tuple) and len({type(item) for item in value} | {str}) == 1:
        return value
    return str(value)


# The exporters, and what they would import only as they send.
_HTTP_MODULES = ("requests", "netrc", "opentelemetry.exporter.otlp.proto.http.trace_exporter", f"{__package__}.sockets")
_GRPC_MODULES = (
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
    "grpc._channel",
    "grpc.experimental",
    "importlib.resources.readers",
)


class _Connection:
    """The stock exporter, made when it is first needed."""

    def __init__(self, where: Endpoint, exporter: SpanExporter | None) -> None:
        self._where = where
        self._exporter = exporter
        self._answer = ""  # what the receiver said last, where it did not say yes
        self._refused = False  # whether that was its last word on these spans
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Import what sending takes. Nothing is begun: gRPC has threads, and the program may fork next."""
        for name in _GRPC_MODULES if self._where.grpc else _HTTP_MODULES:
            import_module(name)

    def _made(self) -> SpanExporter:
        if self._exporter is None:
            self._exporter = self._http() if not self._where.grpc else self._grpc()
            hush_exporter_loggers()
            spare_global_random()
        return self._exporter

    def export(self, spans: Sequence[ReadableSpan]) -> None:
        with self._lock:
            exporter = self._made()
            self._answer, self._refused = "", False
            if exporter.export(spans) is SpanExportResult.SUCCESS:
                return
            answered, refused = self._answer, self._refused
        said = f"the OTLP endpoint {self._where.url} " + (f"answered {answered}" if answered else "does not answer")
        raise RecordRefused(said) if refused else ExportUnavailable(said)

    def close(self) -> None:
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            exporter.shutdown()

    def _http(self) -> SpanExporter:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from .sockets import keep_sockets

        def note(response: requests.Response, *_args: Any, **_kwargs: Any) -> None:
            self._answer, self._refused = str(response.status_code), response.status_code in REFUSED

        session = requests.Session()
        session.hooks["response"].append(note)
        keep_sockets(session)
        return OTLPSpanExporter(session=session)

    def _grpc(self) -> SpanExporter:
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        def note(error: Any) -> None:
            code, details = error.code(), error.details() or ""
            if code is grpc.StatusCode.DEADLINE_EXCEEDED and self._answer:
                return  # it was asked again with hardly any time left; what it said before says more
            self._answer = f"{code.name}: {details}"
            self._refused = code is grpc.StatusCode.INVALID_ARGUMENT or (
                code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details
            )

        base: Any = OTLPSpanExporter

        class Noting(base):  # type: ignore[misc]
            """It keeps to itself what was answered."""

            def _initialize_channel_and_stub(self) -> None:
                super()._initialize_channel_and_stub()
                export = self._client.Export

                def noted(*args: Any, **kwargs: Any) -> Any:
                    try:
                        return export(*args, **kwargs)
                    except grpc.RpcError as error:
                        note(error)
                        raise

                self._client.Export = noted

        with quiet_grpc():
            exporter: SpanExporter = Noting()
        return exporter


@contextlib.contextmanager
def quiet_grpc() -> Iterator[None]:
    """While gRPC sets itself up: its core is not to write to the job's stderr, unless it was told to."""
    if "GRPC_VERBOSITY" in os.environ:
        yield
        return
    os.environ["GRPC_VERBOSITY"] = "NONE"
    try:
        yield
    finally:
        os.environ.pop("GRPC_VERBOSITY", None)


def spare_global_random() -> None:
    """The stock exporters jitter by the global ``random``: a job that seeds it is to get what it would without us."""
    for name, module in list(sys.modules.items()):
        if name.startswith("opentelemetry.exporter.otlp.") and getattr(module, "random", None) is random:
            module.random = random.Random()  # type: ignore[attr-defined]  # noqa: S311


def hush_exporter_loggers() -> None:
    """Keep the stock exporter's own messages out of the job's output: the lane tells of failures, once."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("opentelemetry.exporter.", "urllib3.")):
            logger = logging.getLogger(name)
            if not any(isinstance(known, _NotOurs) for known in logger.filters):
                logger.addFilter(_NotOurs())


class _NotOurs(logging.Filter):
    """Drops what is logged on our own threads; an exporter of the application's keeps its voice."""

    def filter(self, _record: logging.LogRecord) -> bool:
        ours = in_background()
        if ours:
            unlist()
        return not ours
