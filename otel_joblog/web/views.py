"""What pages and live fragments show, asked of the reader: both are the same templates over these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from ..store.models import LogLine, Page, RunDetail, RunSummary, StepInfo
from ..store.reader import Reader, line_key
from . import params
from .waterfall import Bar, failing_path, waterfall

__all__ = ["LineView", "RunView", "before_line", "line_view", "lines_around", "run_list", "run_view"]

RUNS_A_PAGE = 25
CONTEXT = 100  # lines at most before a linked one
LOOK_BACK = (60, 5, 0.5, 0.05)  # seconds
LINES_A_PAGE = 1_000
CHARACTERS_A_PAGE = 2_000_000  # of messages: a thousand lines of a megabyte each must not make one page


class RunView(NamedTuple):
    detail: RunDetail
    run: RunSummary
    bars: list[Bar]
    failed_in: list[StepInfo]  # from the outermost step to the one that failed
    missing: int  # lines that the ended run emitted and that are not in the store
    live: str  # "open", "settling" while lines of an ended run are on their way, or empty


class LineView(NamedTuple):
    lines: list[LogLine]
    next: str | None = None  # key to go on from, where more is known to follow
    tail: bool = False
    first: bool = False  # nothing comes before these
    filtered: bool = False


async def run_list(request: Request) -> Page[RunSummary]:
    reader: Reader = request.state.reader
    return await reader.runs(after=params.after(request), limit=RUNS_A_PAGE, **params.run_filters(request))


async def run_view(request: Request) -> RunView:
    reader: Reader = request.state.reader
    detail = await reader.run(request.path_params["run_id"])
    run = detail.run
    missing = max(0, (run.lines_emitted or 0) - run.lines)
    return RunView(
        detail=detail,
        run=run,
        bars=waterfall(detail, datetime.now(UTC)),
        failed_in=failing_path(detail),
        missing=missing,
        live="open" if not run.status.terminal else "settling" if missing else "",
    )


async def line_view(request: Request, run_id: str, *, tail: bool = False) -> LineView:
    """A page of the run's lines by the request's filters: behind the key ``after``, or with ``tail`` the last ones."""
    reader: Reader = request.state.reader
    after = None if tail else params.after(request)
    filters = params.line_filters(request)
    page = await reader.lines(run_id, after=after, limit=LINES_A_PAGE, tail=tail, **filters)
    lines, following = _bounded(page, tail=tail)
    first = not after and not (tail and (len(lines) == LINES_A_PAGE or lines != page.items))
    return LineView(lines, following, tail, first, filtered=any(filters.values()))


async def lines_around(request: Request, run_id: str, at: str) -> LineView:
    """The line that follows the key ``at``, between its neighbours: what a link to a line leads to.

    Lines are read forwards only. So start a minute earlier, and nearer and nearer until one page reaches the line.
    """
    reader: Reader = request.state.reader
    linked = (await reader.lines(run_id, after=at, limit=1)).items
    for seconds in LOOK_BACK if linked else ():
        earlier = msgspec.structs.replace(linked[0], time=linked[0].time - timedelta(seconds=seconds), seq=0)
        lines, following = _bounded(await reader.lines(run_id, after=line_key(earlier), limit=LINES_A_PAGE))
        place = next((place for place, line in enumerate(lines) if line.seq == linked[0].seq), None)
        if place is not None:
            return LineView(lines[max(0, place - CONTEXT) :], following)
    lines, following = _bounded(await reader.lines(run_id, after=at, limit=LINES_A_PAGE))
    return LineView(lines, following)


def before_line(line: LogLine) -> str:
    """The key right before this line."""
    return line_key(msgspec.structs.replace(line, seq=line.seq - 1))


def _bounded(page: Page[LogLine], *, tail: bool = False) -> tuple[list[LogLine], str | None]:
    """The page's lines up to :data:`CHARACTERS_A_PAGE`, from the end where that is what is looked at."""
    lines = page.items[::-1] if tail else page.items
    room = CHARACTERS_A_PAGE
    for taken, line in enumerate(lines):
        room -= len(line.message)
        if room < 0 and taken:
            shown = lines[:taken]
            return (shown[::-1], None) if tail else (shown, line_key(shown[-1]))
    return page.items, page.next
