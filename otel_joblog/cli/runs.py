"""``otel-joblog list``: the runs, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from ..conventions import RunStatus
from ..runquery import QueryError, RunQuery
from ..store.read.models import RunPage, RunSummary
from ..store.read.reader import Reader
from ..web import format as words
from .common import JSON_OPTION, read
from .options import AFTER, QUERY, limit, run_filters
from .printing.ids import short_ids
from .printing.listing import Column, Listing, print_list
from .printing.say import one_line, say
from .printing.terminal import echo_json
from .printing.times import Zone, now, time_zone_options, zone_in_use

__all__ = ["about", "attempt", "elapsed", "list_runs", "listing", "noticed", "silence", "status_text", "waiting"]

# A sign beside the colour: not everybody sees colours, and no file does.
STATUS_STYLES = {
    RunStatus.PENDING: ("○", "dim"),
    RunStatus.RUNNING: ("▶", "cyan"),
    RunStatus.SUCCESS: ("✓", "green"),
    RunStatus.SKIPPED: ("»", "dim"),
    RunStatus.CANCELLED: ("◌", "yellow"),
    RunStatus.ERROR: ("✗", "bold red"),
    RunStatus.TIMEOUT: ("⧖", "bold red"),
    RunStatus.LOST: ("†", "bold magenta"),
}


@click.command("list")
@QUERY
@run_filters
@limit(25, 200)
@AFTER
@time_zone_options
@JSON_OPTION
def list_runs(*, query: RunQuery | None, limit: int, after: str | None, as_json: bool, **filters: Any) -> None:
    """List runs, newest first: those that QUERY and all the options hold for. With --json one array of runs.

    QUERY is as in the box of the page, such as 'status:failed job:billing.* since:7d "timed out"'.

    In a pipe each run is one line of fields, separated by tabs: docs/commands.md names them.
    """

    async def ask(reader: Reader) -> RunPage:
        return await reader.runs(asked_for, zone=zone.info, limit=limit, after=after)

    zone = zone_in_use()
    try:
        asked_for = (query or RunQuery()).having(RunQuery.of(**filters).terms)
    except QueryError as error:
        raise click.UsageError(str(error)) from None
    page = read(ask)
    if as_json:
        echo_json(page.items)
        return
    if page.ahead:
        left_out = words.count(page.ahead, "run") + (" or more" if page.ahead == 100 else "")
        say(f"Left out: {left_out} said to begin more than a day from now. A clock is wrong.", err=True)
    if page.items:
        print_list(page.items, listing(page.items, zone, now()), zone)
    else:
        filtered = after or asked_for.terms
        say(
            "No runs match." if filtered else "No job logs yet. Wrap a function in @otel_joblog.job and call it.",
            err=True,
        )
    if page.looked_until:
        say(f"Looked as far back as {zone.stamp(page.looked_until)}; there may be more.", err=True)
    if page.next:
        say(f"More: the same with --after {page.next}", err=True)


def listing(runs: Sequence[RunSummary], zone: Zone, at: datetime) -> Listing[RunSummary]:
    ids = short_ids(runs)
    return Listing(
        columns=[
            Column("STATUS", lambda run: status_text(run.status)),
            Column("STARTED", lambda run: zone.full(run.started_at)),
            Column("TOOK", lambda run: words.duration(elapsed(run, at)), right=True),
            Column("LINES", lambda run: f"{run.lines:,}", right=True),
            Column("WARN", lambda run: noticed(run.warnings, "yellow"), right=True),
            Column("ERR", lambda run: noticed(run.errors, "red"), right=True),
            Column("ID", lambda run: Text(ids[run.run_id])),
        ],
        name=Column("JOB", lambda run: Text(one_line(run.job), style="bold")),
        rest_heading="ABOUT",
        rest=lambda run, _: Text(one_line(about(run, at)), style=_style(run)),
        fields={
            "run_id": lambda run: run.run_id,
            "status": lambda run: run.status.value,
            "job": lambda run: run.job,
            "service": lambda run: run.service,
            "type": lambda run: run.type,
            "started_at": lambda run: run.started_at,
            "duration": lambda run: run.duration,
            "lines": lambda run: run.lines,
            "warnings": lambda run: run.warnings,
            "errors": lambda run: run.errors,
            "about": lambda run: about(run, at),
        },
    )


def status_text(status: RunStatus) -> Text:
    sign, style = STATUS_STYLES[status]
    return Text(f"{sign} {status.value}", style=style)


def noticed(number: int, style: str) -> Text:
    """A count that is to be seen where it is not zero."""
    return Text(f"{number:,}", style=style if number else "dim")


def elapsed(run: RunSummary, at: datetime) -> float | None:
    """Seconds that it took, or has taken so far."""
    return run.duration if run.ended_at else (at - run.started_at).total_seconds()


def silence(run: RunSummary, at: datetime) -> str | None:
    """``no sign of life for 45 s`` of an unresponsive run."""
    if run.remark is None or run.last_seen is None:
        return None
    return f"{run.remark}: no sign of life for {words.coarse(max(0.0, (at - run.last_seen).total_seconds()))}"


def waiting(run: RunSummary, at: datetime) -> str | None:
    """``waiting for 12 min`` of a run that was put into a queue and has not started."""
    if run.status is not RunStatus.PENDING or run.queued_at is None:
        return None
    return f"waiting for {words.rough(max(0.0, (at - run.queued_at).total_seconds()))}"


def attempt(run: RunSummary) -> str:
    """``attempt 2 of 3, retried``; empty where there is only one."""
    if run.attempt == 1 and not run.max_attempts and not run.retried:
        return ""
    number = f"attempt {run.attempt} of {run.max_attempts}" if run.max_attempts else f"attempt {run.attempt}"
    return f"{number}, retried" if run.retried else number


def about(run: RunSummary, at: datetime) -> str:
    """What is to be known of it in one line: which attempt, why it failed, how far it is, what came of it."""
    number = attempt(run) if run.attempt > 1 or run.retried else ""
    return ": ".join(filter(None, (number, _told(run, at))))


def _told(run: RunSummary, at: datetime) -> str:
    if told := run.status_message.partition("\n")[0] or silence(run, at) or words.going_on(run, at) or run.missing:
        return told
    if run.status is RunStatus.RUNNING and run.progress is not None:
        percent, done = run.progress.percent, words.progress(run.progress)
        return done if percent is None else f"{percent:.0f} %, {done}"
    return " ".join(filter(None, (waiting(run, at), run.reference, words.facts(run.result))))


def _style(run: RunSummary) -> str:
    if run.status.failed:
        return "dim" if run.retried else "red"
    return "yellow" if run.remark or run.missing else ""
