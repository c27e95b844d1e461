"""Lines of a run as the page, "Load more" and live updates show them."""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request

from ....store.read.models import LogLine
from ....store.read.reader import Reader
from ... import params

__all__ = ["LineView", "line_view", "lines_around", "more_lines"]

CONTEXT = 100  # lines at most before a linked one
LINES_A_PAGE = 500


class LineView(NamedTuple):
    lines: list[LogLine]
    next: str | None = None  # key to go on from, where more is known to follow
    previous: str | None = None  # key to go back from, where more is known to come before
    tail: bool = False
    first: bool = False  # nothing comes before these
    filtered: bool = False
    total: int = 0
    matching: int | None = None  # of the total, where it was counted
    at_least: bool = False  # ``matching`` is of the first 200,000


async def line_view(request: Request, run_id: str, *, tail: bool = False, count: bool = False) -> LineView:
    """A page of the run's lines by the request's filters: next to the key ``after`` or ``before``, or the last ones."""
    reader: Reader = request.state.reader
    after, before = (None, None) if tail else (params.after(request), params.before(request))
    filters = params.line_filters(request)
    page = await reader.lines(run_id, after=after, before=before, limit=LINES_A_PAGE, tail=tail, count=count, **filters)
    first = after is None and page.previous is None
    return LineView(
        page.items,
        page.next,
        page.previous,
        tail,
        first,
        filtered=any(filters.values()),
        total=page.total,
        matching=page.matching,
        at_least=page.at_least,
    )


async def lines_around(request: Request, run_id: str, at: str) -> LineView:
    """The line of the key ``at`` between its neighbours: what a link to a line leads to."""
    reader: Reader = request.state.reader
    filters = params.line_filters(request)
    earlier = await reader.lines(run_id, before=at, limit=CONTEXT, **filters)
    # From the line right before it: that very line is then the first.
    page = await reader.lines(run_id, after=earlier.next, limit=LINES_A_PAGE, **filters)
    return LineView(
        earlier.items + page.items,
        page.next,
        earlier.previous,
        first=earlier.previous is None,
        filtered=any(filters.values()),
    )


async def more_lines(request: Request, run_id: str) -> LineView:
    """Lines with the way on in the direction asked for (the page has the other one), around a line, or the last."""
    if at := params.at(request):
        return await lines_around(request, run_id, at)
    lines = await line_view(request, run_id, tail=bool(params.flag(request, "tail")))
    if params.before(request):
        return lines._replace(next=None)
    return lines._replace(previous=None) if params.after(request) else lines
