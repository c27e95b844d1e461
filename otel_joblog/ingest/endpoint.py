"""``POST /v1/traces`` and ``/v1/logs``: OTLP over HTTP, as the OTLP specification has it for servers.

A request is let in or not before its body is read: by its token, its form, by how much is held and how long others
wait. It is answered when what it holds is kept.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..diagnostics import report
from .answers import JSON, PROTOBUF, Refusal, Signal, refused, taken
from .body import Held, read_body
from .lanes import Lanes, Work

__all__ = ["Accounts", "Endpoint", "closed"]

HELD_BYTES = 64 * 1024**2  # of bodies, all requests together
MOST_REQUESTS = 256  # at once
LAG = 5.0  # seconds: who would have to wait longer is told to come again, since senders give up after ten
PATIENCE = 30.0  # seconds that a request waits to be kept

_EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]  # each is answered in OTLP's way
_SIGNALS: tuple[Signal, ...] = ("traces", "logs")
_FORMS = {PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF, JSON: JSON}
_ENCODINGS = {"": "identity", "identity": "identity", "gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class Accounts(Protocol):
    """Senders that have a token each. While it is ``closed``, nobody else may send."""

    @property
    def closed(self) -> bool: ...

    def may_send(self, token: str) -> bool: ...


class Endpoint:
    """The two addresses. ``token`` is what senders have to show, or that of an account; without both all may send."""

    def __init__(self, lanes: Lanes, *, token: str | None, most_bytes: int, accounts: Accounts | None = None) -> None:
        self._accounts = accounts
        self._lanes = lanes
        self._token = token
        self._most_bytes = most_bytes
        self._held = Held(max(HELD_BYTES, 2 * most_bytes))
        self._requests = 0

    def routes(self) -> list[BaseRoute]:
        return [_route(signal, self._handler(signal)) for signal in _SIGNALS]

    def _handler(self, signal: Signal) -> Callable[[Request], object]:
        async def handle(request: Request) -> Response:
            form = _form(request)
            self._requests += 1
            try:
                return await self._answered(request, signal, form)
            except Refusal as refusal:
                return refused(refusal, form)
            except ClientDisconnect:
                return Response(status_code=503)  # to nobody
            except Exception as error:
                report("ingest request", "an OTLP request failed: %r", error)
                return refused(Refusal(503, "this request could not be stored now", retry_after=5), form)
            finally:
                self._requests -= 1

        return handle

    async def _answered(self, request: Request, signal: Signal, form: str) -> Response:
        encoding = self._let_in(request)
        body = await read_body(request, self._most_bytes, self._held)
        size = len(body)
        try:
            if not body and form == PROTOBUF:  # nothing in it: taken
                return taken(signal, 0, "", form)
            work = Work(signal, form == JSON, encoding, body)
            del body
            self._lanes.submit(work)
            try:
                received = await asyncio.wait_for(asyncio.wrap_future(work.done), PATIENCE)
            except TimeoutError:
                raise Refusal(503, "storing takes too long", retry_after=5) from None
        finally:
            self._held.give_back(size)
        return taken(signal, received.rejected, received.remark, form)

    def _may_send(self, shown: str) -> bool:
        if self._token is not None and hmac.compare_digest(shown.encode(), self._token.encode()):
            return True
        if self._accounts is not None and (self._accounts.closed or self._token is not None):
            return self._accounts.may_send(shown)
        return self._token is None

    def _let_in(self, request: Request) -> str:
        """The body's encoding. Raises :class:`Refusal` for who or what is not let in."""
        if request.method != "POST":
            raise Refusal(405, "OTLP is sent by POST", Allow="POST")
        if not self._may_send(_shown(request)):
            raise Refusal(401, "send the header Authorization: Bearer … with the token", WWW_Authenticate="Bearer")
        if _media_type(request) not in _FORMS:
            raise Refusal(415, f"send {PROTOBUF} or {JSON}")
        encoding = _ENCODINGS.get(request.headers.get("content-encoding", "").strip().lower())
        if encoding is None:
            raise Refusal(415, "send it uncompressed, or with gzip or deflate", Accept_Encoding="gzip, deflate")
        if self._lanes.away:
            raise Refusal(503, self._lanes.trouble, retry_after=5)
        if self._requests > MOST_REQUESTS or self._lanes.lag > LAG:
            raise Refusal(429, "requests come faster than they can be stored", retry_after=2)
        return encoding


def closed(reason: str) -> list[BaseRoute]:
    """The two addresses where nothing is taken in: 503, as senders take the 404 of no address for final."""

    async def handle(request: Request) -> Response:
        return refused(Refusal(503, reason, retry_after=60), _form(request))

    return [_route(signal, handle) for signal in _SIGNALS]


def _route(signal: Signal, handle: Callable[[Request], object]) -> Route:
    return Route(f"/v1/{signal}", handle, methods=_EVERY, name=f"ingest_{signal}")


def _form(request: Request) -> str:
    return _FORMS.get(_media_type(request), JSON)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _shown(request: Request) -> str:
    """The token that is shown; empty where none is."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    return shown.strip() if scheme.lower() == "bearer" else ""
