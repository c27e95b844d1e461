"""The pages: the list of runs and one run."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..conventions import RunStatus
from . import params, views

__all__ = ["run", "runs"]


async def runs(request: Request) -> Response:
    page = await views.run_list(request)
    chosen = request.query_params
    filters = {name: chosen.get(name, "") for name in ("job", "status", "reference", "since", "until")}
    return _render(
        request,
        "runs.html",
        page=page,
        filters=filters,
        statuses=list(RunStatus),
        jobs=sorted({run.job for run in page.items}),
        filtered=any(filters.values()),
        after=params.after(request),
    )


async def run(request: Request) -> Response:
    """One run. A prefix of its id leads to its full address; an open run shows its last lines unless told otherwise."""
    asked = request.path_params["run_id"]
    view = await views.run_view(request)
    if view.run.run_id != asked:
        address = request.url_for("run", run_id=view.run.run_id)
        return RedirectResponse(address.path + (f"?{request.url.query}" if request.url.query else ""))
    lines = await _lines(request, view)
    chosen = {name: request.query_params.get(name, "") for name in ("level", "stream", "step")}
    return _render(request, "run.html", view=view, lines=lines, chosen=chosen)


async def _lines(request: Request, view: views.RunView) -> views.LineView:
    if at := params.at(request):
        return await views.lines_around(request, view.run.run_id, at)
    tail = params.flag(request, "tail")
    if tail is None:
        tail = view.live == "open" and not (params.after(request) or params.before(request))
    return await views.line_view(request, view.run.run_id, tail=tail)


def _render(request: Request, template: str, **context: object) -> Response:
    response: Response = request.state.templates.page(request, template, **context)
    return response
