"""A route that says which role it needs. Nobody else gets to its handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from .access import Access
from .origin import from_elsewhere
from .roles import Role
from .who import How, Person

__all__ = ["Guarded"]

_FOREIGN = "This was not asked for by a page of this viewer, so it is not done."


class Guarded(Route):
    """``role`` None: everybody may, and who they are is not looked at."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        *,
        name: str,
        role: Role | None,
        methods: Sequence[str] = ("GET",),
    ) -> None:
        super().__init__(path, endpoint, name=name, methods=list(methods))
        self.role = role

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        access: Access = request.state.access
        if self.role is None:
            if from_elsewhere(request, lent=False):
                raise HTTPException(403, _FOREIGN)
            await super().handle(scope, receive, send)
            return
        try:
            person = await access.person(request)
        except HTTPException as error:
            raise _challenging(request, error) from None
        if person is None:
            if _is_page(request):
                await _to_sign_in(request)(scope, receive, send)
                return
            raise _challenging(request, HTTPException(401, "Sign in, or send the header Authorization."))
        reader = request.state.reader.seen_by(access.visible.of(person))
        scope["state"] = {**scope["state"], "person": person, "reader": reader}
        if from_elsewhere(request, lent=person.lent):
            raise HTTPException(403, _FOREIGN)
        if not person.role.may(self.role):
            access.audit.say("refused", name=person.name, method=request.method, path=request.url.path)
            raise HTTPException(403, f"The role {person.role} may not do this: it needs {self.role}.")
        await super().handle(scope, receive, _telling(request, person, access, send))


def _telling(request: Request, person: Person, access: Access, send: Send) -> Send:
    """Renews the cookie, and writes down who changed something, when the answer begins."""
    session = access.cookies.read(request) if person.how is How.COOKIE else None
    cookie = access.cookies.renewed(session, request) if session else None

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            if cookie and "set-cookie" not in MutableHeaders(scope=message):
                MutableHeaders(scope=message).append("set-cookie", cookie)
            if request.method not in {"GET", "HEAD"}:
                facts: dict[str, Any] = {"name": person.name, "how": person.how, "method": request.method}
                access.audit.say("asked", **facts, path=request.url.path, status=message["status"])
        await send(message)

    return told


def _is_page(request: Request) -> bool:
    """Whether a person waits for it: a browser that goes to an address."""
    destination = request.headers.get("sec-fetch-dest")
    asked_for = destination == "document" if destination else "text/html" in request.headers.get("accept", "")
    return request.method in {"GET", "HEAD"} and asked_for


def _to_sign_in(request: Request) -> RedirectResponse:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{request.url_for('sign_in').path}?{urlencode({'next': here})}", 303)


def _challenging(request: Request, error: HTTPException) -> HTTPException:
    """A browser answers Basic by a window of its own, which a script's request must not open."""
    if error.status_code != 401:
        return error
    by_script = "sec-fetch-site" in request.headers or not request.url.path.startswith("/api/")
    scheme = "Bearer" if by_script else 'Basic realm="otel_joblog", charset="UTF-8"'
    return HTTPException(401, error.detail, {"WWW-Authenticate": scheme})
