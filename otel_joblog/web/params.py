"""Query parameters, read strictly: what cannot be used is answered with a sentence that says what could.

Nor is any ignored: an address that is given one that it does not know would seem to have obeyed it (:func:`only`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypedDict, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .. import filters
from ..conventions import RunStatus, Stream
from ..moments import moment
from ..runquery import QueryError, RunQuery

__all__ = [
    "LINE_FILTERS",
    "RUN_FILTERS",
    "SEARCH_FILTERS",
    "Handler",
    "LineFilters",
    "SearchFilters",
    "after",
    "at",
    "before",
    "choice",
    "days",
    "flag",
    "limit",
    "line_filters",
    "only",
    "run_ids",
    "run_query",
    "search_filters",
    "severity",
    "span_id",
    "task_id",
    "text",
    "unfold",
]

T = TypeVar("T")

SEVERAL = {"status", "attribute"}  # may be given more than once
MOST_RUNS = 200
RUN_ID = re.compile(r"[0-9a-f]{32}-[0-9a-f]{16}")
EIGHT_BYTES = re.compile(r"[0-9a-f]{16}")


RUN_FILTERS = ("query", "job", "service", "type", "status", "retried", "reference", "error", "since", "until")
SEARCH_FILTERS = ("job", "status", "level", "stream", "stage", "task_id", "attribute", "since", "until")
LINE_FILTERS = ("level", "stream", "step", "stage", "task_id", "since", "q")

Handler = Callable[[Request], Awaitable[Response]]


def only(handler: Handler, *known: str) -> Handler:
    """The handler, for requests that give no other parameters than these; others are answered 400, naming the known."""

    async def checked(request: Request) -> Response:
        _check(request, known)
        return await handler(request)

    return checked


def _check(request: Request, known: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        shown = name if len(name) <= 80 else name[:80] + "…"
        if name not in known:
            offer = f"it takes {', '.join(known)}" if known else "it takes none"
            raise HTTPException(400, f"This address has no parameter {shown!r}: {offer}.")
        if name in seen and name not in SEVERAL:
            raise HTTPException(400, f"{name} is given more than once: give it once.")
        seen.add(name)


class SearchFilters(TypedDict):
    """Keyword arguments of ``Reader.search``, but for the text."""

    job: str | None
    status: list[RunStatus] | None
    min_severity: int | None
    stream: Stream | None
    stage: str | None
    task_id: str | None
    attributes: dict[str, str]
    since: datetime | None
    until: datetime | None


class LineFilters(TypedDict):
    """Keyword arguments of ``Reader.lines``."""

    min_severity: int | None
    stream: Stream | None
    step: str | None
    stage: str | None
    task_id: str | None
    since: datetime | None
    text: str | None


def run_query(request: Request) -> RunQuery:
    """What ``query`` and the parameters beside it ask for together."""
    _outcomes(request)
    _hex(request, "error", "give the key of a kind of error, 16 digits of lower-case hex")
    for name in ("since", "until"):
        _instant(request, name)
    given = {name: text(request, name) for name in RUN_FILTERS if name not in ("query", "status", "retried")}
    # An unescaped + arrives as a space.
    given |= {name: (given[name] or "").replace(" ", "+") for name in ("since", "until")}
    states = {"status": request.query_params.getlist("status"), "retried": flag(request, "retried")}
    try:
        return RunQuery.parse(text(request, "query") or "").having(RunQuery.of(**given, **states).terms)
    except QueryError as error:
        raise HTTPException(400, f"The query cannot be read: {error}.") from None


def search_filters(request: Request) -> SearchFilters:
    return {
        "job": text(request, "job"),
        "status": _statuses(request),
        "min_severity": severity(request),
        "stream": _stream(request),
        "stage": text(request, "stage"),
        "task_id": text(request, "task_id"),
        "attributes": _attributes(request),
        "since": _instant(request, "since"),
        "until": _instant(request, "until"),
    }


def line_filters(request: Request) -> LineFilters:
    return {
        "min_severity": severity(request),
        "stream": _stream(request),
        "step": _hex(request, "step", "give the step's span id, 16 digits of lower-case hex"),
        "stage": text(request, "stage"),
        "task_id": text(request, "task_id"),
        "since": _instant(request, "since"),
        "text": text(request, "q"),
    }


def days(request: Request) -> int:
    return _number(request, "days", default=30, most=366)


def limit(request: Request, *, default: int, most: int) -> int:
    return _number(request, "limit", default=default, most=most)


def after(request: Request) -> str | None:
    return text(request, "after")


def before(request: Request) -> str | None:
    return text(request, "before")


def at(request: Request) -> str | None:
    return text(request, "at")


def choice(request: Request, name: str, words: Sequence[str]) -> str | None:
    return _read(request, name, partial(filters.one_of, words))


def unfold(request: Request) -> str | None:
    return _hex(request, "unfold", "give the span id of one of the steps, 16 digits of lower-case hex")


def flag(request: Request, name: str) -> bool | None:
    """True, False, or None where it is not given."""
    word = _read(request, name, partial(filters.one_of, ["1", "true", "0", "false"]))
    return word in {"1", "true"} if word else None


def text(request: Request, name: str) -> str | None:
    value = request.query_params.get(name, "").strip()
    if "\0" in value:
        raise _refuse(name, value, "NUL characters are in no name")
    return value or None


def run_ids(request: Request, name: str) -> list[str]:
    """Whole ids of runs with commas between, 200 at most."""
    given = [word for word in (text(request, name) or "").split(",") if word]
    if len(given) > MOST_RUNS or not all(RUN_ID.fullmatch(word) for word in given):
        raise _refuse(name, ",".join(given), f"give whole ids of runs, {MOST_RUNS} at most, with commas between")
    return given


def span_id(request: Request) -> str:
    """That of the address."""
    given: str = request.path_params["span_id"]
    if not EIGHT_BYTES.fullmatch(given):
        raise HTTPException(404, f"{given[:80]!r} is no id of a step: that is 16 digits of lower-case hex.")
    return given


def task_id(request: Request) -> str:
    """That of the address."""
    given: str = request.path_params["task_id"]
    if "\0" in given:
        raise HTTPException(404, "No task has a NUL character in its id.")
    return given


def _number(request: Request, name: str, *, default: int, most: int) -> int:
    given = text(request, name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= most):
        raise _refuse(name, given, f"give a whole number from 1 to {most}")
    return int(given)


def _hex(request: Request, name: str, hint: str) -> str | None:
    given = text(request, name)
    if given is not None and not EIGHT_BYTES.fullmatch(given):
        raise _refuse(name, given, hint)
    return given


def severity(request: Request) -> int | None:
    return _read(request, "level", filters.severity)


def _stream(request: Request) -> Stream | None:
    return _read(request, "stream", filters.stream)


def _attributes(request: Request) -> dict[str, str]:
    """``attribute=name=value``, as often as wanted."""
    pairs = [given.partition("=") for given in request.query_params.getlist("attribute") if given.strip()]
    for name, sign, value in pairs:
        if not (name and sign) or "\0" in name + value:
            raise _refuse("attribute", name + sign + value, "give a name and a value, as in shard=3")
    return {name.strip(): value for name, _, value in pairs}


def _outcomes(request: Request) -> tuple[list[RunStatus] | None, bool | None]:
    given = request.query_params.getlist("status")
    try:
        return filters.outcomes(given, flag(request, "retried"))
    except ValueError as error:
        raise _refuse("status", ",".join(given), str(error)) from None


def _statuses(request: Request) -> list[RunStatus] | None:
    given = request.query_params.getlist("status")
    try:
        return filters.statuses(given) or None
    except ValueError as error:
        raise _refuse("status", ",".join(given), str(error)) from None


def _instant(request: Request, name: str) -> datetime | None:
    # An unescaped + arrives as a space.
    return _read(request, name, lambda given: moment(given.replace(" ", "+"), UTC, datetime.now(UTC)))


def _read(request: Request, name: str, read: Callable[[str], T]) -> T | None:
    """The parameter as ``read`` reads it; None where it is not given."""
    given = text(request, name)
    try:
        return None if given is None else read(given)
    except ValueError as error:
        raise _refuse(name, given, str(error)) from None


def _refuse(name: str, value: Any, hint: str) -> HTTPException:
    shown = value if len(value) <= 80 else value[:80] + "…"
    return HTTPException(400, f"{name}={shown!r} cannot be used: {hint}.")
