"""Fragments: the partials of the pages again, for "Load more" and for what changes while a run goes on.

The script polls :func:`runs` and :func:`run` once a second or two while something is open and the tab is seen, and the
newest runs every five seconds while nothing is. Elements
marked ``data-patch`` are compared child by child, and only what differs is put into the page. Lines come by key, with
an overlap of two seconds, because lines of several processes do not arrive in order; the script drops the repeats.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from . import params, views

__all__ = ["more_lines", "run", "runs"]


async def runs(request: Request) -> Response:
    page = await views.run_list(request)
    return _fragment(request, "live_runs.html", page=page, after=params.after(request))


async def run(request: Request) -> Response:
    view = await views.run_view(request)
    lines = await _more_lines(request, view.run.run_id) if params.flag(request, "lines") else None
    return _fragment(request, "live_run.html", view=view, lines=lines)


async def more_lines(request: Request) -> Response:
    run_id = request.path_params["run_id"]
    return _fragment(request, "live_lines.html", run_id=run_id, lines=await _more_lines(request, run_id))


async def _more_lines(request: Request, run_id: str) -> views.LineView:
    """Lines with the way on in the direction asked for; the page has the other one already."""
    lines = await views.line_view(request, run_id)
    return lines._replace(next=None) if params.before(request) else lines._replace(previous=None)


def _fragment(request: Request, template: str, **context: object) -> Response:
    response: Response = request.state.templates.page(request, template, **context)
    return response
