"""``otel-joblog migrate``."""

from __future__ import annotations

import click

from ..config import Settings
from ..store.server.embedded import resolve_dsn
from .common import told_plainly
from .printing.say import say

__all__ = ["migrate"]


@click.command()
@click.option("--roles", is_flag=True, help="Also make the roles joblog_writer, joblog_reader and joblog_dashboards.")
def migrate(*, roles: bool) -> None:
    """Bring the database's schema up to date. Safe to run at any time, and by several at once."""
    from ..store.schema import migrate as migrations
    from ..store.schema.roles import make_roles

    with told_plainly():
        dsn = resolve_dsn(Settings.from_environment())
        applied = migrations.migrate(dsn)
        for name in applied:
            say(f"applied {name}")
        if not applied:
            say("The schema is up to date.")
        if roles:
            done = make_roles(dsn)
            say("\n".join(done) or "The roles and their rights are up to date.")
