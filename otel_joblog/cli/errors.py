"""``otel-joblog errors``: the kinds of failure."""

from __future__ import annotations

from datetime import datetime

import click
from rich.text import Text

from ..store.read.models import ErrorKind
from ..store.read.reader import Reader
from ..web import format as words
from .common import JSON_OPTION, read
from .options import DAYS, limit
from .printing.ids import short_id
from .printing.listing import Column, Listing, print_list
from .printing.say import one_line, say
from .printing.terminal import echo_json
from .printing.times import now, time_zone_options, zone_in_use

__all__ = ["errors", "listing"]


@click.command()
@click.option("--job", help="Only failures of this job.")
@click.option("--service", help="Only failures of this service.")
@DAYS
@limit(20, 500)
@time_zone_options
@JSON_OPTION
def errors(*, job: str | None, service: str | None, days: int, limit: int, as_json: bool) -> None:
    """List kinds of failure, the most frequent first. With --json one array of kinds.

    Failures are of one kind when their types are the same and their messages differ in numbers and ids only. The runs
    of a kind: otel-joblog list --error KEY. In a pipe each kind is one line of fields, separated by tabs:
    docs/commands.md names them.
    """

    async def ask(reader: Reader) -> list[ErrorKind]:
        return await reader.errors(job=job, service=service, days=days, limit=limit)

    kinds = read(ask)
    if as_json:
        echo_json(kinds)
    elif kinds:
        print_list(kinds, listing(now()), zone_in_use(), times=False)
    else:
        say(f"No run failed in the last {words.count(days, 'day')}.", err=True)


def listing(at: datetime) -> Listing[ErrorKind]:
    return Listing(
        columns=[
            Column("RUNS", lambda kind: f"{kind.runs:,}", right=True),
            Column("LAST SEEN", lambda kind: words.ago(kind.last_seen_at, at)),
            Column("FIRST SEEN", lambda kind: words.ago(kind.first_seen_at, at)),
            Column("LATEST RUN", lambda kind: short_id(kind.last_run_id) if kind.last_run_id else "—"),
            Column("KEY", lambda kind: kind.error),
        ],
        name=Column("JOBS", lambda kind: Text(one_line(_jobs(kind)), style="bold")),
        rest_heading="ERROR",
        rest=lambda kind, _: Text(one_line(kind.type), style="red").append(
            one_line(f": {kind.message}".replace("\n", " ")), style="default"
        ),
        fields={
            "error": lambda kind: kind.error,
            "runs": lambda kind: kind.runs,
            "first_seen_at": lambda kind: kind.first_seen_at,
            "last_seen_at": lambda kind: kind.last_seen_at,
            "last_run_id": lambda kind: kind.last_run_id,
            "number_of_jobs": lambda kind: kind.number_of_jobs,
            "jobs": lambda kind: ", ".join(kind.jobs),
            "type": lambda kind: kind.type,
            "message": lambda kind: kind.message,
        },
    )


def _jobs(kind: ErrorKind) -> str:
    """``nightly-import and 3 more``: one name whole instead of five that do not fit."""
    more = kind.number_of_jobs - 1
    return f"{', '.join(kind.jobs[:1])} and {more} more" if more > 0 else ", ".join(kind.jobs)
