"""The page where one signs in, and what ends that. Neither needs scripts."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ... import params
from ...auth.access import Access
from ...auth.roles import Role
from ...auth.users import fingerprint
from ..render import render

__all__ = ["page", "sign_in", "sign_out"]

_MOST_BYTES = 16_384


async def page(request: Request) -> Response:
    """Where nobody needs to sign in, it leads on."""
    access: Access = request.state.access
    onward = _onward(request, params.text(request, "next"))
    return _asking(request, onward) if access.closed else RedirectResponse(onward, 303)


async def sign_in(request: Request) -> Response:
    """Goes on to ``next`` with a cookie, or says on the page what is wrong."""
    access: Access = request.state.access
    form = await _form(request)
    name, onward = form.get("name", ""), _onward(request, form.get("next"))
    try:
        user = await access.sign_in(request, name, form.get("password", ""))
    except HTTPException as error:
        return _asking(request, onward, name=name, problem=error)
    if not user.role.may(Role.VIEWER):
        problem = HTTPException(403, f"The role {user.role} may not look at pages.")
        return _asking(request, onward, name=name, problem=problem)
    response = RedirectResponse(onward, 303)
    access.cookies.begin(response, request, user.name, proof=fingerprint(user))
    access.audit.say("signed in", name=user.name, address=request.client.host if request.client else None)
    return response


async def sign_out(request: Request) -> Response:
    access: Access = request.state.access
    response = RedirectResponse(request.url_for("sign_in").path, 303)
    access.cookies.end(response, request)
    return response


def _asking(request: Request, onward: str, *, name: str = "", problem: HTTPException | None = None) -> Response:
    said = problem.detail if problem else ""
    response = render(request, "sign_in/page.html", name=name, next=onward, problem=said)
    if problem:
        response.status_code = problem.status_code
        response.headers.update(problem.headers or {})
    return response


def _onward(request: Request, given: str | None) -> str:
    """An address of this viewer: a link to the sign-in must not lead to another site."""
    if given and given.startswith("/") and given.isprintable() and "\\" not in given and not given.startswith("//"):
        return given
    return request.url_for("runs").path


async def _form(request: Request) -> dict[str, str]:
    """The form's fields, each of which is given once."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, "That is too long for a name and a password.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError:
        raise HTTPException(400, "This is not what the form of the sign-in sends.") from None
    return {key: values[0] for key, values in fields.items()}
