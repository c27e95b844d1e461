"""``otel-joblog jobs``, ``stats`` and ``errors``: jobs in figures."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click
from rich.table import Table
from rich.text import Text

from ..store.read.models import ErrorKind, Figures, JobFigures, JobSummary, Page, Statistics
from ..store.read.reader import Reader
from ..web import format as words
from .common import JSON_OPTION, read
from .runs import status_text
from .terminal import console, echo_json, one_line

__all__ = ["errors", "jobs", "stats"]

DAYS_OPTION = click.option(
    "--days", type=click.IntRange(1, 366), default=30, show_default=True, help="So many days of UTC, with today."
)


@click.command()
@click.argument("part", required=False)
@click.option("--service", help="Only jobs of this service.")
@DAYS_OPTION
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many.")
@click.option("--after", metavar="KEY", help="Go on where the list before ended.")
@JSON_OPTION
def jobs(*, part: str | None, service: str | None, days: int, limit: int, after: str | None, as_json: bool) -> None:
    """List jobs by name, or those with PART in their name. With --json one array of jobs."""

    async def ask(reader: Reader) -> Page[JobSummary]:
        return await reader.jobs(part=part, service=service, days=days, limit=limit, after=after)

    page = read(ask)
    if as_json:
        echo_json(page.items)
        return
    if not page.items:
        click.echo("No job is called so." if part or service or after else "No job has run yet.")
        return
    now = datetime.now(UTC)
    table = _table(
        "LATEST", "JOB", "SERVICE", "BEGAN", "LAST SUCCESS", "DUE", "RUNS>", "FAILED>", "SUCCESS>", "P50>", "P95>"
    )
    for job in page.items:
        table.add_row(
            status_text(job.last_status) if job.last_status else "—",
            Text(one_line(job.job)),
            Text(one_line(job.service), style="dim"),
            words.ago(job.last_run_at, now) if job.last_run_at else "—",
            words.ago(job.last_success_at, now) if job.last_success_at else Text("never", style="yellow"),
            _due(job, now),
            f"{job.runs:,}",
            Text(f"{job.failures:,}", style="bold red" if job.failures else "dim"),
            words.percent(job.success_rate),
            words.duration(job.p50),
            words.duration(job.p95),
        )
    _print(table)
    if page.next:
        click.echo(f"More: otel-joblog jobs --after {page.next}")


@click.command()
@click.argument("job", required=False)
@click.option("--service", help="The service of the job, where several have one of that name.")
@DAYS_OPTION
@JSON_OPTION
def stats(*, job: str | None, service: str | None, days: int, as_json: bool) -> None:
    """Tell how a JOB fared, or all of them: success rate, durations, days, kinds of failure."""

    async def ask(reader: Reader) -> Statistics:
        return await reader.statistics(job=job, service=service, days=days)

    found = read(ask)
    if as_json:
        echo_json(found)
        return
    if not found.total.runs:
        click.echo(f"No run{f' of {job}' if job else ''} ended in the last {words.count(days, 'day')}.")
        return
    click.echo(f"{job or 'All jobs'}, the last {words.count(days, 'day')} (UTC)\n")
    click.echo(_summary(found.total))
    if len(found.by_type) > 1:
        table = _table("TYPE", "RUNS>", "FAILED>", "SUCCESS>", "AVERAGE>")
        for name, figures in found.by_type.items():
            table.add_row(Text(one_line(name) or "—"), *_counts(figures), words.duration(figures.average))
        _print(table, "By type")
    table = _table("DAY", "RUNS>", "FAILED>", "SUCCESS>", "P50>", "P95>", "P99>")
    for day in reversed([day for day in found.by_day if day.runs]):
        table.add_row(str(day.day), *_counts(day), *(words.duration(value) for value in (day.p50, day.p95, day.p99)))
    _print(table, "By day")
    for title, ranked in (("Failing most often", found.top_failing), ("Slowest on average", found.slowest)):
        if ranked:
            _print(_ranking(ranked), title)
    if found.top_errors:
        _print(_kinds(found.top_errors), "Why")


@click.command()
@click.option("--job", help="Only failures of this job.")
@click.option("--service", help="Only failures of this service.")
@DAYS_OPTION
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@JSON_OPTION
def errors(*, job: str | None, service: str | None, days: int, limit: int, as_json: bool) -> None:
    """List kinds of failure, the most frequent first. With --json one array of kinds.

    Failures are of one kind when their types are the same and their messages differ in numbers and ids only.
    """

    async def ask(reader: Reader) -> list[ErrorKind]:
        return await reader.errors(job=job, service=service, days=days, limit=limit)

    kinds = read(ask)
    if as_json:
        echo_json(kinds)
    elif kinds:
        _print(_kinds(kinds))
    else:
        click.echo(f"No run failed in the last {words.count(days, 'day')}.")


def _due(job: JobSummary, now: datetime) -> Text:
    """``in 3 h``, or what did not come: ``missed 8 h ago``; or ``not understood``."""
    if job.schedule_problem:
        return Text(one_line(job.schedule_problem.partition(":")[0]), style="yellow")
    if job.last_due_at and job.last_due_verdict in {"late", "missed"}:
        style = "bold red" if job.last_due_verdict == "missed" else "yellow"
        still = ", still runs" if job.open_since else ""  # the one before
        return Text(f"{job.last_due_verdict} {words.ago(job.last_due_at, now)}{still}", style=style)
    return Text(words.ago(job.next_due_at, now) if job.next_due_at else "—", style="dim")


def _summary(total: Figures) -> str:
    parts = [
        words.count(total.runs, "run"),
        f"{total.failures:,} failed",
        f"success {words.percent(total.success_rate)}",
        f"p50 {words.duration(total.p50)}",
        f"p95 {words.duration(total.p95)}",
        f"p99 {words.duration(total.p99)}",
        f"longest {words.duration(total.longest)}",
    ]
    if total.average_cpu is not None:
        parts.append(f"CPU {words.duration(total.average_cpu)} a run")
    if total.memory_peak is not None:
        parts.append(f"memory {words.size(total.memory_peak)} at most")
    return " · ".join(parts)


def _counts(figures: Figures) -> tuple[str, str, str]:
    return f"{figures.runs:,}", f"{figures.failures:,}", words.percent(figures.success_rate)


def _ranking(ranked: list[JobFigures]) -> Table:
    table = _table("JOB", "SERVICE", "RUNS>", "FAILED>", "SUCCESS>", "AVERAGE>", "LONGEST>")
    for job in ranked:
        figures = (words.percent(job.success_rate), words.duration(job.average), words.duration(job.longest))
        table.add_row(
            Text(one_line(job.job)),
            Text(one_line(job.service), style="dim"),
            f"{job.runs:,}",
            f"{job.failures:,}",
            *figures,
        )
    return table


def _kinds(kinds: list[ErrorKind]) -> Table:
    now = datetime.now(UTC)
    table = _table("RUNS>", "ERROR", "JOBS", "FIRST SEEN", "LAST SEEN", "LATEST RUN")
    for kind in kinds:
        more = f" and {kind.number_of_jobs - len(kind.jobs)} more" if kind.number_of_jobs > len(kind.jobs) else ""
        error = Text(one_line(kind.type), style="red").append(
            one_line(f" {kind.message}".replace("\n", " ")), style="default"
        )
        error.truncate(80, overflow="ellipsis")
        seen = (words.ago(kind.first_seen_at, now), words.ago(kind.last_seen_at, now))
        run = Text((kind.last_run_id or "—")[:8], style="dim")
        table.add_row(f"{kind.runs:,}", error, Text(one_line(", ".join(kind.jobs) + more)), *seen, run)
    return table


def _table(*headings: str) -> Table:
    """Headings that end with > are of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading.rstrip(">"), no_wrap=True, justify="right" if heading.endswith(">") else "left")
    return table


def _print(table: Table, title: str | None = None) -> None:
    # What is piped somewhere is not cut to the width of a terminal that is not there.
    output = console(width=None if sys.stdout.isatty() else 1_000)
    if title:
        output.print(f"\n{title}", style="bold")
    output.print(table)
