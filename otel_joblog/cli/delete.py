"""``otel-joblog delete``: runs, or a whole job, that should not be there."""

from __future__ import annotations

import asyncio
from uuid import UUID

import click

from ..config import Settings
from ..errors import JobLogError
from ..store.columns import bigint
from ..store.read.models import RunSummary
from ..store.read.reader import Reader
from ..store.server.embedded import resolve_dsn
from ..store.upkeep.delete import Gone, JobThere, deleting, forget_job, jobs_named, runs_deleted, runs_of_job
from ..web import format as words
from .common import told_plainly
from .printing.say import one_line, say
from .printing.times import time_zone_options, zone_in_use

__all__ = ["delete"]

_YES = click.option("--yes", is_flag=True, help="Delete. Without it, only tell what would go.")
_FORCE = click.option("--force", is_flag=True, help="Also runs that go on. What they still tell makes them anew.")


@click.group()
def delete() -> None:
    """Delete runs or a job, with everything that is known of them.

    Lines, steps and samples go, and the statistics are as if the runs had never been. Nothing is deleted without
    --yes. The login has to own the tables.
    """


@delete.command("run")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@_YES
@_FORCE
@time_zone_options
def run(*, runs: tuple[str, ...], yes: bool, force: bool) -> None:
    """Delete runs: RUN is an id or the beginning of one.

    Runs inside of a deleted run stay. A due time that only this run came for counts as missed then.
    """
    with told_plainly():
        dsn = resolve_dsn(Settings.from_environment())
        found = asyncio.run(_found(dsn, runs))
        _refuse_open([one.run_id for one in found if not one.status.terminal], force=force)
        if not yes:
            zone = zone_in_use()
            for one in found:
                say(
                    f"{one.run_id}  {one_line(one.job)}  {one.status}  {zone.stamp(one.started_at)}  "
                    f"{words.count(one.lines, 'line')}, {words.count(one.steps, 'step')}"
                )
            _foretell(len(found), sum(one.lines for one in found), sum(one.steps for one in found))
            return
        keys = [_key(one.run_id) for one in found]
        with deleting(dsn) as connection:
            _tell(runs_deleted(connection, keys))


@delete.command("job")
@click.argument("name")
@click.option("--service", help="The job of this service, where several have one of that name.")
@_YES
@_FORCE
def job(*, name: str, service: str | None, yes: bool, force: bool) -> None:
    """Delete the job NAME: all of its runs, its statistics, its schedule and due times.

    It may be interrupted: run again, it goes on. A job that runs again is known again.
    """
    with told_plainly(), deleting(resolve_dsn(Settings.from_environment())) as connection:
        found = _the_one(jobs_named(connection, name, service), name)
        if found.open and not force:
            raise JobLogError(
                f"{words.count(found.open, 'run')} of this job {'goes' if found.open == 1 else 'go'} on: "
                "wait for the end, or say --force"
            )
        if not yes:
            say(f"{one_line(name)} of {one_line(found.service) or 'no service'}, with its statistics")
            _foretell(found.runs, found.lines, found.steps)
            return
        gone = Gone()
        for portion in runs_of_job(connection, name, found.service):
            gone = Gone(*map(sum, zip(gone, runs_deleted(connection, portion), strict=True)))
        forget_job(connection, name, found.service)
        _tell(gone)


async def _found(dsn: str, runs: tuple[str, ...]) -> list[RunSummary]:
    async with Reader(dsn) as reader:
        found = [(await reader.run(one, step_limit=1)).run for one in runs]
    return list({one.run_id: one for one in found}.values())


def _the_one(found: list[JobThere], name: str) -> JobThere:
    if not found:
        raise JobLogError(f"no job {name!r} is known; `otel-joblog jobs` shows those that are")
    if len(found) > 1:
        services = ", ".join(one.service or "''" for one in found[:10])
        raise JobLogError(f"several services have a job {name!r}: {services}; say which by --service")
    return found[0]


def _refuse_open(run_ids: list[str], *, force: bool) -> None:
    if run_ids and not force:
        goes_on = "goes on: wait for its end" if len(run_ids) == 1 else "go on: wait for their end"
        raise JobLogError(f"{', '.join(run_ids)} {goes_on}, or say --force")


def _foretell(runs: int, lines: int, steps: int) -> None:
    say(f"{_words(runs, lines, steps)} would go. Nothing was changed: say --yes to delete.")


def _tell(gone: Gone) -> None:
    say(f"{_words(gone.runs, gone.lines, gone.steps)} deleted.")


def _words(runs: int, lines: int, steps: int) -> str:
    return f"{words.count(runs, 'run')} with {words.count(lines, 'line')} and {words.count(steps, 'step')}"


def _key(run_id: str) -> tuple[UUID, int]:
    trace_id, _, span_id = run_id.partition("-")
    return UUID(trace_id), bigint(bytes.fromhex(span_id)) or 0
