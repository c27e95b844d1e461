"""The viewer as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypedDict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ..config import Settings
from ..ingest.endpoint import closed
from ..ingest.service import LOCAL_HOSTS, Ingest
from ..journal.room import Room
from ..store.read.reader import Reader
from .auth.access import Access
from .auth.who import ANYBODY, Person
from .problems import handlers
from .pulse import Pulse
from .routes import routes
from .safety import SecurityHeaders
from .templating import Templates

__all__ = ["create_app"]


class State(TypedDict):
    """What the lifespan hands to every request."""

    settings: Settings
    reader: Reader
    journals: Room | None
    templates: Templates
    pulse: Pulse
    access: Access
    person: Person


def create_app(
    dsn: str,
    *,
    settings: Settings | None = None,
    journals: Room | None = None,
    ingest: Ingest | None = None,
    no_ingest: str = "this viewer takes no OTLP",
    extra_hosts: Sequence[str] = (),
    access: Access | None = None,
) -> Starlette:
    """The viewer of the runs in the PostgreSQL at ``dsn``: pages, live fragments and a JSON API.

    ``access`` says who may come in; without it everybody who reaches it may. With ``ingest`` it takes in OTLP, too;
    without, senders are told to come again, and why (``no_ingest``).

    It starts, says what is wrong and recovers by itself where that database does not answer. Requests are served only
    under the names of this host, against DNS rebinding; name others in ``extra_hosts`` (``"*.example.com"`` will do).
    ``/healthz`` tells of ``journals``, where they are given; the maintenance page and links to traces go by the
    ``settings``.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        known = settings or Settings()
        # It connects when first asked, and again when it must.
        async with Reader(dsn) as reader, ingest or nullcontext():
            pulse = Pulse(reader)
            app.state.stop_streams = pulse.stop  # for the server: the lifespan ends after the streams
            yield {
                "settings": known,
                "reader": reader,
                "journals": journals,
                "templates": Templates(known.trace_url),
                "pulse": pulse,
                "access": access or Access(None),
                "person": ANYBODY,
            }

    hosts: dict[str, Any] = {"allowed_hosts": [*LOCAL_HOSTS, *extra_hosts], "www_redirect": False}
    return Starlette(
        routes=[*routes(), *(ingest.routes() if ingest else closed(no_ingest))],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(TrustedHostMiddleware, **hosts),
            Middleware(GZipMiddleware, minimum_size=2_000, compresslevel=4),
        ],
        exception_handlers=handlers(),
        lifespan=lifespan,
    )
