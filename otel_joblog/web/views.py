"""What pages and live fragments show, asked of the reader: both are the same templates over these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..store.read.models import (
    JobSummary,
    LogLine,
    Page,
    RunDetail,
    RunPage,
    RunSummary,
    SearchPage,
    Statistics,
    StepInfo,
)
from ..store.read.reader import Reader
from ..store.read.search import search_words
from . import params
from .chart import Chart as Trend
from .chart import chart
from .highlight import excerpt
from .usage import Chart, charts, usage_facts
from .waterfall import Bar, failing_path, waterfall

__all__ = [
    "JobView",
    "LineView",
    "RunView",
    "SearchView",
    "job_list",
    "job_view",
    "line_view",
    "lines_around",
    "run_list",
    "run_view",
    "search_view",
]

RUNS_A_PAGE = 25
JOBS_A_PAGE = 50
RUNS_OF_A_JOB = 10
FOUND_A_PAGE = 50
CONTEXT = 100  # lines at most before a linked one
LINES_A_PAGE = 1_000


class RunView(NamedTuple):
    detail: RunDetail
    run: RunSummary
    bars: list[Bar]
    failed_in: list[StepInfo]  # from the outermost step to the one that failed
    usage: list[tuple[str, str]]  # what it used: name and words
    charts: list[Chart]
    live: str  # "open", "settling" while lines of an ended run are on their way, or empty


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


class SearchView(NamedTuple):
    text: str
    page: SearchPage | None
    excerpts: Sequence[list[tuple[str, bool]]] = ()


class JobView(NamedTuple):
    job: JobSummary
    others: list[JobSummary]  # of the same name in other services
    statistics: Statistics
    chart: Trend
    runs: Page[RunSummary]


async def run_list(request: Request) -> RunPage:
    reader: Reader = request.state.reader
    return await reader.runs(after=params.after(request), limit=RUNS_A_PAGE, **params.run_filters(request))


async def run_view(request: Request) -> RunView:
    reader: Reader = request.state.reader
    detail = await reader.run(request.path_params["run_id"])
    run = detail.run
    now = datetime.now(UTC)
    return RunView(
        detail=detail,
        run=run,
        bars=waterfall(detail, now),
        failed_in=failing_path(detail),
        usage=usage_facts(detail.attributes),
        charts=charts(detail, now),
        live="open" if not run.status.terminal else "settling" if run.missing else "",
    )


async def search_view(request: Request) -> SearchView:
    """What was looked for, and the lines found; None where nothing was asked yet."""
    reader: Reader = request.state.reader
    text = params.text(request, "q") or ""
    filters = params.search_filters(request)
    if not text and not any(filters.values()):
        return SearchView(text, None)
    page = await reader.search(text, after=params.after(request), limit=FOUND_A_PAGE, **filters)
    words = search_words(text)
    return SearchView(text, page, [excerpt(item.line.message, words) for item in page.items])


async def job_list(request: Request) -> Page[JobSummary]:
    reader: Reader = request.state.reader
    part, service = params.text(request, "q"), params.text(request, "service")
    return await reader.jobs(after=params.after(request), limit=JOBS_A_PAGE, part=part, service=service)


async def job_view(request: Request) -> JobView:
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
    return JobView(job, found[1:], statistics, chart(statistics.by_day), runs)


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
    earlier = await reader.lines(run_id, before=at, limit=CONTEXT)
    # From the line right before it: that very line is then the first.
    page = await reader.lines(run_id, after=earlier.next, limit=LINES_A_PAGE)
    return LineView(earlier.items + page.items, page.next, earlier.previous, first=earlier.previous is None)
