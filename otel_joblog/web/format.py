"""Durations, times, sizes and counts in words. Pure functions; templates use them as filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..export.semantics import UNNUMBERED
from ..store.read.models import ProgressInfo, RunSummary, UsualDuration

__all__ = [
    "going_on",
    "ago",
    "clock",
    "coarse",
    "count",
    "duration",
    "facts",
    "iso",
    "line_number",
    "lines",
    "number",
    "offset",
    "percent",
    "pretty",
    "progress",
    "rate",
    "rough",
    "size",
    "usual",
    "utc",
]


QUIET = 30.0  # seconds without a line before that is worth a word


def duration(seconds: float | None) -> str:
    """``412 ms``, ``1.24 s``, ``42.0 s``, ``2 m 05 s``, ``3 h 12 m``, ``2 d 4 h``; a dash where not known."""
    if seconds is None:
        return "—"
    if seconds < 0.9995:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} m"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def offset(seconds: float) -> str:
    """How long after the start of its run something began: ``+1.24 s``."""
    return f"+{duration(max(0.0, seconds))}"


def line_number(seq: int) -> str:
    """The number of a line within its run; a dot where its sender gave none, and it is only a key."""
    return str(seq) if seq < UNNUMBERED else "·"


def iso(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, for ``<time datetime>``: ``2026-11-03T03:12:04.123Z``."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc(time: datetime) -> str:
    """``2026-11-03 03:12:04 UTC``: what is read until the browser's script puts its own zone there."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(time: datetime) -> str:
    """The time of day in UTC with milliseconds: ``03:12:04.123``."""
    return time.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")[11:23]


def ago(time: datetime, now: datetime) -> str:
    """``just now``, ``40 s ago``, ``5 min ago``, ``3 h ago``, ``12 d ago``; ``in 5 min`` where clocks disagree."""
    seconds = (now - time).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    words = coarse(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}"


def coarse(seconds: float) -> str:
    """``45 s``, ``5 min``, ``3 h``, ``12 d``."""
    for unit, length, until in (("s", 1, 60), ("min", 60, 3_600), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds // 86_400)} d"


def rough(seconds: float) -> str:
    """``412 ms``, ``45 s``, ``12 min``, ``2 h 40 min``, ``3 h``, ``2 d 4 h``."""
    if seconds < 1:
        return duration(seconds)
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24) if hours >= 48 else (0, hours)
    parts = [(days, "d"), (hours, "h"), (0 if days else minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def usual(it: UsualDuration) -> str:
    """``12 min``, or ``12 min, 95 % within 15 min`` where that is something else."""
    p50, p95 = rough(it.p50), rough(it.p95)
    return p50 if p50 == p95 else f"{p50}, 95 % within {p95}"


def going_on(run: RunSummary, now: datetime) -> str | None:
    """``running for 3 h, usually 12 min; nothing heard for 2 h 40 min`` of a run that goes on for too long."""
    if not run.overlong or run.last_heard is None:
        return None
    parts = [f"running for {rough((now - run.started_at).total_seconds())}"]
    if run.usual is not None:
        parts.append(f"usually {rough(run.usual.p50)}")
    if run.expected is not None:
        parts.append(f"at most {rough(run.expected)} expected")
    silence = (now - run.last_heard).total_seconds()
    return ", ".join(parts) + (f"; nothing heard for {rough(silence)}" if silence >= QUIET else "")


def count(number: int, noun: str) -> str:
    """``1 line``, ``12,431 lines``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def lines(run: RunSummary) -> str:
    """``12,431 of 12,431 lines``; ``812 lines so far`` of an open run; ``12 of 12 lines, 3 after its end``.

    Where other processes wrote some of them nobody knows of how many: ``150 lines, 50 of them by other processes``.
    """
    stored = count(run.lines, "line")
    if not run.status.terminal:
        return f"{stored} so far"
    after = f", {run.lines_after_end:,} after its end" if run.lines_after_end else ""
    if run.lines_elsewhere:
        return f"{stored}, {run.lines_elsewhere:,} of them by other processes{after}"
    if run.lines_emitted is None or run.lines_emitted < run.lines:
        return stored + after
    return f"{run.lines:,} of {count(run.lines_emitted, 'line')}{after}"


def number(value: float) -> str:
    """``12,431`` or ``0.25``: without a fraction where there is none, with three digits below a hundred."""
    return f"{value:,.0f}" if value % 1 == 0 or abs(value) >= 100 else f"{value:.3g}"


def rate(per_second: float) -> str:
    """``52 a second``, ``12 a minute``, ``3 an hour``: in the unit that makes a number of it."""
    for unit, length in (("a second", 1), ("a minute", 60)):
        if per_second * length >= 1:
            return f"{number(float(f'{per_second * length:.3g}'))} {unit}"
    return f"{per_second * 3_600:.2g} an hour"


def progress(it: ProgressInfo) -> str:
    """``120 of 400 rows, 52 a second, 5.38 s left``."""
    of = "" if it.total is None else f" of {number(it.total)}"
    said = [f"{number(it.current)}{of} {it.unit}".rstrip()]
    if it.rate is not None:
        said.append(rate(it.rate))
    if it.left:
        said.append(f"{duration(it.left)} left")
    return ", ".join(said)


def facts(values: Mapping[str, Any]) -> str:
    """``records=4,312 source=ftp``."""
    return " ".join(f"{name}={_fact(value)}" for name, value in values.items())


def _fact(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return pretty(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def size(amount: float) -> str:
    """Bytes or characters: ``812 B``, ``38 kB``, ``1.0 MB``, ``1.9 GB``."""
    if amount < 1_000:
        return f"{amount:.0f} B"
    if amount < 999_500:
        return f"{amount / 1_000:.0f} kB"
    if amount < 999_950_000:
        return f"{amount / 1_000_000:.1f} MB"
    return f"{amount / 1_000_000_000:.1f} GB"


def percent(rate: float | None) -> str:
    """``100 %``, ``99.9 %``, ``97 %``; a dash where not known. Never 100 where something failed."""
    if rate is None:
        return "—"
    digits = 1 if 0.99 <= rate < 1 or 0 < rate < 0.01 else 0
    return f"{min(rate * 100, 99.9 if rate < 1 else 100.0):.{digits}f} %"


def pretty(value: Any) -> str:
    """An attribute's value: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
