"""``otel-joblog migrate``."""

from __future__ import annotations

import click

from ..config import Settings
from ..store.embedded import resolve_dsn
from .common import told_plainly

__all__ = ["migrate"]


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date. Safe to run at any time, and by several at once."""
    from ..store import migrate as migrations

    with told_plainly():
        applied = migrations.migrate(resolve_dsn(Settings.from_environment()))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("The schema is up to date.")
