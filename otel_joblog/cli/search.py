"""``otel-joblog search``: lines of all runs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click
from rich.text import Text

from ..conventions import RunStatus, Severity, Stream
from ..store.read.models import FoundLine, SearchPage
from ..store.read.reader import Reader
from ..store.read.search import search_words
from ..web import format as words
from ..web.highlight import excerpt
from .common import JSON_OPTION, read
from .terminal import console, echo_json, one_line

__all__ = ["search"]

LEVEL_STYLES = {"WARN": "yellow", "ERROR": "bold red", "FATAL": "bold red"}
SHOWN = 2.0  # seconds after which it tells on stderr how far it has looked, and goes on


@click.command()
@click.argument("text", nargs=-1)
@click.option("--job", help="Only lines of this job.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in RunStatus]),
    multiple=True,
    help="Only lines of runs in this state.",
)
@click.option(
    "--level",
    type=click.Choice([level.name.lower() for level in Severity], case_sensitive=False),
    help="Only lines of this level or worse.",
)
@click.option(
    "--stream",
    type=click.Choice([stream.name.lower() for stream in Stream], case_sensitive=False),
    help="Only lines of a logger or of an output.",
)
@click.option("--stage", help="Only lines of steps of this stage.")
@click.option("--task", "task_id", help="Only lines of steps of this task.")
@click.option(
    "--attribute", "attributes", metavar="NAME=VALUE", multiple=True, help="Only lines with this, or of a run with it."
)
@click.option("--since", metavar="TIME", help="Only lines from this time on, such as 2026-11-03T03:00 (UTC).")
@click.option("--until", metavar="TIME", help="Only lines before this time.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@click.option("--after", metavar="KEY", help="Go on where the search before ended.")
@JSON_OPTION
def search(
    *,
    text: tuple[str, ...],
    status: tuple[str, ...],
    level: str | None,
    stream: str | None,
    attributes: tuple[str, ...],
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """Find log lines of all runs that hold every word of TEXT, newest first.

    Words are found inside of longer ones; what is quoted for the shell is one word: otel-joblog search "disk full".
    With --json one line of JSON for each line found.
    """
    phrase = " ".join(f'"{part}"' if " " in part and '"' not in part else part for part in text)
    filters |= {
        "status": [RunStatus(word) for word in status] or None,
        "min_severity": Severity[level.upper()] if level else None,
        "stream": Stream[stream.upper()] if stream else None,
        "attributes": dict(map(_attribute, attributes)),
        "since": since and _time(since),
        "until": until and _time(until),
    }

    async def ask(reader: Reader) -> SearchPage:
        key, found = after, 0
        while True:
            page = await reader.search(phrase, after=key, limit=limit - found, seconds=SHOWN, **filters)
            for item in page.items:
                show(item)
            found, key = found + len(page.items), page.next
            if key is None or found == limit:
                return page
            if page.looked_until is not None and sys.stderr.isatty():
                click.echo(f"… {words.utc(page.looked_until)}", err=True)

    output = console(soft_wrap=True)
    looked_for = search_words(phrase)

    def show(item: FoundLine) -> None:
        if as_json:
            echo_json(item)
        else:
            output.print(_line(item, looked_for))

    page = read(ask)
    if page.note:
        click.echo(page.note, err=True)
    if page.next and not as_json:
        click.echo(f"More: otel-joblog search … --after {page.next}", err=True)


def _line(item: FoundLine, looked_for: list[str]) -> Text:
    line = item.line
    shown = Text(words.utc(line.time)[:19] + "  ", style="dim")
    shown.append(item.run_id[:8] + "  ", style="dim").append(one_line(item.job) + "  ", style="cyan")
    shown.append(f"{line.level:<5}  ", style=LEVEL_STYLES.get(line.level, "dim"))
    for text, found in excerpt(line.message, looked_for):
        shown.append(one_line(text), style="bold reverse" if found else "default")
    return shown


def _attribute(given: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not (name and sign):
        raise click.BadParameter(f"{given!r} is no NAME=VALUE, as in shard=3", param_hint="--attribute")
    return name, value


def _time(given: str) -> datetime:
    try:
        time = datetime.fromisoformat(given)
    except ValueError:
        raise click.BadParameter(f"{given!r} is no time such as 2026-11-03T03:00", param_hint="--since") from None
    return time.replace(tzinfo=time.tzinfo or UTC)
