"""The viewer's process: database, its maintenance, agent and web server, for ``serve`` and ``demo``."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import click

from ...config import Settings
from ...export.targets import target_names
from ...health.keeper import keep_due_times
from ...journal.agent import Agent
from ...journal.room import Room
from ...setup import make_sinks
from ...store.schema.may import May, login_may
from ...store.server.embedded import EmbeddedServer, resolve_reader_dsn
from ...store.upkeep.maintenance import Maintenance
from ...store.upkeep.retention import Retention

if TYPE_CHECKING:
    from ...web.auth.access import Access

__all__ = ["Database", "Viewer", "database", "listening_socket"]

DEFAULT_PORT = 8765


class Database(NamedTuple):
    """The database in use: where to write and to read, and what the login that writes may do."""

    dsn: str
    reader_dsn: str
    may: May

    @property
    def remark(self) -> str | None:
        """What is not done in it from here, in words for people."""
        if self.may is May.READ:
            return "This login is read-only: this viewer ships nothing of this host and does no upkeep of the database."
        if self.may is May.WRITE:
            return (
                "This login does not own the tables: their upkeep, and due times of jobs, are left to an `otel-joblog "
                "serve` or `agent` whose login does."
            )
        return None


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Database]:
    """The database in use, its schema up to date. The embedded one is started, and stopped if we did."""
    from ...store.schema.migrate import migrate

    if settings.dsn or settings.reader_dsn:
        reader_dsn = resolve_reader_dsn(settings)
        if not settings.dsn:
            yield Database(reader_dsn, reader_dsn, May.READ)
            return
        migrate(settings.dsn)
        yield Database(settings.dsn, reader_dsn, login_may(settings.dsn))
        return
    server = EmbeddedServer(settings.postgres_dir, settings.pg_bin)
    started = server.start()
    try:
        migrate(server.dsn)
        yield Database(server.dsn, server.dsn, May.OWN)
    finally:
        if started:
            server.stop()


def listening_socket(
    host: str,
    port: int,
    *,
    exposed: bool = False,
    or_another: bool = False,
    token: str | None = None,
    ingest: bool = False,
    closed: bool = False,
) -> socket.socket:
    """A bound socket; ``or_another`` takes any free port where this one is taken.

    Beyond loopback only for an ``ingest`` that asks for a ``token``, for a viewer that is ``closed`` to all who do not
    sign in, or where it is to be ``exposed``.
    """
    if ingest and not token and not _is_loopback(host):
        raise click.ClickException(
            f"{host} is not a loopback address, and without a token anybody could write runs into the database. "
            "Set OTEL_JOBLOG_INGEST_TOKEN, and have senders show it: "
            "OTEL_EXPORTER_OTLP_HEADERS='Authorization=Bearer%20<token>'."
        )
    if not (ingest or exposed or closed or _is_loopback(host)):
        raise click.ClickException(
            f"{host} is not a loopback address, and the viewer has no users yet: anybody could read every log. "
            "Make one: `otel-joblog users add NAME --role operator`. Or serve on 127.0.0.1 and reach it by `ssh -L`. "
            "Where only a proxy with authentication, or a container's published port, can reach this address, use "
            "--exposed."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        if not or_another:
            bound.close()
            raise click.ClickException(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
            ) from error
        bound.bind((host, 0))
    bound.listen()  # from now on connections wait for the server instead of being refused
    return bound


class Viewer:
    """The web server, the agent and the maintenance of the database, running in threads while the block runs.

    Where the login may only read, the web server alone: an agent that could not write would keep the processes of this
    host from shipping for themselves.
    """

    def __init__(
        self,
        settings: Settings,
        using: Database,
        listening: socket.socket,
        *,
        names: Sequence[str] = (),
        agent: bool = True,
        access: Access | None = None,
    ) -> None:
        from ...ingest.service import Ingest
        from ...web.app import create_app
        from .server import make_server

        self._listening = listening
        host, self.url = _address(listening)
        room = Room.of(settings, target_names(settings, os.environ))
        self._work: list[Maintenance | Agent] = []
        if using.may > May.READ:
            sinks = make_sinks(settings, otlp_by_default=True)
            self._work = [
                Maintenance(using.dsn, Retention.of(settings), [keep_due_times]),
                Agent(settings.journal_dir, sinks, room, lost_after=settings.lost_after, living=agent),
            ]
        # In a thread uvicorn leaves signals alone: the main thread stops everything in order.
        closed = access is not None and access.closed
        self.no_ingest = _no_ingest(settings, using, host, closed=closed)
        self.open_to = _open_to(host, closed=closed)
        app = create_app(
            using.reader_dsn,
            settings=settings,
            journals=room,
            ingest=None if self.no_ingest else Ingest(settings, using.dsn, accounts=access),
            no_ingest=f"this viewer takes no OTLP: {self.no_ingest}",
            extra_hosts=names,
            access=access,
        )
        self._server = make_server(app, stop_within=2)
        self._thread = threading.Thread(target=self._serve, name="otel_joblog-viewer", daemon=True)

    def __enter__(self) -> Self:
        for work in self._work:
            work.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        for work in reversed(self._work):
            work.__exit__(*error)
        self._listening.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._listening])


def _address(listening: socket.socket) -> tuple[str | None, str]:
    """The host, None of a Unix socket, and the address to look at."""
    if listening.family == socket.AF_UNIX:
        return None, f"unix:{listening.getsockname()}"
    host, port = listening.getsockname()[:2]
    return host, f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _open_to(host: str | None, *, closed: bool) -> str | None:
    """Who may look, in words, where it is not this account alone."""
    if host is None or (closed and _is_loopback(host)):
        return None
    if closed:
        return "One must sign in. This is plain HTTP: put a proxy with TLS before it, as passwords cross the network."
    if _is_loopback(host):
        return "Every account of this host can read it. With --uds PATH only yours can."
    return "Whoever reaches this address can read it."


def _no_ingest(settings: Settings, using: Database, host: str | None, *, closed: bool) -> str | None:
    """Why a viewer takes no OTLP, where it takes none."""
    if using.may is May.READ:
        return "this login is read-only"
    if not (settings.ingest_token or closed) and host is not None and not _is_loopback(host):
        return "set OTEL_JOBLOG_INGEST_TOKEN"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
