"""Runs, newest first, by filters; its fragment is polled every few seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from ....conventions import RunStatus
from ....store.read.models import RunPage
from ....store.read.reader import Reader
from ... import params
from ...format import iso
from ..render import render

__all__ = ["live", "page"]

RUNS_A_PAGE = 25


async def page(request: Request) -> Response:
    runs = await _runs(request)
    chosen = request.query_params
    filters = {name: chosen.get(name, "") for name in params.RUN_FILTERS}
    return render(
        request,
        "runs/page.html",
        page=runs,
        filters=filters,
        statuses=list(RunStatus),
        jobs=sorted({run.job for run in runs.items}),
        filtered=any(filters.values()),
        after=params.after(request),
        tomorrow=iso(datetime.now(UTC) + timedelta(days=1)),
    )


async def live(request: Request) -> Response:
    return render(request, "runs/live.html", page=await _runs(request), after=params.after(request))


async def _runs(request: Request) -> RunPage:
    reader: Reader = request.state.reader
    return await reader.runs(params.run_query(request), after=params.after(request), limit=RUNS_A_PAGE)
