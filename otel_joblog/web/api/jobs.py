"""Jobs, their figures, what they fail by."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ...store.read.reader import Reader
from .. import params
from .answer import answer, of_job

__all__ = ["errors", "jobs", "statistics"]


async def jobs(request: Request) -> Response:
    """``{"items": [job, …], "next": key or null}`` by name: of a ``job``, a ``service``, or with ``q`` in their name.

    Their figures are of the last ``days`` (30).
    """
    reader: Reader = request.state.reader
    page = await reader.jobs(
        after=params.after(request),
        limit=params.limit(request, default=50, most=200),
        days=params.days(request),
        part=params.text(request, "q"),
        **of_job(request),
    )
    return answer(page)


async def statistics(request: Request) -> Response:
    """Of the last ``days`` (30): in total, by day, by type; of a ``job`` and ``service``, or of all of them."""
    reader: Reader = request.state.reader
    return answer(await reader.statistics(days=params.days(request), **of_job(request)))


async def errors(request: Request) -> Response:
    """``{"items": [kind, …]}``: the most frequent kinds of failure of the last ``days`` (30)."""
    reader: Reader = request.state.reader
    limit = params.limit(request, default=50, most=500)
    return answer({"items": await reader.errors(days=params.days(request), limit=limit, **of_job(request))})
