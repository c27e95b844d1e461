"""One run: what it did, its steps, its lines.

While the run goes on, the script polls :func:`live` once a second or two, as long as the tab is seen. Elements marked
``data-patch`` are compared child by child, and only what differs is put into the page. Lines come by key, with an
overlap of two seconds, because lines of several processes do not arrive in order; the script drops the repeats.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ....store.read.models import RunDetail, RunSummary, StepInfo
from ....store.read.reader import Reader
from ... import params
from ...usage import Chart, charts, usage_facts
from ..render import render
from . import lines
from .waterfall import Bar, failing_path, waterfall

__all__ = ["live", "more_lines", "page"]

TASKS_OFFERED = 200


class RunView(NamedTuple):
    detail: RunDetail
    run: RunSummary
    bars: list[Bar]
    failed_in: list[StepInfo]  # from the outermost step to the one that failed
    usage: list[tuple[str, str]]  # what it used: name and words
    charts: list[Chart]
    live: str  # "open", "settling" while lines of an ended run are on their way, or empty


async def page(request: Request) -> Response:
    """One run. A prefix of its id leads to its full address; an open run shows its last lines unless told otherwise."""
    asked = request.path_params["run_id"]
    view = await _view(request)
    if view.run.run_id != asked:
        address = request.url_for("run", run_id=view.run.run_id)
        return RedirectResponse(address.path + (f"?{request.url.query}" if request.url.query else ""))
    steps = view.detail.steps
    return render(
        request,
        "run/page.html",
        view=view,
        lines=await _lines(request, view),
        chosen={name: request.query_params.get(name, "") for name in params.LINE_FILTERS},
        stages=list(dict.fromkeys(step.stage for step in steps if step.stage)),
        tasks=list(dict.fromkeys(step.task_id for step in steps if step.task_id))[:TASKS_OFFERED],
    )


async def live(request: Request) -> Response:
    view = await _view(request)
    new = await lines.more_lines(request, view.run.run_id) if params.flag(request, "lines") else None
    return render(request, "run/live.html", view=view, lines=new)


async def more_lines(request: Request) -> Response:
    run_id = request.path_params["run_id"]
    return render(request, "run/live_lines.html", run_id=run_id, lines=await lines.more_lines(request, run_id))


async def _view(request: Request) -> RunView:
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


async def _lines(request: Request, view: RunView) -> lines.LineView:
    if at := params.at(request):
        return await lines.lines_around(request, view.run.run_id, at)
    tail = params.flag(request, "tail")
    if tail is None:
        tail = view.live == "open" and not (params.after(request) or params.before(request))
    return await lines.line_view(request, view.run.run_id, tail=tail, count=True)
