"""The JSON API: the reader's shapes as they are. Times are ISO 8601 in UTC, durations seconds."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ..errors import StoreError
from ..journal.backlog import journal_state
from ..journal.room import Room
from ..store.reader import Reader
from . import params

__all__ = ["health", "logs", "run", "runs"]

HEALTH_TIMEOUT = 1.5  # seconds


async def runs(request: Request) -> Response:
    """``{"items": [run, …], "next": key or null}``, newest first."""
    reader: Reader = request.state.reader
    limit = params.limit(request, default=25, most=200)
    return _json(await reader.runs(after=params.after(request), limit=limit, **params.run_filters(request)))


async def run(request: Request) -> Response:
    """The run's own fields, and beside them its error with the traceback, attributes, steps and children."""
    reader: Reader = request.state.reader
    detail = await reader.run(request.path_params["run_id"])
    parts = msgspec.structs.asdict(detail)
    return _json(msgspec.structs.asdict(parts.pop("run")) | parts)


async def logs(request: Request) -> Response:
    """``{"items": [line, …], "next": key or null, "previous": key or null}``, oldest first; with ``tail=1`` the last.

    ``next`` is for ``after``, ``previous`` for ``before``. Long lines make a page shorter than ``limit``.
    """
    reader: Reader = request.state.reader
    limit = params.limit(request, default=1_000, most=5_000)
    tail = bool(params.flag(request, "tail"))
    keys = {"after": params.after(request), "before": params.before(request)}
    filters = params.line_filters(request)
    return _json(await reader.lines(request.path_params["run_id"], **keys, limit=limit, tail=tail, **filters))


async def health(request: Request) -> Response:
    """200 while the database answers, 503 while it does not; within the patience of a probe.

    ``journal`` says what waits on this host, and what the exporters of the viewer have shipped since it began.
    """
    room: Room | None = request.state.journals
    journal = {} if room is None else {"journal": await asyncio.to_thread(journal_state, room)}
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT):
            return _json(await request.state.reader.health() | journal)
    except StoreError as error:
        return _json({"ok": False, "message": str(error)} | journal, status=503)
    except TimeoutError:
        message = f"the database did not answer within {HEALTH_TIMEOUT} seconds"
        return _json({"ok": False, "message": message} | journal, status=503)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value, enc_hook=str), status, media_type="application/json")
