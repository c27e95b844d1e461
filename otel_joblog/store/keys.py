"""Keys as people and programs hold them: run ids and their prefixes, and the places where a page goes on."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from ..errors import JobLogError, RunNotFound
from .models import LogLine
from .rows import instant, nanoseconds

__all__ = ["BadCursor", "RunPrefix", "after_line", "before_run", "line_key", "run_key", "run_prefix", "span_hex"]

_PREFIX = re.compile(r"([0-9a-f]{6,32})-?|([0-9a-f]{32})-?([0-9a-f]{1,16})")
_RUN_KEY = struct.Struct(">q16sq")
_LINE_KEY = struct.Struct(">qq")


class BadCursor(JobLogError):
    """The key of a page is none of ours. Take ``next`` of the page before, or begin anew without a key."""


class RunPrefix(NamedTuple):
    """What a prefix of a run id asks for: a range of trace ids, and the beginning of the span id in hex."""

    low: UUID
    high: UUID
    span_prefix: str


def run_prefix(text: str) -> RunPrefix:
    """Reads a run id, or 6 or more characters of its beginning, in either case. Raises :class:`RunNotFound`."""
    match = _PREFIX.fullmatch(text.strip().lower())
    if match is None:
        raise RunNotFound(
            f"{text[:80]!r} is no run id: give 6 or more of its characters, 0-9 and a-f; `otel-joblog list` shows them"
        )
    trace = match[1] or match[2]
    return RunPrefix(UUID(trace.ljust(32, "0")), UUID(trace.ljust(32, "f")), match[3] or "")


def span_hex(bigint: int) -> str:
    """A span id as text: ``00f067aa0ba902b7``."""
    return f"{bigint & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def run_key(started_at: datetime, trace_id: UUID, span_id: int) -> str:
    """The key behind this run in a list of runs."""
    return _text(_RUN_KEY.pack(nanoseconds(started_at) // 1000, trace_id.bytes, span_id))


def before_run(key: str | None) -> dict[str, Any]:
    """The parameters ``before_*`` of ``runs.sql``."""
    if key is None:
        return {"before_at": None, "before_trace": None, "before_span": None}
    microseconds, trace_id, span_id = _parts(_RUN_KEY, key)
    return {"before_at": _instant(microseconds), "before_trace": UUID(bytes=trace_id), "before_span": span_id}


def line_key(line: LogLine) -> str:
    """The key behind this line: what to pass as ``after`` for the lines that follow it."""
    return _text(_LINE_KEY.pack(nanoseconds(line.time) // 1000, line.seq))


def after_line(key: str | None) -> dict[str, Any]:
    """The parameters ``after_*`` of ``lines.sql``."""
    if key is None:
        return {"after_at": None, "after_seq": None}
    microseconds, seq = _parts(_LINE_KEY, key)
    return {"after_at": _instant(microseconds), "after_seq": seq}


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def _parts(form: struct.Struct, key: str) -> tuple[Any, ...]:
    try:
        return form.unpack(base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError):
        raise _bad_cursor(key) from None


def _instant(microseconds: int) -> datetime:
    try:
        return instant(microseconds * 1000)
    except OverflowError:
        raise _bad_cursor(str(microseconds)) from None


def _bad_cursor(key: str) -> BadCursor:
    return BadCursor(f"{key[:80]!r} is no key of a page: pass `next` of the page before, or nothing for the first page")
