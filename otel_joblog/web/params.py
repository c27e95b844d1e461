"""Query parameters, read strictly: what cannot be used is answered with a sentence that says what could."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, TypedDict

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..conventions import RunStatus, Severity, Stream

__all__ = ["LineFilters", "RunFilters", "after", "at", "before", "flag", "limit", "line_filters", "run_filters"]

STATUS_GROUPS = {
    "failed": [status for status in RunStatus if status.failed],
    "open": [status for status in RunStatus if not status.terminal],
}
STATUS_WORDS = [*RunStatus, *STATUS_GROUPS]
LEVEL_WORDS = [level.name.lower() for level in Severity]
STREAM_WORDS = [stream.name.lower() for stream in Stream]
SPAN_ID = re.compile(r"[0-9a-f]{16}")


class RunFilters(TypedDict):
    """Keyword arguments of ``Reader.runs``."""

    job: str | None
    status: list[RunStatus] | None
    reference: str | None
    since: datetime | None
    until: datetime | None


class LineFilters(TypedDict):
    """Keyword arguments of ``Reader.lines``."""

    min_severity: int | None
    stream: Stream | None
    step: str | None


def run_filters(request: Request) -> RunFilters:
    return {
        "job": _text(request, "job"),
        "status": _statuses(request),
        "reference": _text(request, "reference"),
        "since": _instant(request, "since"),
        "until": _instant(request, "until"),
    }


def line_filters(request: Request) -> LineFilters:
    level = _one_of(request, "level", LEVEL_WORDS)
    stream = _one_of(request, "stream", STREAM_WORDS)
    step = _text(request, "step")
    if step is not None and not SPAN_ID.fullmatch(step):
        raise _refuse("step", step, "give the step's span id, 16 digits of lower-case hex")
    return {
        "min_severity": Severity[level.upper()] if level else None,
        "stream": Stream[stream.upper()] if stream else None,
        "step": step,
    }


def limit(request: Request, *, default: int, most: int) -> int:
    text = _text(request, "limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise _refuse("limit", text, f"give a whole number from 1 to {most}")
    return int(text)


def after(request: Request) -> str | None:
    return _text(request, "after")


def before(request: Request) -> str | None:
    return _text(request, "before")


def at(request: Request) -> str | None:
    return _text(request, "at")


def flag(request: Request, name: str) -> bool | None:
    """True, False, or None where it is not given."""
    word = _one_of(request, name, ["1", "true", "0", "false"])
    return word in {"1", "true"} if word else None


def _text(request: Request, name: str) -> str | None:
    value = request.query_params.get(name, "").strip()
    if "\0" in value:
        raise _refuse(name, value, "NUL characters are in no name")
    return value or None


def _one_of(request: Request, name: str, words: list[str]) -> str | None:
    word = _text(request, name)
    if word is not None and word.lower() not in words:
        raise _refuse(name, word, f"say {', '.join(words[:-1])} or {words[-1]}")
    return word.lower() if word else None


def _statuses(request: Request) -> list[RunStatus] | None:
    words = [word.strip().lower() for text in request.query_params.getlist("status") for word in text.split(",")]
    found: list[RunStatus] = []
    for word in filter(None, words):
        if word not in STATUS_WORDS:
            raise _refuse("status", word, f"say one or more, with commas, of {', '.join(STATUS_WORDS)}")
        found += STATUS_GROUPS.get(word) or [RunStatus(word)]
    return list(dict.fromkeys(found)) or None


def _instant(request: Request, name: str) -> datetime | None:
    text = _text(request, name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped + arrives as a space
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _refuse(name, text, "give a time such as 2026-11-03T03:12:00Z; without an offset it is UTC") from None


def _refuse(name: str, value: Any, hint: str) -> HTTPException:
    shown = value if len(value) <= 80 else value[:80] + "…"
    return HTTPException(400, f"{name}={shown!r} cannot be used: {hint}.")
