"""``otel-joblog journal``: what waits for which destination, and what to do where nothing here ships to it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..config import Settings
from ..export.places import in_words
from ..export.targets import target_names
from ..journal.backlog import Backlog, backlog
from ..journal.bindings import give_up, send_elsewhere
from ..journal.destinations import bound_to, foreign, runs_waiting
from ..journal.recovery import ship_all_dead
from ..setup import make_sinks
from ..web import format as words
from .common import JSON_OPTION, told_plainly
from .printing.ids import short_id
from .printing.say import one_line, say
from .printing.terminal import echo_json

__all__ = ["foreign_remark", "journal", "tell_of_foreign"]

RUNS = 3  # that are named
DESTINATION = click.argument("destination")


@click.group()
def journal() -> None:
    """List, send or drop what waits in the journals of this state folder.

    A journal is bound to the destinations of the process that wrote it. If a process is then configured for another
    database or collector, what it wrote before waits. `send` sends it to the new destination, `drop` drops it.
    """


@journal.command("list")
@JSON_OPTION
def list_destinations(*, as_json: bool) -> None:
    """List the destinations that something waits for, and its runs. With --json one array."""
    settings = Settings.from_environment()
    root, here = settings.journal_dir, set(target_names(settings, os.environ))
    with told_plainly():
        found = [behind for behind in backlog(root) if behind.bytes or behind.exporter not in here]
        told = [_told(root, behind, here) for behind in found]
    if as_json:
        echo_json(told)
    elif not told:
        say("Nothing waits: everything is shipped.")
    else:
        say("\n".join(_shown(root, behind, here) for behind in found))


def _told(root: Path, behind: Backlog, here: set[str]) -> dict[str, Any]:
    runs, more = runs_waiting(root, behind.exporter, 100)
    since = None if behind.age is None else datetime.now(UTC).timestamp() - behind.age
    return {
        "destination": behind.exporter,
        "in_words": in_words(behind.exporter),
        "here": behind.exporter in here,
        "journals": behind.journals,
        "bytes": behind.bytes,
        "since": since,
        "runs": runs,
        "more_runs": more,
        "trouble": behind.trouble,
    }


def _shown(root: Path, behind: Backlog, here: set[str]) -> str:
    since = "" if behind.age is None else f", for {words.duration(behind.age)}"
    goes = "is shipped from here" if behind.exporter in here else "nothing here ships to it"
    told = f"{words.size(behind.bytes)} of {words.count(behind.journals, 'journal')}{since}; {goes}"
    runs = _runs_in_words(root, behind.exporter)
    return f"{one_line(behind.exporter)}  {one_line(in_words(behind.exporter))}\n  {told}\n  {one_line(runs)}"


def _runs_in_words(root: Path, exporter: str) -> str:
    """``import 3f9a1c20, export 77ab0142 and more``."""
    runs, more = runs_waiting(root, exporter, RUNS)
    return ", ".join(f"{run.job} {short_id(run.run_id)}" for run in runs) + (" and more" if more else "") or "—"


@journal.command()
@DESTINATION
def send(*, destination: str) -> None:
    """Send what waits for DESTINATION, or a part of its name, to where this configuration ships.

    Only what dead processes left: a living process ships to its own destination. Exits with 1 if something is left.
    """
    settings = Settings.from_environment()
    with told_plainly():
        exporter = _meant(settings.journal_dir, destination)
        kind = exporter.partition("-")[0]
        sinks = [sink for sink in make_sinks(settings, otlp_by_default=True) if sink.name.partition("-")[0] == kind]
        if not sinks:
            raise click.ClickException("no OTLP endpoint is configured here: set OTEL_EXPORTER_OTLP_ENDPOINT")
        sink = sinks[0]
        if sink.name == exporter:
            raise click.ClickException(f"{exporter} is where this configuration ships: `otel-joblog recover` does it")
        folders, living = bound_to(settings.journal_dir, exporter)
        sent = sum(send_elsewhere(folder, exporter, sink.name) for folder in folders)
        say(f"{words.count(sent, 'journal')} sent to {in_words(sink.name)}.")
        ship_all_dead(settings.journal_dir, sink, lambda seconds: seconds == 0)
        sink.close()
        _tell_of_rest(len(folders) - sent, living)
        left = len(bound_to(settings.journal_dir, sink.name)[0])
    if left:
        raise click.ClickException(
            f"{words.count(left, 'journal')} left for later: `otel-joblog doctor` says whether it answers"
        )


@journal.command()
@DESTINATION
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(*, destination: str, yes: bool) -> None:
    """Drop what waits for DESTINATION, or a part of its name. What waits for other destinations stays."""
    settings = Settings.from_environment()
    with told_plainly():
        exporter = _meant(settings.journal_dir, destination)
        folders, living = bound_to(settings.journal_dir, exporter)
        size = sum(behind.bytes for behind in backlog(settings.journal_dir, folders) if behind.exporter == exporter)
        what = f"{words.size(size)} of {words.count(len(folders), 'journal')} that wait for {in_words(exporter)}"
        if folders and not yes:
            click.confirm(one_line(f"Drop {what}, {_runs_in_words(settings.journal_dir, exporter)}?"), abort=True)
        given_up = sum(give_up(folder, exporter) for folder in folders)
        say(f"{words.count(given_up, 'journal')} dropped.")
        _tell_of_rest(len(folders) - given_up, living)


def _meant(root: Path, destination: str) -> str:
    names = [behind.exporter for behind in backlog(root)]
    found = [name for name in names if name == destination] or [name for name in names if destination in name]
    if len(found) != 1:
        why = f"several names contain {destination!r}" if found else f"nothing waits for {destination!r}"
        there = ", ".join(found or names)
        raise click.ClickException(f"{why}: give one of {there}" if there else f"{why}, or for any other")
    return found[0]


def _tell_of_rest(busy: int, living: int) -> None:
    if busy:
        say(f"{words.count(busy, 'journal')} left alone, because another process ships them: try again.", err=True)
    if living:
        told = f"{words.count(living, 'journal')} left to the living processes that wrote them."
        say(told, err=True)


def foreign_remark(root: Path, behind: Backlog) -> str:
    """What waits for a destination that nothing here ships to, and what to do about it."""
    since = "" if behind.age is None else f" for {words.duration(behind.age)}"
    waits = f"{words.size(behind.bytes)} of {words.count(behind.journals, 'journal')} wait{since}"
    runs = one_line(_runs_in_words(root, behind.exporter))
    return (
        f"{waits} for {one_line(in_words(behind.exporter))}, which nothing here ships to ({runs}): "
        f"`otel-joblog journal send {one_line(behind.exporter)}` sends them to where this configuration ships, "
        "`otel-joblog journal drop` drops them"
    )


def tell_of_foreign(settings: Settings) -> None:
    """On stderr, at the begin of a command that ships for all."""
    with told_plainly():
        for behind in foreign(settings.journal_dir, set(target_names(settings, os.environ))):
            say(foreign_remark(settings.journal_dir, behind), err=True)
