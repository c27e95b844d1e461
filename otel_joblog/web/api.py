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
from ..store.read.reader import Reader
from . import params

__all__ = [
    "errors",
    "health",
    "jobs",
    "logs",
    "maintenance",
    "run",
    "runs",
    "search",
    "stages",
    "statistics",
    "step",
    "task_logs",
]

HEALTH_TIMEOUT = 1.5  # seconds


async def runs(request: Request) -> Response:
    """``{"items": [run, …], "next": key or null, "ahead": number}``, newest first."""
    reader: Reader = request.state.reader
    limit = params.limit(request, default=25, most=200)
    return _json(await reader.runs(after=params.after(request), limit=limit, **params.run_filters(request)))


async def run(request: Request) -> Response:
    """The run's own fields, and beside them its error with the traceback, attributes, steps and children."""
    reader: Reader = request.state.reader
    detail = await reader.run(request.path_params["run_id"])
    parts = msgspec.structs.asdict(detail)
    return _json(msgspec.structs.asdict(parts.pop("run")) | parts)


async def step(request: Request) -> Response:
    """A step of a run, with all that it holds."""
    reader: Reader = request.state.reader
    return _json(await reader.step(request.path_params["run_id"], params.span_id(request)))


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
    return _json(
        await reader.lines(request.path_params["run_id"], **keys, limit=limit, tail=tail, count=count, **filters)
    )


async def stages(request: Request) -> Response:
    """``{"items": [stage, …], "outside": tally, …}``: the run's stages, each with its tasks and their lines."""
    reader: Reader = request.state.reader
    return _json(await reader.stages(request.path_params["run_id"]))


async def task_logs(request: Request) -> Response:
    """``{"items": [found, …], "next": key or null}``: lines of a task over all runs, the newest run first."""
    reader: Reader = request.state.reader
    return _json(
        await reader.task_lines(
            params.task_id(request),
            after=params.after(request),
            limit=params.limit(request, default=1_000, most=5_000),
            min_severity=params.severity(request),
            **_job(request),
        )
    )


async def jobs(request: Request) -> Response:
    """``{"items": [job, …], "next": key or null}`` by name: of a ``job``, a ``service``, or with ``q`` in their name.

    Their figures are of the last ``days`` (30).
    """
    reader: Reader = request.state.reader
    page = await reader.jobs(
        after=params.after(request),
        limit=params.limit(request, default=50, most=200),
        days=params.days(request),
        part=params.text(request, "q"),
        **_job(request),
    )
    return _json(page)


async def statistics(request: Request) -> Response:
    """Of the last ``days`` (30): in total, by day, by type; of a ``job`` and ``service``, or of all of them."""
    reader: Reader = request.state.reader
    return _json(await reader.statistics(days=params.days(request), **_job(request)))


async def errors(request: Request) -> Response:
    """``{"items": [kind, …]}``: the most frequent kinds of failure of the last ``days`` (30)."""
    reader: Reader = request.state.reader
    limit = params.limit(request, default=50, most=500)
    return _json({"items": await reader.errors(days=params.days(request), limit=limit, **_job(request))})


async def search(request: Request) -> Response:
    """``{"items": [found, …], "next": key, "looked_until": time, "note": words}``, newest first; null where not so.

    The lines that hold every word of ``q``. A page may be short of its ``limit`` and have a ``next`` all the same: it
    ended for want of time.
    """
    reader: Reader = request.state.reader
    limit = params.limit(request, default=50, most=500)
    filters = params.search_filters(request)
    return _json(
        await reader.search(params.text(request, "q") or "", after=params.after(request), limit=limit, **filters)
    )


async def maintenance(request: Request) -> Response:
    """The store itself: its ``bytes`` and growth, ``tables``, indexes, the latest ``clean_up``, ``warnings``."""
    reader: Reader = request.state.reader
    return _json(await reader.upkeep(request.state.settings))


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


def _job(request: Request) -> dict[str, str | None]:
    return {name: params.text(request, name) for name in ("job", "service")}


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value, enc_hook=str), status, media_type="application/json")
