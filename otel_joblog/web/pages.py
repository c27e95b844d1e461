"""The pages: runs and one run, jobs and one job, kinds of errors, the search, the store itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..conventions import RunStatus
from ..store.read.reader import Reader
from . import params, views
from .format import iso

__all__ = ["errors", "job", "jobs", "maintenance", "run", "runs", "search"]

TASKS_OFFERED = 200


async def runs(request: Request) -> Response:
    page = await views.run_list(request)
    chosen = request.query_params
    filters = {name: chosen.get(name, "") for name in params.RUN_FILTERS}
    return _render(
        request,
        "runs.html",
        page=page,
        filters=filters,
        statuses=list(RunStatus),
        jobs=sorted({run.job for run in page.items}),
        filtered=any(filters.values()),
        after=params.after(request),
        tomorrow=iso(datetime.now(UTC) + timedelta(days=1)),
    )


async def run(request: Request) -> Response:
    """One run. A prefix of its id leads to its full address; an open run shows its last lines unless told otherwise."""
    asked = request.path_params["run_id"]
    view = await views.run_view(request)
    if view.run.run_id != asked:
        address = request.url_for("run", run_id=view.run.run_id)
        return RedirectResponse(address.path + (f"?{request.url.query}" if request.url.query else ""))
    lines = await _lines(request, view)
    chosen = {name: request.query_params.get(name, "") for name in params.LINE_FILTERS}
    steps = view.detail.steps
    return _render(
        request,
        "run.html",
        view=view,
        lines=lines,
        chosen=chosen,
        stages=list(dict.fromkeys(step.stage for step in steps if step.stage)),
        tasks=list(dict.fromkeys(step.task_id for step in steps if step.task_id))[:TASKS_OFFERED],
    )


async def jobs(request: Request) -> Response:
    chosen = {name: request.query_params.get(name, "") for name in ("q", "service")}
    return _render(request, "jobs.html", page=await views.job_list(request), chosen=chosen, after=params.after(request))


async def job(request: Request) -> Response:
    return _render(request, "job.html", view=await views.job_view(request))


async def errors(request: Request) -> Response:
    reader: Reader = request.state.reader
    days, name, service = params.days(request), params.text(request, "job"), params.text(request, "service")
    kinds = await reader.errors(days=days, job=name, service=service)
    chosen = {"job": name or "", "service": service or ""}
    return _render(request, "errors.html", kinds=kinds, days=days, chosen=chosen)


async def search(request: Request) -> Response:
    view = await views.search_view(request)
    names = ("job", "status", "level", "stream", "stage", "task_id", "since", "until")
    chosen = {name: request.query_params.get(name, "") for name in names}
    return _render(
        request,
        "search.html",
        view=view,
        chosen=chosen,
        attributes=[given for given in request.query_params.getlist("attribute") if given.strip()],
        statuses=list(RunStatus),
        after=params.after(request),
    )


async def maintenance(request: Request) -> Response:
    reader: Reader = request.state.reader
    return _render(request, "maintenance.html", state=await reader.upkeep(request.state.settings))


async def _lines(request: Request, view: views.RunView) -> views.LineView:
    if at := params.at(request):
        return await views.lines_around(request, view.run.run_id, at)
    tail = params.flag(request, "tail")
    if tail is None:
        tail = view.live == "open" and not (params.after(request) or params.before(request))
    return await views.line_view(request, view.run.run_id, tail=tail, count=True)


def _render(request: Request, template: str, **context: object) -> Response:
    response: Response = request.state.templates.page(request, template, **context)
    return response
