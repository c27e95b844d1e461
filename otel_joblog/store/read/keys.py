"""Keys as people and programs hold them: run ids and their prefixes, and the places where a page goes on."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from ...errors import BadCursor, RunNotFound
from ..columns import instant, nanoseconds
from .models import LogLine, RunSummary

__all__ = [
    "FoundKey",
    "RunPrefix",
    "TaskKey",
    "after_job",
    "before_run",
    "execution_key",
    "job_key",
    "key_of",
    "key_of_run",
    "line_bounds",
    "line_key",
    "run_key",
    "run_prefix",
    "span_hex",
]

_TRACE = re.compile(r"([0-9a-f]{6,32})-?()")
_TRACE_AND_SPAN = re.compile(r"([0-9a-f]{4,31})-([0-9a-f]{4,16})|([0-9a-f]{32})-?([0-9a-f]{1,16})")
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_RUN_KEY = struct.Struct(">q16sq")
_FOUND_KEY = struct.Struct(">q16sqq")
_LINE_KEY = struct.Struct(">qq")
_TASK_KEY = struct.Struct(">q16sqqq")
_FIRST = -(2**63)  # as the time of a line: none yet


class RunPrefix(NamedTuple):
    """What a prefix of a run id asks for: a range of trace ids, and the beginning of the span id in hex."""

    low: UUID
    high: UUID
    span_prefix: str


def run_prefix(text: str) -> RunPrefix:
    """Reads a run id or the beginning of one, in either case. Raises :class:`RunNotFound`.

    Of the trace id 6 or more characters will do, or 4 where 4 or more of the span id follow behind a hyphen.
    """
    given = text.strip().lower()
    match = _TRACE.fullmatch(given) or _TRACE_AND_SPAN.fullmatch(given)
    if match is None:
        raise RunNotFound(
            f"{text[:80]!r} is no run id: give 6 or more of its characters, 0-9 and a-f, or 4 of each part "
            "as in a77c-679c; `otel-joblog list` shows them"
        )
    trace, span = [part for part in match.groups() if part is not None]
    return RunPrefix(UUID(trace.ljust(32, "0")), UUID(trace.ljust(32, "f")), span)


def span_hex(bigint: int) -> str:
    """A span id as text: ``00f067aa0ba902b7``."""
    return f"{bigint & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def run_key(started_at: datetime, trace_id: UUID, span_id: int) -> str:
    """The key behind this run in a list of runs."""
    return _text(_RUN_KEY.pack(nanoseconds(started_at) // 1000, trace_id.bytes, span_id))


def key_of_run(run: RunSummary) -> str:
    """The same, of a run of the list."""
    trace_id, _, span_id = run.run_id.partition("-")
    return run_key(run.started_at, UUID(trace_id), int.from_bytes(bytes.fromhex(span_id), signed=True))


def before_run(key: str | None) -> dict[str, Any]:
    """The parameters ``before_*`` of ``runs.sql``."""
    if key is None:
        return {"before_at": None, "before_trace": None, "before_span": None}
    microseconds, trace_id, span_id = _parts(_RUN_KEY, key)
    return {"before_at": _instant(microseconds), "before_trace": UUID(bytes=trace_id), "before_span": span_id}


def execution_key(run_id: str | None) -> dict[str, Any]:
    """The parameters ``first_*`` of ``runs.sql`` for a whole run id."""
    if run_id is None:
        return {"first_trace": None, "first_span": None}
    trace_id, _, span_id = run_id.partition("-")
    return {"first_trace": UUID(trace_id), "first_span": int.from_bytes(bytes.fromhex(span_id), signed=True)}


def line_key(line: LogLine) -> str:
    """The key of this line: what to pass as ``after`` for the lines that follow it, as ``before`` for those before."""
    return key_of(line.time, line.seq)


def key_of(time: datetime, seq: int) -> str:
    """As :func:`line_key`, of a line by its time and number."""
    return _text(_LINE_KEY.pack(nanoseconds(time) // 1000, seq))


def line_bounds(after: str | None, before: str | None) -> dict[str, Any]:
    """The parameters ``after_*`` and ``before_*`` of ``lines.sql``."""
    after_at, after_seq = _line_parts(after)
    before_at, before_seq = _line_parts(before)
    return {"after_at": after_at, "after_seq": after_seq, "before_at": before_at, "before_seq": before_seq}


def job_key(name: str, service: str) -> str:
    """The key behind this job in a list of jobs."""
    return _text("\0".join((name, service)).encode())


def after_job(key: str | None) -> dict[str, Any]:
    """The parameters ``after_*`` of ``jobs.sql``."""
    if key is None:
        return {"after_name": None, "after_service": None}
    try:
        name, service = _bytes(key).decode().split("\0")
    except ValueError:
        raise _bad_cursor(key) from None
    return {"after_name": name, "after_service": service}


class FoundKey(NamedTuple):
    """A place among all lines, newest first: what comes after it is older.

    Without more than the time it is the end of all lines of that time.
    """

    at: datetime
    trace_id: UUID = UUID(int=0)
    run: int = -(2**63)
    seq: int = -(2**63)

    @property
    def end(self) -> datetime:
        """All that comes after it is before this time."""
        return self.at if self == FoundKey(self.at) else self.at + timedelta(microseconds=1)

    @classmethod
    def read(cls, key: str) -> FoundKey:
        """Raises :class:`BadCursor` for anything but the text of one."""
        microseconds, trace_id, run, seq = _parts(_FOUND_KEY, key)
        return cls(_instant(microseconds), UUID(bytes=trace_id), run, seq)

    def __str__(self) -> str:
        return _text(_FOUND_KEY.pack(nanoseconds(self.at) // 1000, self.trace_id.bytes, self.run, self.seq))


class TaskKey(NamedTuple):
    """A place among the lines of a task: a run, by the last of its steps of it, and the line to go on after."""

    at: datetime
    trace_id: UUID
    step: int
    line: str | None = None  # None: from its first line on

    @classmethod
    def of(cls, run: Mapping[str, Any], line: str | None) -> TaskKey:
        """Of a row of ``task_runs.sql``."""
        return cls(run["started_at"], run["trace_id"], run["span_id"], line)

    @classmethod
    def read(cls, key: str) -> TaskKey:
        """Raises :class:`BadCursor` for anything but the text of one."""
        microseconds, trace_id, step, line_at, line_seq = _parts(_TASK_KEY, key)
        line = None if line_at == _FIRST else _text(_LINE_KEY.pack(line_at, line_seq))
        return cls(_instant(microseconds), UUID(bytes=trace_id), step, line)

    @staticmethod
    def bounds(key: TaskKey | None) -> dict[str, Any]:
        """The parameters ``before_*`` of ``task_runs.sql``."""
        at, trace_id, step = (_LATEST, UUID(int=2**128 - 1), 2**63 - 1) if key is None else key[:3]
        return {"before_at": at, "before_trace": trace_id, "before_span": step}

    def is_of(self, run: Mapping[str, Any]) -> bool:
        return (self.trace_id, self.step) == (run["trace_id"], run["span_id"])

    def __str__(self) -> str:
        line = (_FIRST, 0) if self.line is None else _LINE_KEY.unpack(_bytes(self.line))
        return _text(_TASK_KEY.pack(nanoseconds(self.at) // 1000, self.trace_id.bytes, self.step, *line))


def _line_parts(key: str | None) -> tuple[datetime | None, int | None]:
    if key is None:
        return None, None
    microseconds, seq = _parts(_LINE_KEY, key)
    return _instant(microseconds), seq


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def _parts(form: struct.Struct, key: str) -> tuple[Any, ...]:
    try:
        return form.unpack(_bytes(key))
    except struct.error:
        raise _bad_cursor(key) from None


def _bytes(key: str) -> bytes:
    try:
        return base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad_cursor(key) from None


def _instant(microseconds: int) -> datetime:
    try:
        return instant(microseconds * 1000)
    except OverflowError:
        raise _bad_cursor(str(microseconds)) from None


def _bad_cursor(key: str) -> BadCursor:
    return BadCursor(f"{key[:80]!r} is no key of a page: pass `next` of the page before, or nothing for the first page")
