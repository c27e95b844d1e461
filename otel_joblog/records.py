"""The records: the one language of journal, exporters, ingest and store.

A job emits a stream of small immutable records; everything else consumes them. They travel as MessagePack arrays
(field order is the format: append fields, never move them).

Ids are the bytes of W3C trace context: 16 for a trace, 8 for a span. A run is known by its trace id and the span id of
its root span; as text that is ``run_id``: ``<trace_id>-<span_id>`` in lower-case hex. Times are nanoseconds since the
Unix epoch.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .conventions import RunStatus, SpanKind
from .interruption import foreign

__all__ = [
    "AFTER_END",
    "ELSEWHERE",
    "NO_RUN",
    "Dropped",
    "Journaled",
    "Line",
    "Output",
    "Process",
    "Progress",
    "Queued",
    "Record",
    "Sample",
    "SpanEnded",
    "SpanStarted",
    "Told",
    "decode",
    "encode",
    "encode_plainly",
    "format_run_id",
    "holds_lines",
    "lines_of",
    "name_of",
    "run_of_line",
    "shown",
    "text",
]

Attributes = dict[str, Any]

# In the place of a run: which one is not known yet. The span's parents will tell.
NO_RUN = bytes(8)

_name: Any = vars(type)["__name__"]  # the interpreter's own, whatever a metaclass has in its place

# The place of a line within its run says who counts it: from the first of these on it was emitted after the run's end,
# which told how many there were before; from the second on by another process than the run's own, such as a forked
# child.
AFTER_END = 1 << 32
ELSEWHERE = 2 << 32


class Process(msgspec.Struct, array_like=True, frozen=True, tag=1, gc=False):
    """Who is speaking. The first record of every segment, so that each segment can be read alone."""

    process_id: bytes  # 16 random bytes: a pid comes round again, this does not
    started: int
    pid: int
    host: str
    boot_id: str  # tells a restarted host from a dead process; empty where the platform does not say
    service: str
    resource: Attributes
    oom_events: str = ""  # the file in which the kernel counts OOM kills of its control group
    oom_kills: int | None = None  # what it said at the start


class SpanStarted(msgspec.Struct, array_like=True, frozen=True, tag=2, gc=False):
    """A run or step began. Other spans of a trace are told when they end."""

    kind: SpanKind
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    run: bytes  # span id of the run this belongs to; for a run, its own
    parent_run: bytes | None  # span id of the enclosing run in the same trace, where there is one
    start: int
    name: str
    seq: int  # place among the steps of its run, from 1; 0 for a run
    attributes: Attributes
    sampled: bool = True  # as in SpanEnded
    lines: int = 0  # where it is repeated at the head of a segment: lines that the run has emitted so far


class Line(msgspec.Struct, array_like=True, frozen=True, tag=3, gc=False):
    """One log line or line of output."""

    trace_id: bytes
    run: bytes
    span_id: bytes  # the innermost step, or the run itself
    time: int
    seq: int  # place within the run, from 1; AFTER_END and ELSEWHERE say where it begins otherwise
    severity: int  # OTel severity number
    stream: int  # conventions.Stream
    logger: str
    message: str
    attributes: Attributes | None = None


class Progress(msgspec.Struct, array_like=True, frozen=True, tag=4, gc=False):
    """How far a run has come."""

    trace_id: bytes
    run: bytes
    span_id: bytes
    time: int
    current: float
    total: float | None
    unit: str
    since: int = 0  # when this count began; 0 where nobody says
    base: float = 0.0  # and from where: the rate is (current - base) / (time - since)


class SpanEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An OTel span event other than a log line; exceptions are events named ``exception``, as in the convention."""

    time: int
    name: str
    attributes: Attributes


class SpanLink(msgspec.Struct, array_like=True, frozen=True, gc=False):
    trace_id: bytes
    span_id: bytes
    attributes: Attributes


class SpanEnded(msgspec.Struct, array_like=True, frozen=True, tag=5, gc=False):
    """A span ended. It says everything its start said, so that either may be missing or arrive first."""

    kind: SpanKind
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    run: bytes
    parent_run: bytes | None
    start: int
    name: str
    seq: int
    attributes: Attributes
    end: int
    status: RunStatus
    message: str  # why it ended so, in words; empty for success
    events: list[SpanEvent]
    links: list[SpanLink]
    otel_kind: int  # opentelemetry.trace.SpanKind value
    scope: str  # instrumentation scope name
    sampled: bool  # False: Postgres keeps it, OTLP does not get it
    lines: int = 0  # log lines that the run emitted (runs only)
    steps: int = 0  # steps that the run began (runs only)


class Dropped(msgspec.Struct, array_like=True, frozen=True, tag=6, gc=False):
    """Lines of a run that were given up before any store had them. What counts them adds up the records of a run."""

    trace_id: bytes
    run: bytes
    time: int
    lines: int
    reason: str  # in words that go on from "120 lines missing: ", such as "dropped at the journal's cap"


class Sample(msgspec.Struct, array_like=True, frozen=True, tag=7, gc=False):
    """What the process of a run used at one moment of it."""

    trace_id: bytes
    run: bytes
    time: int
    seq: int  # place among the samples of its run, from 1
    memory: int | None  # bytes resident; None where the platform does not tell
    cpu: float  # seconds of CPU, user and system, of the whole process since the run began
    start: int  # when that was


