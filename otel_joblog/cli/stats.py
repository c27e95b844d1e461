"""``otel-joblog stats``: how a job fared, or all of them."""

from __future__ import annotations

import click
from rich.text import Text

from ..store.read.models import DayFigures, Figures, JobFigures, Statistics
from ..store.read.reader import Reader
from ..web import format as words
from . import errors
from .common import JSON_OPTION, read
from .options import DAYS
from .printing.listing import Column, Listing, print_rows
from .printing.say import one_line, say
from .printing.terminal import console, echo_json
from .printing.times import now

__all__ = ["stats"]


@click.command()
@click.argument("job", required=False)
@click.option("--service", help="The service of the job, where several have one of that name.")
@DAYS
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
        say(f"No run{f' of {job}' if job else ''} ended in the last {words.count(days, 'day')}.", err=True)
        return
    say(f"{job or 'All jobs'}, the last {words.count(days, 'day')} (UTC)\n\n{_summary(found.total)}")
    if len(found.by_type) > 1:
        _title("By type")
        print_rows(list(found.by_type.items()), _BY_TYPE)
    _title("By day")
    print_rows([day for day in reversed(found.by_day) if day.runs], _BY_DAY)
    for title, ranked in (("Failing most often", found.top_failing), ("Slowest on average", found.slowest)):
        if ranked:
            _title(title)
            print_rows(ranked, _RANKING)
    if found.top_errors:
        _title("Why")
        print_rows(found.top_errors, errors.listing(now()))


def _title(title: str) -> None:
    console().print(f"\n{title}", style="bold")


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


_BY_TYPE: Listing[tuple[str, Figures]] = Listing(
    columns=[
        Column("RUNS", lambda of: f"{of[1].runs:,}", right=True),
        Column("FAILED", lambda of: f"{of[1].failures:,}", right=True),
        Column("RATE", lambda of: words.percent(of[1].success_rate), right=True),
        Column("AVERAGE", lambda of: words.duration(of[1].average), right=True),
    ],
    name=Column("TYPE", lambda of: one_line(of[0]) or "—"),
)

_BY_DAY: Listing[DayFigures] = Listing(
    columns=[
        Column("DAY", lambda day: str(day.day)),
        Column("RUNS", lambda day: f"{day.runs:,}", right=True),
        Column("FAILED", lambda day: f"{day.failures:,}", right=True),
        Column("RATE", lambda day: words.percent(day.success_rate), right=True),
        Column("P50", lambda day: words.duration(day.p50), right=True),
        Column("P95", lambda day: words.duration(day.p95), right=True),
        Column("P99", lambda day: words.duration(day.p99), right=True),
    ],
)

_RANKING: Listing[JobFigures] = Listing(
    columns=[
        Column("RUNS", lambda job: f"{job.runs:,}", right=True),
        Column("FAILED", lambda job: f"{job.failures:,}", right=True),
        Column("RATE", lambda job: words.percent(job.success_rate), right=True),
        Column("AVERAGE", lambda job: words.duration(job.average), right=True),
        Column("LONGEST", lambda job: words.duration(job.longest), right=True),
    ],
    name=Column("JOB", lambda job: Text(one_line(job.job), style="bold")),
    rest_heading="SERVICE",
    rest=lambda job, _: Text(one_line(job.service), style="dim"),
)
