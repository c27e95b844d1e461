"""Every job, by name."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ....store.read.reader import Reader
from ... import params
from ..render import render

__all__ = ["page"]

JOBS_A_PAGE = 50


async def page(request: Request) -> Response:
    reader: Reader = request.state.reader
    part, service, after = params.text(request, "q"), params.text(request, "service"), params.after(request)
    jobs = await reader.jobs(after=after, limit=JOBS_A_PAGE, part=part, service=service)
    return render(request, "jobs/page.html", page=jobs, chosen={"q": part or "", "service": service or ""}, after=after)
