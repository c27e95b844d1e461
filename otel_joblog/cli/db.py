"""``otel-joblog db``: the embedded PostgreSQL of the state folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from ..config import Settings
from ..errors import JobLogError
from ..store.server.embedded import EmbeddedServer
from .printing.say import say

__all__ = ["db"]

NOT_RUNNING = 3  # what `systemctl status` exits with


@click.group()
def db() -> None:
    """Start, stop and find the embedded PostgreSQL.

    It is in the state folder (OTEL_JOBLOG_STATE_DIR). If OTEL_JOBLOG_DSN is set, it is not used.
    """


@db.command()
def start() -> None:
    """Start the server. Set it up first if there is none. The schema is brought up to date."""
    from ..store.schema.migrate import migrate

    with _told_plainly():
        settings, server = _configured()
        started = server.start()
        applied = migrate(server.dsn)
    status = server.status()
    say(f"PostgreSQL {status.version} {'started' if started else 'is running already'} (process {status.pid}).")
    if applied:
        say(f"Schema brought up to date: {', '.join(applied)}.")
    if status.remark:
        say(f"{status.remark}.")
    if settings.dsn:
        say("Note: OTEL_JOBLOG_DSN is set, so runs are stored there and not in this server.", err=True)


@db.command()
def stop() -> None:
    """Stop the server and end its sessions. What jobs record meanwhile waits in the journal."""
    with _told_plainly():
        _, server = _configured()
        stopped = server.stop()
    say("PostgreSQL stopped." if stopped else "PostgreSQL was not running.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Say whether the server runs. Exits with 0 if it does, with 3 if it does not."""
    with _told_plainly():
        _, server = _configured()
        found = server.status()
    if as_json:
        import msgspec

        say(msgspec.json.encode(found).decode())
    elif found.version is None:
        say(f"Not set up: {found.folder} (`otel-joblog db start` does it)")
    else:
        say(f"PostgreSQL {found.version} " + (f"runs (process {found.pid})" if found.running else "is stopped"))
        say(f"folder  {found.folder}")
        say(f"size    {found.size / 1e6:.1f} MB")
        say(f"socket  {found.socket}")
        if found.remark:
            say(f"note    {found.remark}")
    if not found.running:
        context.exit(NOT_RUNNING)


@db.command()
def uri() -> None:
    """Print the URI of the database in use, password included: psql "$(otel-joblog db uri)"."""
    with _told_plainly():
        settings, server = _configured()
        click.echo(settings.dsn or server.uri)  # for psql: as it is


def _configured() -> tuple[Settings, EmbeddedServer]:
    settings = Settings.from_environment()
    return settings, EmbeddedServer(settings.postgres_dir, settings.pg_bin)


@contextlib.contextmanager
def _told_plainly() -> Iterator[None]:
    """Errors of ours as one line on stderr and exit status 1."""
    try:
        yield
    except (JobLogError, OSError) as error:
        raise click.ClickException(str(error)) from error
