"""Who a request comes from: by its Authorization header, or by the cookie of a sign-in."""

from __future__ import annotations

import base64
import binascii
import logging
import math

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ...config import Settings
from ...diagnostics import LOGGER_NAME
from ...visible import visible
from .audit import Audit
from .cookie import Cookies
from .passwords import Passwords, TooBusy
from .roles import Role
from .throttle import Throttle
from .tokens import digest
from .users import User, Users, fingerprint, normal
from .viewersettings import viewer_settings
from .who import ANYBODY, How, Person

__all__ = ["Access"]


class Access:
    """Who may come in; one for the life of an application.

    While there are no accounts, everybody may. Once there were some, nobody may without one again, until the viewer is
    started anew: a file of accounts that is lost opens nothing.
    """

    def __init__(self, settings: Settings | None) -> None:
        """Without settings there are no accounts, and nothing is written down."""
        self.users = Users(settings.users_file if settings else None)
        self.audit = Audit(settings.audit_file if settings else None)
        self.cookies = Cookies(settings.state_dir / "viewer.key" if settings else None)
        self.visible = viewer_settings(settings.viewer_settings if settings else None).visibility
        self._passwords = Passwords()
        self._throttle = Throttle()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether one must sign in. Raises :class:`~otel_joblog.errors.UsersUnusable`."""
        self._closed = self._closed or bool(self.users.all())
        return self._closed

    async def person(self, request: Request) -> Person | None:
        """None: one must sign in first. Raises :class:`HTTPException` for what is shown and is not right."""
        shown = request.headers.getlist("authorization")
        if not self.closed:
            return ANYBODY
        if len(shown) > 1:
            raise HTTPException(400, "Authorization is given more than once: give it once.")
        if shown:
            return await self._authorized(request, shown[0])
        return self._of_cookie(request)

    async def sign_in(self, request: Request, name: str, password: str) -> User:
        """The account of that name and password. Raises :class:`HTTPException` for others: 401, 429 or 503."""
        name = normal(name)
        user = self.users.all().get(name)
        if self._passwords.remembered(user, password):
            assert user is not None
            return user
        self._let_try(request, name)
        try:
            fits = await self._passwords.fits(user, password)
        except TooBusy:
            raise HTTPException(503, "Too many sign in at once: try again.", {"Retry-After": "2"}) from None
        if not fits or user is None:
            self._failed(request, name, "password")
            raise HTTPException(401, "There is no account of this name and password.")
        self._throttle.succeeded(_address(request), name)
        return user

    def may_send(self, token: str) -> bool:
        """Whether that is the token of an account that sends OTLP."""
        user = self.users.of_token(digest(token)) if token else None
        return user is not None and user.role.may(Role.INGEST)

    async def _authorized(self, request: Request, shown: str) -> Person:
        scheme, _, given = shown.partition(" ")
        if scheme.lower() == "bearer":
            return self._of_token(request, given.strip())
        if scheme.lower() != "basic":
            raise HTTPException(401, "Authorization is Basic with a name and a password, or Bearer with a token.")
        try:
            name, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if not colon:
            raise HTTPException(401, "Authorization: Basic is the base64 of name:password in UTF-8.")
        user = await self.sign_in(request, name, password)
        return Person(user.name, user.role, How.PASSWORD)

    def _of_token(self, request: Request, token: str) -> Person:
        user = self.users.of_token(digest(token))
        if user is None:
            self._let_try(request, None)
            self._failed(request, None, "token")
            raise HTTPException(401, "No account has this token.")
        return Person(user.name, user.role, How.TOKEN)

    def _of_cookie(self, request: Request) -> Person | None:
        session = self.cookies.read(request)
        if session is None:
            return None
        user = self.users.all().get(session.name)
        if user is None or fingerprint(user) != session.proof:  # removed, or with another password since
            return None
        return Person(user.name, user.role, How.COOKIE)

    def _let_try(self, request: Request, name: str | None) -> None:
        wait = math.ceil(self._throttle.wait(_address(request), name))
        if wait > 0:
            words = "1 second" if wait == 1 else f"{wait} seconds"
            raise HTTPException(429, f"Too many sign-ins failed: try again in {words}.", {"Retry-After": str(wait)})

    def _failed(self, request: Request, name: str | None, how: str) -> None:
        address = _address(request)
        self._throttle.failed(address, name)
        self.audit.say("sign-in failed", name=name, how=how, address=address)
        whom = "" if name is None else f" of {visible(name[:80])!r}"
        logging.getLogger(LOGGER_NAME).warning("otel_joblog: a sign-in%s by %s from %s failed", whom, how, address)


def _address(request: Request) -> str:
    return request.client.host if request.client else "a Unix socket"
