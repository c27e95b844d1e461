"""What changes, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .. import params
from ..pulse import Change, Event, Pulse

__all__ = ["events"]

HEADERS = {"X-Accel-Buffering": "no"}  # nginx would hold events back


async def events(request: Request) -> Response:
    """``runs`` with ``{"changes": [{"run_id", "job", "service", "status", "new"}, …], "more": bool}``.

    Of a ``run``, or of a ``job`` and a ``service``, or of all. ``reset``: more has changed than is told, read anew.
    ``away``: the store does not answer. ``beat`` comes every 15 seconds where nothing else does. ``status`` is empty
    where a run has ended but is not among the newest.
    """
    pulse: Pulse = request.state.pulse
    sees = request.state.reader.visibility.sees  # one look at the store is for all who listen
    run_id, job, service = (params.text(request, name) for name in ("run", "job", "service"))

    def meant(change: Change) -> bool:
        return (
            (run_id is None or change.run_id == run_id)
            and (job is None or change.job == job)
            and (service is None or change.service == service)
            and sees(change.job, change.service)
        )

    if pulse.full:
        raise HTTPException(503, "As many listen as may. Ask for the page every few seconds.", {"Retry-After": "5"})
    last_id = request.headers.get("last-event-id", "")

    async def frames() -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        async with aclosing(pulse.listen(last_id)) as stream:
            async for event in stream:
                changes = [change for change in event.changes if meant(change)]
                if event.kind != "runs" or changes or event.more:
                    yield _frame(pulse, event, changes)

    return StreamingResponse(frames(), media_type="text/event-stream", headers=HEADERS)


def _frame(pulse: Pulse, event: Event, changes: list[Change]) -> bytes:
    said = msgspec.json.encode({"changes": changes, "more": event.more} if event.kind == "runs" else {})
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (pulse.id_of(event).encode(), event.kind.encode(), said)
