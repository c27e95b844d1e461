"""The store itself, and whether it answers."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from ...errors import StoreError
from ...journal.backlog import journal_state
from ...journal.room import Room
from ...store.read.reader import Reader
from .answer import answer

__all__ = ["health", "maintenance"]

HEALTH_TIMEOUT = 1.5  # seconds


async def maintenance(request: Request) -> Response:
    """The store itself: its ``bytes`` and growth, ``tables``, indexes, the latest ``clean_up``, ``warnings``."""
    reader: Reader = request.state.reader
    return answer(await reader.upkeep(request.state.settings))


async def health(request: Request) -> Response:
    """200 while the database answers, 503 while it does not; within the patience of a probe.

    ``journal`` says what waits on this host, and what the exporters of the viewer have shipped since it began.
    """
    room: Room | None = request.state.journals
    journal = {} if room is None else {"journal": await asyncio.to_thread(journal_state, room)}
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT):
            return answer(await request.state.reader.health() | journal)
    except StoreError as error:
        return answer({"ok": False, "message": str(error)} | journal, status=503)
    except TimeoutError:
        message = f"the database did not answer within {HEALTH_TIMEOUT} seconds"
        return answer({"ok": False, "message": message} | journal, status=503)
