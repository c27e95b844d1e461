"""One job: how it fares, by day, what it fails by, its last runs."""

from __future__ import annotations

from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ....store.read.models import JobSummary, Page, RunSummary, Statistics
from ....store.read.reader import Reader
from ... import params
from ..render import render
from .chart import Chart, chart

__all__ = ["page"]

RUNS_OF_A_JOB = 10


class JobView(NamedTuple):
    job: JobSummary
    others: list[JobSummary]  # of the same name in other services
    statistics: Statistics
    chart: Chart
    runs: Page[RunSummary]


async def page(request: Request) -> Response:
    """The job of that name and service. Without a service, that of the only one or of the first by name."""
    reader: Reader = request.state.reader
    name, service = params.text(request, "job"), params.text(request, "service")
    if name is None:
        raise HTTPException(400, "Say which job: /job?job=name&service=name.")
    found = (await reader.jobs(job=name, service=service)).items
    if not found:
        raise HTTPException(404, f"No job {name!r} has run here.")
    job = found[0]
    statistics = await reader.statistics(job=job.job, service=job.service, days=job.days)
    runs = await reader.runs(job=job.job, service=job.service, limit=RUNS_OF_A_JOB)
    return render(request, "job/page.html", view=JobView(job, found[1:], statistics, chart(statistics.by_day), runs))
