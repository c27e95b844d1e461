"""Lines and steps as binary COPY streams, built with ``struct``: up to twice as fast as psycopg's ``write_row``.

The format is that of https://www.postgresql.org/docs/current/sql-copy.html ("Binary Format"); the columns are those of
``sql/write/copy_lines.sql`` and ``copy_steps.sql``, in their order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ...conventions import Attribute, RunStatus, SpanKind
from ...errors import RecordRefused
from ...records import Line, Process, SpanEnded, SpanStarted
from ..encoding import json_bytes, text_bytes
from .rows import Step, event_rows, failure, link_rows, step_seq

__all__ = ["EncodedLines", "encode_lines", "encode_steps"]

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, no flags, no extension
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = b"\x01"

# Number of columns, then each with its length before it: ts, trace_id, run_span_id, span_id, seq, severity, stream, and
# the length of logger. The ids are copied through: uuid and bigint are sent just as W3C trace context has them.
_fixed = struct.Struct("> h iq i16s i8s i8s iq ih ih i").pack
_length = struct.Struct("> i").pack

# Of a step what is never null: started_at, trace_id, span_id, run_span_id, seq, status, kind and otel_kind.
_step = struct.Struct("> h iq i16s i8s i8s iq ih ih ih").pack
_bigint = struct.Struct("> iq").pack
_EIGHT = _length(8)
_NO_FAILURE = (None, None, None)

_EPOCH_US = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000-01-01
_YEARS = -62_135_596_800_000_000, 253_402_300_800_000_000  # from 1 to 9999, in microseconds from 1970


class EncodedLines(NamedTuple):
    """The whole stream, header to trailer, and how many bytes the message of each line has."""

    stream: bytes
    sizes: list[int]


def encode_lines(lines: Iterable[Line]) -> EncodedLines:
    """The lines as they go into their table.

    Raises :class:`RecordRefused` for numbers beyond their column, and what :mod:`.encoding` raises for what is no text.
    """
    try:
        return _encoded(lines)
    except struct.error as error:
        raise RecordRefused(f"a line holds a number that its column cannot hold: {error}") from error


def _encoded(lines: Iterable[Line]) -> EncodedLines:
    # The hot path: no call and no tuple more than it takes, and the name of a logger is encoded once.
    pieces = [_HEADER]
    sizes: list[int] = []
    add, add_size = pieces.append, sizes.append
    loggers: dict[str, bytes] = {}
    for line in lines:
        trace_id, run, span_id, name = line.trace_id, line.run, line.span_id, line.logger
        if len(trace_id) != 16 or len(run) != 8 or len(span_id) != 8:
            raise RecordRefused("a line's ids are not 16, 8 and 8 bytes long")  # struct would cut or fill them
        logger = loggers.get(name)
        if logger is None:
            logger = loggers[name] = text_bytes(name)
        text = line.message
        message = text_bytes(text) if "\0" in text else text.encode()
        fixed = _fixed(
            10, 8, line.time // 1000 - _EPOCH_US, 16, trace_id, 8, run, 8, span_id, 8, line.seq, 2, line.severity, 2,
            line.stream, len(logger),
        )  # fmt: skip
        add(fixed)
        add(logger)
        size = len(message)
        add_size(size)
        add(_length(size))
        add(message)
        if line.attributes:
            attributes = json_bytes(line.attributes)
            add(_length(len(attributes) + 1))
            add(_JSONB_VERSION)
            add(attributes)
        else:
            add(_NULL)
    add(_TRAILER)
    return EncodedLines(b"".join(pieces), sizes)


def encode_steps(steps: Iterable[Step]) -> bytes:
    """The whole stream: of each step what :func:`.rows.step_row` has. Raises as :func:`encode_lines`."""
    pieces = [_HEADER]
    texts: dict[str, bytes] = {}  # names, scopes and the like are the same again and again
    try:
        for span, process in steps:
            _add_step(pieces.append, span, process, texts)
    except struct.error as error:
        raise RecordRefused(f"a step holds a number that its column cannot hold: {error}") from error
    pieces.append(_TRAILER)
    return b"".join(pieces)


def _add_step(
    add: Callable[[bytes], None], span: SpanStarted | SpanEnded, process: Process | None, texts: dict[str, bytes]
) -> None:
    trace_id, span_id, parent, run = span.trace_id, span.span_id, span.parent_id, span.run
    if len(trace_id) != 16 or len(span_id) != 8 or len(run) != 8 or (parent is not None and len(parent) != 8):
        raise RecordRefused("a step's ids are not 16 and 8 bytes long")
    ended = span if isinstance(span, SpanEnded) else None
    get = span.attributes.get
    error, events = failure(ended) if ended else (_NO_FAILURE, [])
    add(
        _step(
            22, 8, span.start // 1000 - _EPOCH_US, 16, trace_id, 8, span_id, 8, run, 8, step_seq(span),
            2, (ended.status if ended else RunStatus.RUNNING).code, 2, span.kind is not SpanKind.STEP,
            2, ended.otel_kind if ended else 0,
        )
    )  # fmt: skip
    add(_bigint(8, _end(ended.end)) if ended else _NULL)
    add(_EIGHT + parent if parent is not None else _NULL)
    add(_value(process.process_id) if process else _NULL)
    message, scope = (ended.message, ended.scope) if ended else ("", "")
    for value in (span.name, get(Attribute.STAGE), get(Attribute.TASK_ID), message, scope, *error):
        if value is None:
            add(_NULL)
        else:
            text = value if type(value) is str else str(value)
            encoded = texts.get(text)
            if encoded is None:
                encoded = texts[text] = _value(text_bytes(text))
            add(encoded)
    for document in (span.attributes, event_rows(events), link_rows(ended.links) if ended else None):
        add(_value(_JSONB_VERSION + json_bytes(document)) if document else _NULL)


def _end(end: int) -> int:
    if not _YEARS[0] <= end // 1000 < _YEARS[1]:  # others could be stored, and never be read
        raise RecordRefused("a step ends in no year from 1 to 9999")
    return end // 1000 - _EPOCH_US


def _value(value: bytes) -> bytes:
    return _length(len(value)) + value
