"""``otel-joblog ingest``: taking in OTLP without a viewer."""

from __future__ import annotations

import threading

import click

from ..config import Settings
from ..errors import StoreError
from ..store.schema.may import May
from .common import told_plainly
from .printing.say import say
from .serving.stopping import until_told_to_stop
from .serving.viewer import database, listening_socket

__all__ = ["ingest"]

STOP_WITHIN = 10  # seconds for requests that are under way


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on. Beyond loopback it needs a token."
)
@click.option("--port", default=4318, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
def ingest(*, host: str, port: int) -> None:
    """Take OTLP over HTTP (/v1/traces, /v1/logs) from any SDK or collector, without pages. Runs until Ctrl-C.

    Any number of them may write to one database, behind a load balancer. Beyond loopback it needs
    OTEL_JOBLOG_INGEST_TOKEN.
    """
    from ..ingest.service import Ingest, create_app
    from .serving.server import make_server

    settings = Settings.from_environment()
    with (
        told_plainly(),
        listening_socket(host, port, token=settings.ingest_token, ingest=True) as bound,
        until_told_to_stop() as wait,
        database(settings) as using,
    ):
        if using.may is May.READ:
            raise StoreError("this login is read-only: use one that may write (OTEL_JOBLOG_DSN)")
        server = make_server(create_app(Ingest(settings, using.dsn)), stop_within=STOP_WITHIN)
        # In a thread uvicorn leaves signals alone: else the process would die of them, and leave the database running.
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [bound]}, name="otel_joblog-ingest", daemon=True
        )
        thread.start()
        name, at = bound.getsockname()[:2]
        say(f"OTLP: http://{f'[{name}]' if ':' in name else name}:{at}  (Ctrl-C stops it)")
        if not settings.ingest_token:
            say("Every account of this host can send to it. Set OTEL_JOBLOG_INGEST_TOKEN to require a token.")
        wait()
        server.should_exit = True
        thread.join(2 * STOP_WITHIN)
