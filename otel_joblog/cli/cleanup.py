"""``otel-joblog cleanup``: what `serve` and the agent do every night, now and by other ages."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from ..config import Settings
from ..parsing import age
from ..store.server.embedded import resolve_dsn
from ..store.upkeep.maintenance import clean_up, preview
from ..store.upkeep.retention import CleanUp, Outlook, Policy, Retention
from ..web import format as words
from .common import told_plainly
from .printing.say import say

__all__ = ["cleanup"]


class Day(click.ParamType[date]):
    """A day that has come: by its date, or by how long ago it was."""

    name = "DATE|AGE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        today = datetime.now(UTC).date()
        try:
            if "-" in str(value):
                day = date.fromisoformat(str(value))
            elif (days := age(str(value))) is not None:
                day = today - timedelta(days=days)
            else:
                self.fail("`never` is not a day; to delete nothing, do not run cleanup", param, ctx)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a date such as 2026-08-01 nor an age such as 90d", param, ctx)
        if day > today:
            self.fail(f"{value!r} is in the future", param, ctx)
        return day


class Age(click.ParamType[tuple[int | None]]):
    """Days; None for ever. In a tuple, since click takes None for not given."""

    name = "AGE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int | None]:
        try:
            return (age(str(value)),)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--before", type=Day(), help="Runs that ended before then (UTC). Default OTEL_JOBLOG_RETENTION ago.")
@click.option(
    "--keep-failures",
    type=Age(),
    help="How long failed runs stay; `never` keeps them for ever. Default OTEL_JOBLOG_RETENTION_FAILURES.",
)
@click.option(
    "--archive",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write runs to before they are deleted. Default OTEL_JOBLOG_ARCHIVE_DIR.",
)
def cleanup(
    *, dry_run: bool, before: date | None, keep_failures: tuple[int | None] | None, archive: Path | None
) -> None:
    """Delete the runs that are past their retention, with their lines. Write them to an archive first, if there is one.

    `serve` and `agent` do so every night. Jobs go on meanwhile. If it is interrupted, run it again.
    """
    settings = Settings.from_environment()
    retention = Retention.of(settings)
    if keep_failures is not None:
        retention = dataclasses.replace(retention, failures=keep_failures[0])
    if archive is not None:
        retention = dataclasses.replace(retention, archive=archive.absolute())
    policy = retention.policy(before=before)
    if policy is None:
        say("Nothing is past its retention: OTEL_JOBLOG_RETENTION=never.")
        return
    with told_plainly():
        dsn = resolve_dsn(settings)
        say(_foretold(preview(dsn, policy), policy) if dry_run else _told(clean_up(dsn, policy), policy))


def _foretold(found: Outlook, policy: Policy) -> str:
    going = f"{words.count(found.runs, 'run')} with {words.count(found.lines, 'line')}"
    staying = f"{words.count(found.kept, 'run')} with {words.count(found.kept_lines, 'line')}"
    told = [
        f"Of runs that ended before {policy.before}, failed ones before {policy.failures_before}:",
        f"  {going} would be deleted, {found.failed:,} of them failed",
        f"  {staying} would stay: they failed, are running, or were imported lately",
    ]
    if found.days:
        first, last = found.days[0][0], found.days[-1][0]
        size = words.size(sum(size for _, size in found.days))
        told.append(
            f"  {words.count(len(found.days), 'day')} would be dropped except for those, {first} to {last}: {size}"
        )
    if found.runs and policy.archive:
        told.append(f"  written to {policy.archive} first")
    return "\n".join([*told, "Nothing was changed."])


def _told(done: CleanUp, policy: Policy) -> str:
    seconds = words.duration((done.ended_at - done.started_at).total_seconds())
    told = f"{words.count(done.runs, 'run')} with {words.count(done.lines, 'line')} deleted, "
    told += f"{words.count(done.days, 'day')} dropped, {words.size(done.bytes)} freed in {seconds}."
    return told + (f" Archived in {policy.archive}." if policy.archive and done.runs else "")
