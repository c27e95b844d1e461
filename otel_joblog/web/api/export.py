"""Runs as a file: CSV or JSON, sent page by page, so that neither side holds all of it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ...store.read.keys import key_of_run
from ...store.read.models import RunPage, RunSummary
from ...store.read.reader import Reader
from .. import params
from ..format import iso

__all__ = ["COLUMNS", "MOST", "runs_csv", "runs_json"]

MOST = 10_000  # runs of a file
PAGE = 200

COLUMNS: dict[str, Callable[[RunSummary], Any]] = {
    "run_id": lambda run: run.run_id,
    "name": lambda run: run.name,
    "job": lambda run: run.job,
    "service": lambda run: run.service,
    "type": lambda run: run.type,
    "trigger": lambda run: run.trigger,
    "status": lambda run: run.status.value,
    "retried": lambda run: "true" if run.retried else "false",
    "started_at": lambda run: run.started_at,
    "ended_at": lambda run: run.ended_at,
    "duration": lambda run: run.duration,
    "attempt": lambda run: run.attempt,
    "host": lambda run: run.host,
    "reference": lambda run: run.reference,
    "owner": lambda run: run.owner,
    "lines": lambda run: run.lines,
    "warnings": lambda run: run.warnings,
    "errors": lambda run: run.errors,
    "steps": lambda run: run.steps,
    "exit_code": lambda run: run.exit_code,
    "error": lambda run: run.error.type if run.error else None,
    "message": lambda run: run.error.message if run.error else run.status_message,
    "key": key_of_run,
}


async def runs_json(request: Request) -> Response:
    """As the list of runs, with up to 10,000 of them."""

    async def parts(first: RunPage) -> AsyncIterator[bytes]:
        yield b'{"items":['
        between, page = b"", first
        async for page in _pages(request, first):
            for run in page.items:
                yield between + msgspec.json.encode(run, enc_hook=str)
                between = b",\n"
        yield b'],"next":' + msgspec.json.encode(page.next) + b"}"

    return StreamingResponse(parts(await _page(request)), media_type="application/json", headers=_file("json"))


async def runs_csv(request: Request) -> Response:
    """A line a run, up to 10,000 of them; ``key`` of the last one is for ``after``."""

    async def parts(first: RunPage) -> AsyncIterator[str]:
        yield _lines([list(COLUMNS)])
        async for page in _pages(request, first):
            yield _lines([[_cell(value(run)) for value in COLUMNS.values()] for run in page.items])

    return StreamingResponse(parts(await _page(request)), media_type="text/csv; charset=utf-8", headers=_file("csv"))


async def _pages(request: Request, first: RunPage) -> AsyncIterator[RunPage]:
    page, sent = first, len(first.items)
    yield page
    while page.next and sent < MOST:
        page = await _page(request, page.next)
        sent += len(page.items)
        yield page


async def _page(request: Request, after: str | None = None) -> RunPage:
    """The first one is asked for before anything is sent, so that what cannot be asked is refused."""
    reader: Reader = request.state.reader
    return await reader.runs(params.run_query(request), after=after or params.after(request), limit=PAGE)


def _file(ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="runs.{ending}"'}


def _lines(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """What a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
