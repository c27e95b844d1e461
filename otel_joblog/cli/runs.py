"""``otel-joblog list``: the runs, newest first."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click
from rich.table import Table
from rich.text import Text

from ..conventions import RunStatus
from ..store.read.models import RunPage, RunSummary
from ..store.read.reader import Reader
from ..web import format as words
from .common import JSON_OPTION, read
from .terminal import console, echo_json, one_line

__all__ = ["STATUS_STYLES", "list_runs", "short_id", "silence", "status_text"]

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
@click.option("--job", help="Only runs of this job.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in RunStatus]),
    multiple=True,
    help="Only runs in this state.",
)
@click.option("--reference", help="Only runs about this reference.")
@click.option("--limit", type=click.IntRange(1, 200), default=25, show_default=True, help="How many.")
@click.option("--after", metavar="KEY", help="Go on where the list before ended.")
@JSON_OPTION
def list_runs(
    *, job: str | None, status: tuple[str, ...], reference: str | None, limit: int, after: str | None, as_json: bool
) -> None:
    """List runs, newest first. With --json one array of runs."""
    states = [RunStatus(word) for word in status] or None

    async def ask(reader: Reader) -> RunPage:
        return await reader.runs(job=job, status=states, reference=reference, limit=limit, after=after)

    page = read(ask)
    if as_json:
        echo_json(page.items)
        return
    if page.ahead:
        left_out = words.count(page.ahead, "run") + (" or more" if page.ahead == 100 else "")
        click.echo(f"Left out: {left_out} said to begin more than a day from now. A clock is wrong.", err=True)
    if not page.items:
        filtered = job or status or reference or after
        click.echo(
            "No runs match." if filtered else "No job logs yet. Wrap a function in @otel_joblog.job and call it."
        )
        return
    # What is piped somewhere is not cut to the width of a terminal that is not there.
    output = console(width=None if sys.stdout.isatty() else 1_000)
    output.print(_table(page.items, output.width))
    if page.next:
        click.echo(f"More: otel-joblog list --after {page.next}")


def status_text(status: RunStatus, remark: str | None = None) -> Text:
    sign, style = STATUS_STYLES[status]
    text = Text(f"{sign} {status.value}", style=style)
    return text.append(f", {remark}", style="yellow") if remark else text


def short_id(run: RunSummary) -> str:
    """What `show` takes for this run: the beginning of its trace id, and of its span id where the trace has others."""
    trace_id, _, span_id = run.run_id.partition("-")
    return f"{trace_id[:8]}-{span_id[:4]}" if run.parent_run else trace_id[:8]


def silence(run: RunSummary, now: datetime) -> str | None:
    """``no sign of life for 45 s, since 2026-11-03 03:12:04 UTC`` of an unresponsive run."""
    if run.remark is None or run.last_seen is None:
        return None
    seconds = max(0.0, (now - run.last_seen).total_seconds())
    return f"no sign of life for {words.coarse(seconds)}, since {words.utc(run.last_seen)}"


def _table(runs: list[RunSummary], width: int) -> Table:
    now = datetime.now(UTC)
    rows = [
        (
            status_text(run.status, run.remark),
            Text(one_line(run.job)),
            Text(run.name),
            Text(words.ago(run.started_at, now)),
            Text(words.duration(run.duration if run.ended_at else (now - run.started_at).total_seconds())),
            Text(f"{run.lines:,}"),
            Text(short_id(run), style="dim"),
        )
        for run in runs
    ]
    headings = ("STATUS", "JOB", "RUN", "STARTED", "TOOK", "LINES", "ID")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    widths = [max(len(cell) for cell in (heading, *column)) for heading, *column in zip(headings, *rows, strict=True)]
    for heading, needed in zip(headings, widths, strict=True):
        numeric = heading in {"TOOK", "LINES"}
        table.add_column(heading, no_wrap=True, min_width=needed, justify="right" if numeric else "left")
    # The last column takes what the others leave.
    room = width - sum(needed + 2 for needed in widths)
    if room >= 12:
        table.add_column("ABOUT", no_wrap=True)
    for run, row in zip(runs, rows, strict=True):
        about = Text(one_line(_about(run, now)))
        about.truncate(max(room, 0), overflow="ellipsis")
        table.add_row(*row, *([about] if room >= 12 else []))
    return table


def _about(run: RunSummary, now: datetime) -> str:
    if told := run.status_message.partition("\n")[0] or silence(run, now) or run.missing:
        return told
    if run.status is RunStatus.RUNNING and run.progress is not None:
        percent = run.progress.percent
        done = words.progress(run.progress)
        return done if percent is None else f"{percent:.0f} %, {done}"
    return " ".join(filter(None, (run.reference, words.facts(run.result))))
