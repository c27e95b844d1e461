"""Runs: the list, how many there were when, one of them, a step."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...store.read.reader import Reader
from .. import params
from .answer import answer

__all__ = ["compare", "histogram", "run", "runs", "step"]


async def runs(request: Request) -> Response:
    """``{"items": [run, …], "next": key or null, "ahead": number}``, newest first."""
    reader: Reader = request.state.reader
    limit = params.limit(request, default=25, most=200)
    return answer(await reader.runs(params.run_query(request), after=params.after(request), limit=limit))


async def histogram(request: Request) -> Response:
    """``{"bins": [{"start": …, "end": …, "success": number, …}, …], "looked_until": time or null}``, oldest first."""
    reader: Reader = request.state.reader
    return answer(await reader.histogram(params.run_query(request)))


async def run(request: Request) -> Response:
    """The run's own fields, and beside them its error with the traceback, attributes, steps and children."""
    reader: Reader = request.state.reader
    detail = await reader.run(request.path_params["run_id"])
    parts = msgspec.structs.asdict(detail)
    return answer(msgspec.structs.asdict(parts.pop("run")) | parts)


async def step(request: Request) -> Response:
    """A step of a run, with all that it holds."""
    reader: Reader = request.state.reader
    return answer(await reader.step(request.path_params["run_id"], params.span_id(request)))


async def compare(request: Request) -> Response:
    """In what a run differs from another one, or from the last success of its job before it."""
    reader: Reader = request.state.reader
    return answer(await reader.compare(request.path_params["run_id"], request.path_params.get("other")))
