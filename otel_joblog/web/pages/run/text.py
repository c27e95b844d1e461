"""The lines of a run as plain text, page by page by key: however many there are, one page of them is in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ....store.read.models import LinePage, LogLine
from ....store.read.reader import Reader
from ... import params
from ...format import iso
from ...terminal import plain

__all__ = ["text"]

A_PAGE = 2_000  # lines


async def text(request: Request) -> Response:
    """All lines, or those of the filters; with ``times=1`` each has its time and level, ``download=1`` makes a file."""
    reader: Reader = request.state.reader
    run_id = request.path_params["run_id"]
    filters = params.line_filters(request)
    times = bool(params.flag(request, "times"))
    first = await reader.lines(run_id, limit=A_PAGE, **filters)

    async def pages() -> AsyncIterator[bytes]:
        page: LinePage = first
        while True:
            yield "".join(_line(line, times=times) for line in page.items).encode()
            if page.next is None:
                return
            page = await reader.lines(run_id, after=page.next, limit=A_PAGE, **filters)

    headers = {}
    if params.flag(request, "download"):
        name = "".join(character for character in run_id if character in "0123456789abcdef-")
        headers["Content-Disposition"] = f'attachment; filename="{name}.txt"'
    return StreamingResponse(pages(), headers=headers, media_type="text/plain")


def _line(line: LogLine, *, times: bool) -> str:
    message = plain(line.message)
    return f"{iso(line.time)} {line.level} {message}\n" if times else f"{message}\n"
