"""``otel-joblog agent`` and ``recover``: shipping without a viewer."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import click

from ..config import Settings
from ..errors import StoreError
from ..export.targets import target_names
from ..health.keeper import keep_due_times
from ..journal.agent import Agent
from ..journal.backlog import backlog
from ..journal.cursors import cursor_names
from ..journal.recovery import being_shipped, dead_journals, look, ship_all_dead
from ..journal.room import Room
from ..setup import make_sinks
from ..store.schema.may import May, login_may
from ..store.server.embedded import resolve_dsn
from ..store.upkeep.maintenance import Maintenance
from ..store.upkeep.retention import Retention
from .common import told_plainly
from .journal import foreign_remark, tell_of_foreign
from .printing.say import say
from .serving.stopping import until_told_to_stop

__all__ = ["agent", "recover"]

PATIENCE = 10.0  # seconds for what somebody else ships just now


@click.command()
def agent() -> None:
    """Ship the journals of all processes on this host, with one connection for all. Runs until Ctrl-C.

    For hosts with short-lived jobs and no viewer. It starts no database. While there is none, everything waits.
    """
    settings = Settings.from_environment()
    sinks = make_sinks(settings, otlp_by_default=True)
    with told_plainly():
        _refuse_readers(settings)
    with (
        told_plainly(),
        until_told_to_stop() as wait,
        Agent(
            settings.journal_dir,
            sinks,
            Room.of(settings, [sink.name for sink in sinks]),
            lost_after=settings.lost_after,
        ),
        Maintenance(lambda: resolve_dsn(settings), Retention.of(settings), [keep_due_times]),
    ):
        say(f"Shipping what is below {settings.journal_dir}  (Ctrl-C stops it)")
        tell_of_foreign(settings)
        wait()


def _refuse_readers(settings: Settings) -> None:
    """An agent that cannot write would keep the processes of this host from shipping for themselves."""
    with contextlib.suppress(StoreError):  # away, or still without our schema: then it waits as they would
        if login_may(resolve_dsn(settings)) is May.READ:
            raise click.ClickException(
                "OTEL_JOBLOG_DSN is read-only here: an agent needs the primary, and a member of joblog_writer"
            )


@click.command()
def recover() -> None:
    """Ship what dead processes of this host left, once. Exits with 1 if something is left."""
    settings = Settings.from_environment()
    with told_plainly():
        root, here = settings.journal_dir, set(target_names(settings, os.environ))
        found = len(dead_journals(root))
        left = _ship_all(settings)
        left_alone = look(root).left_alone
        later = sum(not here.isdisjoint(cursor_names(folder)) for folder in left)
        elsewhere = [behind for behind in backlog(root, left) if behind.exporter not in here]
    say(f"{found - len(left)} of {found} journals of dead processes shipped.")
    for behind in elsewhere:
        say(foreign_remark(root, behind), err=True)
    if later:
        raise click.ClickException(f"{later} left for later: `otel-joblog doctor` says whether their database answers")
    if left:
        raise click.ClickException(f"{len(left)} left: nothing here ships to their destinations")
    if left_alone:
        told = ", ".join(f"{name} ({why})" for name, why in left_alone.items())
        raise click.ClickException(f"neither shipped nor deleted: {told}")


def _ship_all(settings: Settings) -> list[Path]:
    """Ship all journals of dead processes; returns those that stay. Where somebody else is about to ship one, and may
    not come to its end, it is tried again for a while.
    """
    root = settings.journal_dir
    sinks = make_sinks(settings, otlp_by_default=True)
    names = {sink.name for sink in sinks}
    deadline = time.monotonic() + PATIENCE
    away = False  # an exporter was

    def goes_on(seconds: float) -> bool:
        nonlocal away
        away = away or seconds > 0
        return seconds == 0

    while True:
        for sink in sinks:
            ship_all_dead(root, sink, goes_on)
        left = dead_journals(root)
        soon = any((not away and cursor_names(folder) & names) or being_shipped(folder) for folder in left)
        if not soon or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    for sink in sinks:
        sink.close()
    return left
