"""``otel-joblog serve``: the viewer."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import click
from click.core import ParameterSource

from ..config import Settings
from .common import told_plainly
from .journal import tell_of_foreign
from .printing.say import say
from .serving.stopping import until_told_to_stop
from .serving.unixsocket import unix_socket
from .serving.viewer import DEFAULT_PORT, Viewer, database, listening_socket

__all__ = ["serve"]


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on: loopback, unless there are users."
)
@click.option(
    "--exposed",
    is_flag=True,
    help="Allow any --host without users. Whoever reaches it can read every log. For containers.",
)
@click.option("--allow-host", "names", multiple=True, help="Another host name to answer to, such as *.example.com.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port."
)
@click.option(
    "--uds",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Listen on a Unix socket instead, which only your account can open. Reach it by ssh -L 8765:PATH.",
)
@click.option("--agent/--no-agent", default=True, help="Also ship for the living processes of this host.")
def serve(*, host: str, exposed: bool, names: tuple[str, ...], port: int, uds: Path | None, agent: bool) -> None:
    """Serve the viewer, and be the agent of this host: ship the journals of all its processes.

    Without OTEL_JOBLOG_DSN it starts the embedded PostgreSQL, and stops it again at its end. Runs until Ctrl-C.
    """
    given = click.get_current_context().get_parameter_source
    if uds and any(given(name) is ParameterSource.COMMANDLINE for name in ("host", "port", "exposed")):
        raise click.UsageError("use --uds, or --host and --port, not both: it listens in one place")
    from ..web.auth.access import Access

    settings = Settings.from_environment()
    access = Access(settings)
    with (
        told_plainly(),
        _listening(host, port, uds, exposed=exposed, closed=access.closed) as bound,
        until_told_to_stop() as wait,
        database(settings) as using,
        Viewer(settings, using, bound, names=names, agent=agent, access=access) as viewer,
    ):
        if using.remark:
            say(using.remark)
        if viewer.no_ingest:
            say(f"Takes no OTLP: {viewer.no_ingest}.")
        say(f"Viewer: {viewer.url}  (Ctrl-C stops it)")
        if viewer.open_to:
            say(viewer.open_to)
        tell_of_foreign(settings)
        wait()


def _listening(
    host: str, port: int, uds: Path | None, *, exposed: bool, closed: bool
) -> contextlib.AbstractContextManager[socket.socket]:
    if uds:
        return unix_socket(uds)
    return contextlib.closing(listening_socket(host, port, exposed=exposed, closed=closed))
