"""Lines over all runs that hold the words looked for, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ....conventions import RunStatus
from ....store.read.models import SearchPage
from ....store.read.reader import Reader
from ....store.read.search import search_words
from ... import params
from ...highlight import excerpt
from ..render import render

__all__ = ["page"]

FOUND_A_PAGE = 50


class SearchView(NamedTuple):
    text: str
    page: SearchPage | None  # None where nothing was asked yet
    excerpts: Sequence[list[tuple[str, bool]]] = ()


async def page(request: Request) -> Response:
    names = ("job", "status", "level", "stream", "stage", "task_id", "since", "until")
    return render(
        request,
        "search/page.html",
        view=await _view(request),
        chosen={name: request.query_params.get(name, "") for name in names},
        attributes=[given for given in request.query_params.getlist("attribute") if given.strip()],
        statuses=list(RunStatus),
        after=params.after(request),
    )


async def _view(request: Request) -> SearchView:
    reader: Reader = request.state.reader
    text = params.text(request, "q") or ""
    filters = params.search_filters(request)
    if not text and not any(filters.values()):
        return SearchView(text, None)
    page = await reader.search(text, after=params.after(request), limit=FOUND_A_PAGE, **filters)
    words = search_words(text)
    return SearchView(text, page, [excerpt(item.line.message, words) for item in page.items])
