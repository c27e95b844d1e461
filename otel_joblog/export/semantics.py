"""What a span says of runs, whoever sent it: its kind, its run, how it ended, and which of its events are log lines.

The SDK's spans in this process (:mod:`.spans`) and those that come by OTLP (:mod:`otel_joblog.ingest`) are read by the
same rules, so that both ways give the same rows. Everything here is a function of the span itself: whatever order,
parts and repetitions spans come in, each is read the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s
from typing import Any
from uuid import UUID

import msgspec

from ..conventions import Attribute, RunStatus, Severity, SpanKind, Stream
from ..records import NO_RUN, Line, Process

__all__ = [
    "UNNUMBERED",
    "event_line",
    "is_line",
    "kind_told",
    "line_number",
    "parent_run_told",
    "process_of",
    "run_told",
    "severity_told",
    "status_told",
    "stream_told",
    "whole",
]

# Lines that do not say their place in the run have numbers from here on, made of what tells them apart. They lie above
# records.ELSEWHERE: what counts a run's lines does not count these.
UNNUMBERED = 1 << 62
_EVENTS = 1 << 24  # numbers for the events of one span

# The keys of a line: looking them up in their class each time would be a tenth of what reading a line takes.
_MESSAGE, _SEVERITY, _LOGGER, _SEQ = Attribute.LOG_MESSAGE, Attribute.LOG_SEVERITY, Attribute.LOG_LOGGER, Attribute.SEQ

_LEVELS = {**{level.name: int(level) for level in Severity}, "WARNING": 13, "CRITICAL": 21, "NOTICE": 10}
_STREAMS = {stream.name.lower(): int(stream) for stream in Stream}
_STATUSES = {status.value: status for status in RunStatus if status.terminal}
_KINDS = {SpanKind.JOB.value: SpanKind.JOB, SpanKind.STEP.value: SpanKind.STEP}


def kind_told(attributes: Mapping[str, Any]) -> SpanKind | None:
    """What the span says that it is to us; None where it does not."""
    said = attributes.get(Attribute.KIND)
    return _KINDS.get(said) if isinstance(said, str) else None


def run_told(trace_id: bytes, attributes: Mapping[str, Any]) -> bytes:
    """The run that ``joblog.run_id`` names, as far as it is one of this trace; else :data:`NO_RUN`."""
    return _span_of(trace_id, attributes.get(Attribute.RUN_ID)) or NO_RUN


def parent_run_told(trace_id: bytes, attributes: Mapping[str, Any]) -> bytes | None:
    return _span_of(trace_id, attributes.get(Attribute.PARENT_RUN))


def _span_of(trace_id: bytes, run_id: object) -> bytes | None:
    if not isinstance(run_id, str):
        return None
    trace, _, span = run_id.rpartition("-")
    try:
        found = bytes.fromhex(span)
    except ValueError:
        return None
    return found if len(found) == 8 and found != NO_RUN and trace in {"", trace_id.hex()} else None


def status_told(attributes: Mapping[str, Any], *, failed: bool) -> RunStatus:
    """How the span ended: as it says, else by OTel's status."""
    said = attributes.get(Attribute.STATUS)
    told = _STATUSES.get(said) if isinstance(said, str) else None
    return told or (RunStatus.ERROR if failed else RunStatus.SUCCESS)


def severity_told(number: Any, label: Any) -> int:
    """An OTel severity number of both ways to say it; INFO where neither does."""
    if type(number) is int and 1 <= number <= 24:
        return number
    if type(label) is not str:
        return 9
    return _LEVELS.get(label) or _LEVELS.get(label.upper(), 9)


def stream_told(said: Any) -> int:
    return _STREAMS.get(said, 0) if isinstance(said, str) else 0


def whole(value: Any) -> int:
    """A number that somebody gave, as one that a bigint can take; 0 for what is none."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return max(-(2**63), min(2**63 - 1, number))


def is_line(name: str, attributes: Mapping[str, Any]) -> bool:
    """Whether an event of a span is a log line: one named ``log`` with a message."""
    return name == "log" and _MESSAGE in attributes


def event_line(trace_id: bytes, run: bytes, span_id: bytes, place: int, time: int, said: dict[str, Any]) -> Line:
    """The line that an event is; ``place`` is the event's among those of its span. Takes ``said`` apart."""
    pop = said.pop
    message = pop(_MESSAGE)
    label = pop(_SEVERITY, None)
    logger = pop(_LOGGER, "")
    seq = pop(_SEQ, 0)
    severity = _LEVELS.get(label, 0) if type(label) is str else 9
    stream = 0
    if said or not severity:  # seldom
        severity = severity_told(pop(Attribute.LOG_SEVERITY_NUMBER, None), label)
        stream = stream_told(pop(Attribute.LOG_IOSTREAM, None))
    return Line(
        trace_id,
        run,
        span_id,
        time,
        (seq if type(seq) is int else whole(seq)) or line_number(span_id, place),
        severity,
        stream,
        logger if type(logger) is str else str(logger),
        message if type(message) is str else str(message),
        said or None,
    )


def line_number(span_id: bytes, place: int) -> int:
    """The ``seq`` of a line that says none: by its span and its place there, and in the order of these places."""
    return UNNUMBERED | int.from_bytes(span_id, "big") % (1 << 38) * _EVENTS | place % _EVENTS


def process_of(resource: dict[str, Any]) -> Process:
    """Who a resource says that it is. The same resource is the same process, wherever it is met.

    Our own library says its process's id. Of others it is ``service.instance.id`` with all the rest of the resource.
    """
    get = resource.get
    said = get(Attribute.PROCESS_ID)
    try:
        process_id = UUID(said).bytes if isinstance(said, str) else b""
    except ValueError:
        process_id = b""
    if not process_id:
        described = msgspec.json.encode(resource, enc_hook=repr, order="deterministic")
        process_id = blake2s(described, digest_size=16).digest()
    return Process(
        process_id=process_id,
        started=0,
        pid=max(0, min(2**31 - 1, whole(get(Attribute.PROCESS_PID, 0)))),
        host=str(get(Attribute.HOST_NAME, "")),
        boot_id="",
        service=str(get(Attribute.SERVICE_NAME, "")),
        resource={key: value for key, value in resource.items() if key != Attribute.PROCESS_ID},
    )
