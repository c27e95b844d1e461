"""Runs, newest first, as a query asks for them; what changes on the page is asked for every few seconds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ....runquery import QueryError, RunQuery
from ....store.read.models import RunSummary
from ....store.read.reader import Reader
from ... import params
from ...format import iso
from ..render import render
from .chips import LANGUAGE, chips, quick
from .picture import picture
from .rows import OPTIONAL, columns, listed

__all__ = ["live", "page"]

RUNS_A_PAGE = 50
NEW = 99  # runs that are counted
NONE = "none"  # instead of the newest run: all are new


async def page(request: Request) -> Response:
    try:
        query = params.run_query(request)
    except HTTPException as error:
        return _refused(request, error)
    reader: Reader = request.state.reader
    after = params.after(request)
    found, over_time = await asyncio.gather(reader.runs(query, after=after, limit=RUNS_A_PAGE), reader.histogram(query))
    beside = await reader.beside(found.items)
    rows = listed(found.items, beside, datetime.now(UTC))
    return render(
        request,
        "runs/page.html",
        page=found,
        rows=rows,
        columns=columns(rows),
        asked=str(query),
        chips=chips(query),
        quick=quick(query),
        picture=picture(over_time, query),
        newest=_newest(found.items) if not after else "",
        after=after,
        problem="",
        optional=OPTIONAL,
        language=LANGUAGE.items(),
        tomorrow=iso(datetime.now(UTC) + timedelta(days=1)),
    )


async def live(request: Request) -> Response:
    """Of the runs on the page those that were ``open``, and how many newer ones than the ``newest`` there are."""
    query = params.run_query(request)
    reader: Reader = request.state.reader
    runs = await reader.runs_by_id(params.run_ids(request, "open"))
    beside = await reader.beside(runs)
    return render(
        request,
        "runs/live.html",
        optional=OPTIONAL,
        rows=listed(runs, beside, datetime.now(UTC)),
        new=await _new(reader, query, params.text(request, "newest")),
    )


async def _new(reader: Reader, query: RunQuery, newest: str | None) -> str:
    """``12``, or ``99+``; empty where none is new, or nobody asked."""
    if newest is None:
        return ""
    since, _, known = newest.partition("_")
    try:
        later = query if newest == NONE else query.replacing(*RunQuery.of(since=since).terms)
    except QueryError as error:
        raise HTTPException(400, f"newest cannot be used: {error}.") from None
    found = await reader.runs(later, limit=NEW + 1)
    number = sum(run.run_id != known for run in found.items)
    return f"{NEW}+" if number > NEW else str(number or "")


def _newest(runs: list[RunSummary]) -> str:
    """When the newest run began, and its id."""
    if not runs:
        return NONE
    return f"{runs[0].started_at.isoformat()}_{runs[0].run_id}"


def _refused(request: Request, error: HTTPException) -> Response:
    """The page with what was asked, to be mended."""
    asked = request.query_params.get("query", "")
    return render(
        request,
        "runs/page.html",
        status=400,
        page=None,
        rows=[],
        columns=frozenset(),
        asked=asked,
        chips=[],
        quick=quick(RunQuery()),
        picture=None,
        newest="",
        after=None,
        problem=error.detail,
        optional=OPTIONAL,
        language=LANGUAGE.items(),
        tomorrow="",
    )
