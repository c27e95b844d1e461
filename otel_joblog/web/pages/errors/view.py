"""Kinds of failure, the most frequent first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ....store.read.reader import Reader
from ... import params
from ..render import render

__all__ = ["page"]


async def page(request: Request) -> Response:
    reader: Reader = request.state.reader
    days, name, service = params.days(request), params.text(request, "job"), params.text(request, "service")
    kinds = await reader.errors(days=days, job=name, service=service)
    return render(
        request, "errors/page.html", kinds=kinds, days=days, chosen={"job": name or "", "service": service or ""}
    )
