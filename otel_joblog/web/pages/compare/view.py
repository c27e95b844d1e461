"""A run beside another one: what took longer, what is missing or new, which lines only one of them has."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ....store.read.reader import Reader
from ..render import render

__all__ = ["page"]


async def page(request: Request) -> Response:
    """With ``other``, or with the last success of the run's job before it."""
    reader: Reader = request.state.reader
    other = request.path_params.get("other")
    return render(
        request, "compare/page.html", it=await reader.compare(request.path_params["run_id"], other), given=other
    )
