"""One run: what became of it, its steps beside its lines, and what else is known of it.

While the run goes on, the script polls :func:`live` once a second or two, as long as the tab is seen. Elements marked
``data-patch`` are compared child by child, and only what differs is put into the page. Lines come by key, with an
overlap of two seconds, because lines of several processes do not arrive in order; the script drops the repeats.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ....store.read.history import usual_duration
from ....store.read.models import RunDetail, RunSummary, UsualDuration
from ....store.read.outline import Outline
from ....store.read.reader import Reader
from ... import params
from ...usage import charts, usage_facts
from ..render import render
from . import lines
from .bars import run_bars
from .stacktrace import Place, chain, place_of
from .verdict import against_usual, ending
from .waterfall import waterfall

__all__ = ["live", "more_lines", "page"]

TASKS_OFFERED = 200
TABS = ("steps", "error", "context", "resources", "attempts", "history")


class RunView(NamedTuple):
    detail: RunDetail
    run: RunSummary
    outline: Outline
    place: Place | None  # where the error was raised
    usual: UsualDuration | None  # how long its job's successes took before it
    verdict: tuple[str, str]
    against_usual: str
    tabs: list[str]  # that have something to show
    tab: str
    shown: dict[str, Any]  # what the tab needs
    live: str  # "open", "settling" while lines of an ended run are on their way, or empty


async def page(request: Request) -> Response:
    """One run. A prefix of its id leads to its full address; an open run shows its last lines unless told otherwise."""
    asked = request.path_params["run_id"]
    reader: Reader = request.state.reader
    view = await _view(request)
    if view.run.run_id != asked:
        address = request.url_for("run", run_id=view.run.run_id)
        return RedirectResponse(address.path + (f"?{request.url.query}" if request.url.query else ""))
    rows = view.outline.items
    return render(
        request,
        "run/page.html",
        view=view,
        lines=await _lines(request, view),
        chosen={name: request.query_params.get(name, "") for name in params.LINE_FILTERS},
        groups=await reader.stages(view.run.run_id) if params.flag(request, "group") else None,
        problems=await reader.problems(view.run.run_id),
        wrap=request.query_params.get("wrap", ""),
        names={row.span_id: row.name for row in rows},
        stages=list(dict.fromkeys(row.stage for row in rows if row.stage)),
        tasks=list(dict.fromkeys(row.task_id for row in rows if row.task_id))[:TASKS_OFFERED],
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
    detail = await reader.run(request.path_params["run_id"], step_limit=0)
    run, now = detail.run, datetime.now(UTC)
    outline = await reader.outline(run.run_id, unfold=params.unfold(request))
    history = await reader.history(run.run_id)
    usual = usual_duration(history, run.started_at)
    tabs = _tabs(detail, outline)
    tab = params.choice(request, "tab", TABS) or ("steps" if "steps" in tabs else tabs[0])
    shown: dict[str, Any] = {}
    if tab == "steps":
        shown["waterfall"] = waterfall(run, outline, now)
    elif tab == "error":
        shown["chain"] = chain(detail.error.stacktrace) if detail.error and detail.error.stacktrace else []
        shown["kind"] = await reader.same_error(run.run_id)
    elif tab == "resources":
        shown |= {"usage": usage_facts(detail.attributes), "charts": charts(detail, now)}
    elif tab == "history":
        shown["bars"], shown["longest"] = run_bars(history, now)
    return RunView(
        detail=detail,
        run=run,
        outline=outline,
        place=place_of(detail.error.stacktrace) if detail.error and detail.error.stacktrace else None,
        usual=usual,
        verdict=ending(run, now),
        against_usual=against_usual(run, usual, now),
        tabs=tabs,
        tab=tab,
        shown=shown,
        live="open" if not run.status.terminal else "settling" if run.missing else "",
    )


def _tabs(detail: RunDetail, outline: Outline) -> list[str]:
    there = {
        "steps": outline.items,
        "error": detail.run.status.failed,
        "context": True,
        "resources": len(detail.samples) > 1 or usage_facts(detail.attributes),
        "attempts": detail.attempts,
        "history": True,
    }
    return [tab for tab in TABS if there[tab]]


async def _lines(request: Request, view: RunView) -> lines.LineView:
    if at := params.at(request):
        return await lines.lines_around(request, view.run.run_id, at)
    tail = params.flag(request, "tail")
    if tail is None:
        tail = view.live == "open" and not (params.after(request) or params.before(request))
    return await lines.line_view(request, view.run.run_id, tail=tail, count=True)
