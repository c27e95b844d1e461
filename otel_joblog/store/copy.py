"""Lines and steps as binary COPY streams, built with ``struct``: up to twice as fast as psycopg's ``write_row``.

The format is that of https://www.postgresql.org/docs/current/sql-copy.html ("Binary Format"); the columns are those of
``sql/write/copy_lines.sql`` and ``copy_steps.sql``, in their order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from datetime import datetime

from ..errors import RecordRefused
from ..records import Line
from .encoding import json_bytes, text_bytes
from .rows import Row, nanoseconds

__all__ = ["encode_lines", "encode_steps"]

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, no flags, no extension
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = b"\x01"

# Number of columns, then each with its length before it: ts, trace_id, run_span_id, span_id, seq, severity, stream, and
# the length of logger. The ids are copied through: uuid and bigint are sent just as W3C trace context has them.
_fixed = struct.Struct("> h iq i16s i8s i8s iq ih ih i").pack
_length = struct.Struct("> i").pack

# Of a step what is never null: started_at, trace_id, span_id, run_span_id, seq, status, kind and otel_kind.
_step = struct.Struct("> h iq i16s iq iq iq ih ih ih").pack
_bigint = struct.Struct("> iq").pack

_EPOCH_US = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000-01-01
_STEP_TEXTS = (
    "name", "stage", "task_id", "status_message", "scope", "error_type", "error_message", "error_stacktrace",
)  # fmt: skip
_STEP_DOCUMENTS = ("attributes", "events", "links")


def encode_lines(lines: Iterable[Line]) -> bytes:
    """The whole stream, header to trailer.

    Raises :class:`RecordRefused` for numbers beyond their column, and what :mod:`.encoding` raises for what is no text.
    """
    try:
        return _encoded(lines)
    except struct.error as error:
        raise RecordRefused(f"a line holds a number that its column cannot take: {error}") from error


def _encoded(lines: Iterable[Line]) -> bytes:
    # The hot path: no call and no tuple more than it takes, and the name of a logger is encoded once.
    pieces = [_HEADER]
    add = pieces.append
    loggers: dict[str, bytes] = {}
    for line in lines:
        trace_id, run, span_id, name = line.trace_id, line.run, line.span_id, line.logger
        if len(trace_id) != 16 or len(run) != 8 or len(span_id) != 8:
            raise RecordRefused("a line's ids are not 16, 8 and 8 bytes long")  # struct would cut or fill them
        logger = loggers.get(name)
        if logger is None:
            logger = loggers[name] = text_bytes(name)
        message = text_bytes(line.message)
        fixed = _fixed(
            10, 8, line.time // 1000 - _EPOCH_US, 16, trace_id, 8, run, 8, span_id, 8, line.seq, 2, line.severity, 2,
            line.stream, len(logger),
        )  # fmt: skip
        add(fixed)
        add(logger)
        add(_length(len(message)))
        add(message)
        if line.attributes:
            attributes = json_bytes(line.attributes)
            add(_length(len(attributes) + 1))
            add(_JSONB_VERSION)
            add(attributes)
        else:
            add(_NULL)
    add(_TRAILER)
    return b"".join(pieces)


def encode_steps(steps: Iterable[Row]) -> bytes:
    """The whole stream of rows of steps (:func:`.rows.step_row`). Raises as :func:`encode_lines`."""
    pieces = [_HEADER]
    try:
        for step in steps:
            _add_step(pieces.append, step)
    except struct.error as error:
        raise RecordRefused(f"a step holds a number that its column cannot take: {error}") from error
    pieces.append(_TRAILER)
    return b"".join(pieces)


def _add_step(add: Callable[[bytes], None], step: Row) -> None:
    get = step.get
    trace_id, process_id = bytes.fromhex(step["trace_id"]), get("process_id")
    if len(trace_id) != 16:
        raise RecordRefused("a step's trace id is not 16 bytes long")
    add(
        _step(
            22, 8, _microseconds(step["started_at"]), 16, trace_id, 8, step["span_id"], 8, step["run_span_id"], 8,
            step["seq"], 2, step["status"], 2, step["kind"], 2, step["otel_kind"],
        )
    )  # fmt: skip
    ended_at, parent = get("ended_at"), step["parent_span_id"]
    add(_NULL if ended_at is None else _bigint(8, _microseconds(ended_at)))
    add(_NULL if parent is None else _bigint(8, parent))
    add(_NULL if process_id is None else _value(bytes.fromhex(process_id)))
    for column in _STEP_TEXTS:
        text = get(column)
        add(_NULL if text is None else _value(text_bytes(text)))
    for column in _STEP_DOCUMENTS:
        document = get(column)
        add(_NULL if document is None else _value(_JSONB_VERSION + json_bytes(document)))


def _value(value: bytes) -> bytes:
    return _length(len(value)) + value


def _microseconds(at: datetime) -> int:
    return nanoseconds(at) // 1000 - _EPOCH_US
