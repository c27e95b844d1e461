"""``otel-joblog jobs``: the jobs by name, how they fare and when they are due."""

from __future__ import annotations

from datetime import datetime

import click
from rich.text import Text

from ..store.read.models import JobSummary, Page
from ..store.read.reader import Reader
from ..web import format as words
from .common import JSON_OPTION, read
from .options import AFTER, DAYS, limit
from .printing.listing import Column, Listing, print_list
from .printing.say import one_line, say
from .printing.terminal import echo_json
from .printing.times import now, time_zone_options, zone_in_use
from .runs import noticed, status_text

__all__ = ["jobs", "listing"]


@click.command()
@click.argument("part", required=False)
@click.option("--service", help="Only jobs of this service.")
@DAYS
@limit(50, 200)
@AFTER
@time_zone_options
@JSON_OPTION
def jobs(*, part: str | None, service: str | None, days: int, limit: int, after: str | None, as_json: bool) -> None:
    """List jobs by name, or those with PART in their name. With --json one array of jobs.

    In a pipe each job is one line of fields, separated by tabs: docs/commands.md names them.
    """

    async def ask(reader: Reader) -> Page[JobSummary]:
        return await reader.jobs(part=part, service=service, days=days, limit=limit, after=after)

    page = read(ask)
    if as_json:
        echo_json(page.items)
        return
    if page.items:
        print_list(page.items, listing(now()), zone_in_use(), times=False)
    else:
        say("No job matches." if part or service or after else "No job has run yet.", err=True)
    if page.next:
        say(f"More: the same with --after {page.next}", err=True)


def listing(at: datetime) -> Listing[JobSummary]:
    return Listing(
        columns=[
            Column("LATEST", lambda job: status_text(job.last_status) if job.last_status else "—"),
            Column("BEGAN", lambda job: words.ago(job.last_run_at, at) if job.last_run_at else "—"),
            Column(
                "SUCCEEDED",
                lambda job: words.ago(job.last_success_at, at) if job.last_success_at else Text("never", "yellow"),
            ),
            Column("RUNS", lambda job: f"{job.runs:,}", right=True),
            Column("FAILED", lambda job: noticed(job.failures, "bold red"), right=True),
            Column("RATE", lambda job: words.percent(job.success_rate), right=True),
            Column("P50", lambda job: words.duration(job.p50), right=True),
            Column("P95", lambda job: words.duration(job.p95), right=True),
        ],
        name=Column("JOB", lambda job: Text(one_line(job.job), style="bold")),
        rest_heading="DUE, SERVICE",
        rest=lambda job, _: _due(job, at).append(one_line(job.service), style="dim"),
        fields={
            "job": lambda job: job.job,
            "service": lambda job: job.service,
            "last_status": lambda job: job.last_status and job.last_status.value,
            "last_run_id": lambda job: job.last_run_id,
            "last_run_at": lambda job: job.last_run_at,
            "last_success_at": lambda job: job.last_success_at,
            "runs": lambda job: job.runs,
            "failures": lambda job: job.failures,
            "success_rate": lambda job: job.success_rate,
            "p50": lambda job: job.p50,
            "p95": lambda job: job.p95,
            "next_due_at": lambda job: job.next_due_at,
            "last_due_at": lambda job: job.last_due_at,
            "last_due_verdict": lambda job: job.last_due_verdict,
            "schedule_problem": lambda job: job.schedule_problem,
        },
    )


def _due(job: JobSummary, at: datetime) -> Text:
    """``in 3 h``, or what did not come: ``missed 8 h ago``; or ``not understood``; and a gap. Empty if unknown."""
    if job.schedule_problem:
        return Text(f"{one_line(job.schedule_problem.partition(':')[0])}  ", style="yellow")
    if job.last_due_at and job.last_due_verdict in {"late", "missed"}:
        style = "bold red" if job.last_due_verdict == "missed" else "yellow"
        still = ", still runs" if job.open_since else ""  # the one before
        return Text(f"{job.last_due_verdict} {words.ago(job.last_due_at, at)}{still}  ", style=style)
    return Text(f"{words.ago(job.next_due_at, at)}  " if job.next_due_at else "")
