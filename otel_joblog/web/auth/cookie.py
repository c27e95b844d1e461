"""The cookie that a sign-in leaves: signed, so that no sessions are kept; short-lived, and renewed while it is used."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any, NamedTuple

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from .files import secret_of

__all__ = ["NAME", "Cookies", "Session"]

NAME = "otel_joblog_signed_in"  # cookies are shared by all ports of a host
IDLE = 12 * 3600  # seconds
RENEWED = 3600  # seconds old: then it is written anew
LONGEST = 7 * 86_400  # seconds after the sign-in


class Session(NamedTuple):
    """``proof`` is that of the account (:func:`.users.fingerprint`); ``role`` what an issuer's groups gave, else ""."""

    name: str
    proof: str
    role: str
    began: int  # Unix seconds, as the next
    written: int


class Cookies:
    def __init__(self, key: Path | None) -> None:
        """``key`` is the file of the key; None: one for as long as this lives."""
        self._path = key
        self._made: URLSafeSerializer | None = None

    def read(self, request: Request) -> Session | None:
        """None where there is none, or where it is not ours, or old."""
        given = request.cookies.get(NAME)
        if not given:
            return None
        try:
            session = Session(*self._signer.loads(given))
        except (BadData, TypeError):
            return None
        now = time.time()
        return session if now < min(session.written + IDLE, session.began + LONGEST) else None

    def begin(self, response: Response, request: Request, name: str, *, proof: str = "", role: str = "") -> None:
        now = int(time.time())
        self._write(response, request, Session(name, proof, role, now, now))

    def renewed(self, session: Session, request: Request) -> str | None:
        """The header that renews it, where it is due."""
        now = int(time.time())
        if now < session.written + RENEWED:
            return None
        response = Response()
        self._write(response, request, session._replace(written=now))
        return response.headers["set-cookie"]

    def end(self, response: Response, request: Request) -> None:
        response.delete_cookie(NAME, **_where(request))

    def _write(self, response: Response, request: Request, session: Session) -> None:
        response.set_cookie(NAME, str(self._signer.dumps(session)), max_age=IDLE, **_where(request))

    @property
    def _signer(self) -> URLSafeSerializer:
        if self._made is None:
            self._made = URLSafeSerializer(
                secret_of(self._path) if self._path else secrets.token_bytes(32), salt="otel_joblog sign-in"
            )
        return self._made


def _where(request: Request) -> dict[str, Any]:
    path = request.scope.get("root_path", "") or "/"
    return {"path": path, "httponly": True, "samesite": "lax", "secure": request.url.scheme == "https"}
