"""The ingest of a process: endpoint, decoder, lanes and what keeps records, put together from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..config import Settings
from ..redaction import make_redactor
from ..store.write.writer import Writer
from .endpoint import Accounts, Endpoint
from .journaled import Journaled
from .lanes import Keeper, Lanes
from .otlp import Decoder
from .rules import Rules

__all__ = ["LOCAL_HOSTS", "Ingest", "create_app"]

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")


class Ingest:
    """Takes in OTLP while its block runs. Raises :class:`~otel_joblog.errors.ConfigError` for rules that are none."""

    def __init__(self, settings: Settings, dsn: str | Callable[[], str], *, accounts: Accounts | None = None) -> None:
        journaled = Journaled(settings) if settings.ingest_acknowledge == "journal" else None

        def writer() -> Keeper:
            return journaled or Writer(dsn, application_name="otel_joblog ingest")

        self.asks_for_token = bool(settings.ingest_token)
        self._journaled = journaled
        self._lanes = Lanes(
            Decoder(Rules.of(settings.ingest_rules), most=settings.ingest_max_items),
            writer,
            most_bytes=settings.ingest_max_bytes,
            redactor=make_redactor(settings),
        )
        self._endpoint = Endpoint(
            self._lanes, token=settings.ingest_token, most_bytes=settings.ingest_max_bytes, accounts=accounts
        )

    def routes(self) -> list[BaseRoute]:
        return self._endpoint.routes()

    @property
    def away(self) -> bool:
        """Whether nothing could be stored a moment ago."""
        return self._lanes.away

    async def __aenter__(self) -> Self:
        if self._journaled is not None:
            self._journaled.start()
        self._lanes.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self._lanes.stop)
        if self._journaled is not None:
            await asyncio.to_thread(self._journaled.stop)


def create_app(ingest: Ingest) -> Starlette:
    """The ingest alone, without pages: as many such processes as it takes may write to one database.

    Without a token requests are served only under the names of this host, against DNS rebinding.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with ingest:
            yield

    async def health(_request: Request) -> Response:
        if ingest.away:  # why is told to those who show the token: it may name the database
            return PlainTextResponse("nothing can be stored now\n", 503)
        return PlainTextResponse("ok\n")

    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=LOCAL_HOSTS, www_redirect=False)
    return Starlette(
        routes=[*ingest.routes(), Route("/healthz", health)],
        middleware=[] if ingest.asks_for_token else [hosts],
        lifespan=lifespan,
    )
