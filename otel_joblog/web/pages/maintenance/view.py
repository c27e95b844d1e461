"""The store itself: its size, its growth, what is cleaned up."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ....store.read.reader import Reader
from ..render import render

__all__ = ["page"]


async def page(request: Request) -> Response:
    reader: Reader = request.state.reader
    return render(request, "maintenance/page.html", state=await reader.upkeep(request.state.settings))
