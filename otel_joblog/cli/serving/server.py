"""The HTTP server of ``serve`` and ``ingest``: uvicorn, with bounds for connections on which nothing comes.

uvicorn by itself waits for the first request of a connection for ever, and for the rest of one that has begun: 70
silent connections took all of its 64 descriptors. Its ``timeout_keep_alive`` holds between requests only, its
``limit_concurrency`` answers but does not close. So:

1. The head of a request has so many seconds, from the connection or the answer before; so has an answer whose reader
   has stopped reading.
2. Connections are so many that descriptors are left for the work. One more takes the place of the one that has been
   silent the longest; where each is at work, it is told to come again.
3. They are accepted a few at a time: who comes over that waits in the kernel's queue, without a descriptor of ours.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from functools import cache
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD", "STALLED", "make_server", "most_connections"]

HEAD = 10.0  # seconds for the head of a request
STALLED = 30.0  # seconds in which nothing of an answer was read
AT_ONCE = 8  # connections accepted before the others are served again
QUEUE = 512  # connections waiting to be accepted

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 31\r\n\r\ntoo many connections; try again"
)


@cache
def most_connections() -> int:
    """How many there may be: half of the descriptors that this process may have, less 16; 1,000 at most."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, min(1_000, descriptors // 2 - 16))


def make_server(app: Any, *, stop_within: int) -> uvicorn.Server:
    """It is given ``stop_within`` seconds for what is under way when it is told to stop."""
    return _Server(
        uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            loop="asyncio",
            backlog=AT_ONCE,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=stop_within,
        )
    )


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(QUEUE)  # asyncio takes one number for the queue and for what it accepts at once

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams of events end by themselves only if they are told: uvicorn would wait, then log each as an error.
        state = getattr(self.config.app, "state", None)
        if (stop_streams := getattr(state, "stop_streams", None)) is not None:
            stop_streams()
        await super().shutdown(sockets)


class _Connection(H11Protocol):
    """A connection; ``silent_since`` is when it began to wait for a head, None while a request is answered."""

    silent_since: float | None = None
    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > most_connections() and not self._take_a_place():
            transport.write(_BUSY)
            transport.close()
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._answering():
            self._head_came()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._answering():  # the next may have been there already
            self._await_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        if self._stalled is not None:
            self._stalled.cancel()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first, though uvicorn does not say so
        return cycle is not None and not cycle.response_complete

    def _await_head(self) -> None:
        self._head_came()
        self.silent_since = self.loop.time()
        # Not by close(), which waits for what was written to be read.
        self._timer = self.loop.call_later(HEAD, self.transport.abort)

    def _head_came(self) -> None:
        self.silent_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take_a_place(self) -> bool:
        """Whether another was silent, and so has been closed."""
        others = [one for one in self.connections if isinstance(one, _Connection) and one.silent_since is not None]
        if not others:
            return False
        longest = min(others, key=lambda one: one.silent_since or 0.0)
        self.connections.discard(longest)  # at once: it is told of its end later
        longest._head_came()  # noqa: SLF001
        longest.transport.abort()
        return True
