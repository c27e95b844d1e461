"""Lines of a run, of its stages, of a task; lines over all runs that hold the words looked for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ...store.read.reader import Reader
from .. import params
from .answer import answer, of_job

__all__ = ["logs", "matches", "problems", "search", "stages", "task_logs"]


async def logs(request: Request) -> Response:
    """``{"items": [line, …], "next": key or null, "previous": key or null, "total": number, "matching": number}``.

    Oldest first; with ``tail=1`` the last. ``next`` is for ``after``, ``previous`` for ``before``. Long lines make a
    page shorter than ``limit``. ``matching`` is told with the first page; ``at_least`` where not all were counted.
    """
    reader: Reader = request.state.reader
    limit = params.limit(request, default=1_000, most=5_000)
    tail = bool(params.flag(request, "tail"))
    keys = {"after": params.after(request), "before": params.before(request)}
    filters = params.line_filters(request)
    count = not any(keys.values())
    return answer(
        await reader.lines(request.path_params["run_id"], **keys, limit=limit, tail=tail, count=count, **filters)
    )


async def matches(request: Request) -> Response:
    """``{"items": [{"key", "seq"}, …], "next": key or null, "total": number, "matching": number, "at_least": …}``.

    Where the lines are that ``logs`` would answer for the same filters; ``key`` is for its ``after`` and ``before``.
    """
    reader: Reader = request.state.reader
    limit = params.limit(request, default=1_000, most=5_000)
    filters = params.line_filters(request)
    run_id = request.path_params["run_id"]
    return answer(await reader.matches(run_id, after=params.after(request), limit=limit, **filters))


async def problems(request: Request) -> Response:
    """Where in the run's time its warnings and errors are: by ``parts`` of it."""
    reader: Reader = request.state.reader
    return answer(await reader.problems(request.path_params["run_id"]))


async def stages(request: Request) -> Response:
    """``{"items": [stage, …], "outside": tally, …}``: the run's stages, each with its tasks and their lines."""
    reader: Reader = request.state.reader
    return answer(await reader.stages(request.path_params["run_id"]))


async def task_logs(request: Request) -> Response:
    """``{"items": [found, …], "next": key or null}``: lines of a task over all runs, the newest run first."""
    reader: Reader = request.state.reader
    return answer(
        await reader.task_lines(
            params.task_id(request),
            after=params.after(request),
            limit=params.limit(request, default=1_000, most=5_000),
            min_severity=params.severity(request),
            **of_job(request),
        )
    )


async def search(request: Request) -> Response:
    """``{"items": [found, …], "next": key, "looked_until": time, "note": words}``, newest first; null where not so.

    The lines that hold every word of ``q``. A page may be short of its ``limit`` and have a ``next`` all the same: it
    ended for want of time.
    """
    reader: Reader = request.state.reader
    limit = params.limit(request, default=50, most=500)
    filters = params.search_filters(request)
    return answer(
        await reader.search(params.text(request, "q") or "", after=params.after(request), limit=limit, **filters)
    )