class Output(msgspec.Struct, array_like=True, frozen=True, tag=8, gc=False):
    """Several lines of one stream at once, as a command writes them; who reads journals gets them as :class:`Line`."""

    trace_id: bytes
    run: bytes
    time: int  # when they were read
    seq: int  # of the first of them, as in Line
    count: int  # how many they are
    severity: int
    stream: int
    text: str  # with a newline between each two

    def lines(self) -> list[Line]:
        trace_id, run, time, severity, stream = self.trace_id, self.run, self.time, self.severity, self.stream
        return [
            Line(trace_id, run, run, time, seq, severity, stream, "", message)
            for seq, message in enumerate(self.text.split("\n"), self.seq)
        ]


class Told(msgspec.Struct, array_like=True, frozen=True, tag=9, gc=False):
    """What another process told of itself: a piece of what the ingest took in, whole wherever it is read."""

    process: Process
    records: list[Line | SpanEnded]


class Queued(msgspec.Struct, array_like=True, frozen=True, tag=10, gc=False):
    """A run was put into a queue. Its start, by whatever process, says all this again."""

    trace_id: bytes
    run: bytes
    time: int
    name: str
    service: str  # whose run it is, as far as is known before it starts
    attributes: Attributes
    links: list[SpanLink]  # to the span that put it there


Record = Process | SpanStarted | Line | Progress | SpanEnded | Dropped | Sample | Told | Queued
Journaled = Record | Output  # what lies in a journal

MAX_DEPTH = 8  # of containers in an attribute that MessagePack cannot carry as it is


def _basis(value: Any) -> Any:
    """What MessagePack is given for a type that it does not know: a subclass's plain value, else the ``repr``."""
    if isinstance(value, str):
        return str.__str__(value)  # str(value) might be of the subclass again
    kinds: tuple[type[Any], ...] = (int, float, list, tuple, dict)
    for kind in kinds:
        if isinstance(value, kind):
            return kind(value)
    return repr(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=_basis)
encode_plainly = _encoder.encode  # raises where something cannot be said
_decoder = msgspec.msgpack.Decoder(Journaled)


def encode(record: Journaled) -> bytes:
    """The record as MessagePack. Never fails: what cannot be said is said as nearly as possible (``repr``, escapes)."""
    try:
        return _encoder.encode(record)
    except Exception as trouble:  # lone surrogates, huge integers, cycles, a repr that raises what it likes, …
        if foreign(trouble):
            raise
        return _encoder.encode(_cleaned(record))


def decode(payload: bytes | memoryview) -> Journaled:
    """The record of a payload. Raises ``msgspec.DecodeError`` for anything that is not one."""
    record: Journaled = _decoder.decode(payload)
    return record


# Each the array's length and the tag.
_LINE_HEAD = encode(Line(b"", b"", b"", 0, 0, 0, 0, "", ""))[:2]
_OUTPUT_HEAD = encode(Output(b"", b"", 0, 0, 0, 0, 0, ""))[:2]


def holds_lines(head: bytes) -> bool:
    """Whether an encoded record that begins with these two bytes is a :class:`Line` or an :class:`Output`."""
    return head in (_LINE_HEAD, _OUTPUT_HEAD)


def lines_of(payload: bytes) -> int:
    """How many lines an encoded record holds."""
    head = payload[:2]
    if head == _OUTPUT_HEAD:
        output = decode(payload)
        return output.count if isinstance(output, Output) else 0
    return int(head == _LINE_HEAD)


def run_of_line(payload: bytes) -> tuple[bytes, bytes]:
    """Trace id and span id of the run that an encoded record that holds lines belongs to, without decoding the rest."""
    return payload[4:20], payload[22:30]  # each behind its type and length, one byte apiece


def format_run_id(trace_id: bytes, span_id: bytes) -> str:
    return f"{trace_id.hex()}-{span_id.hex()}"


def _cleaned(record: Any) -> Any:
    fields = {name: _clean(getattr(record, name), 0) for name in record.__struct_fields__}
    return type(record)(**fields)


def _clean(value: Any, depth: int) -> Any:
    try:
        return _plain(value, depth)
    except Exception as trouble:  # isinstance asks a proxy for its __class__, which one that is not bound refuses
        if foreign(trouble):
            raise
        return str.encode(shown(value), "utf-8", "backslashreplace").decode()


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, bool | float | bytes | None):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _number(value)
    if isinstance(value, SpanEvent | SpanLink):
        return _cleaned(value)
    if depth < MAX_DEPTH:
        # Real containers only: anything else may be endless, or raise when it is looked into.
        if isinstance(value, dict):
            return {_clean(text(key), depth): _clean(item, depth + 1) for key, item in dict(value).items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_clean(item, depth + 1) for item in list(value)]
    return _clean(shown(value), depth)


def _number(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # beyond the digits that Python is willing to print
        return hex(value)


def name_of(kind: type) -> str:
    """Its ``__name__``, whatever its metaclass does."""
    name: str = _name.__get__(kind)
    return name


def text(value: object) -> str:
    """``str(value)``, whatever its ``__str__`` does."""
    try:
        return str(value)
    except Exception as trouble:
        if foreign(trouble):
            raise
        return f"<{name_of(type(value))} whose str raised {name_of(type(trouble))}>"


def shown(value: object) -> str:
    """``repr(value)``, whatever its ``__repr__`` does."""
    try:
        return repr(value)
    except Exception as trouble:
        if foreign(trouble):
            raise
        return f"<{name_of(type(value))} whose repr raised {name_of(type(trouble))}>"
