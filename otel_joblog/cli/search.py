"""``otel-joblog search``: lines of all runs."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.text import Text

from ..store.read.models import FoundLine, SearchPage
from ..store.read.reader import Reader
from ..store.read.search import search_words
from ..web.highlight import excerpt
from .common import JSON_OPTION, read
from .options import AFTER, LEVEL, SINCE, STATUS, STREAM, UNTIL, limit
from .printing.ids import short_id
from .printing.lines import LEVEL_STYLES
from .printing.listing import Column, Listing, print_list
from .printing.say import one_line, say
from .printing.terminal import echo_json
from .printing.times import Zone, time_zone_options, zone_in_use

__all__ = ["listing", "search"]

PATIENCE = 2.0  # seconds after which it tells on stderr how far it has looked, and goes on


def _attributes(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for name, sign, value in pairs:
        if not (name and sign):
            raise click.BadParameter(f"{name + value!r} is no NAME=VALUE, as in shard=3", context, parameter)
    return {name: value for name, _, value in pairs}


@click.command()
@click.argument("text", nargs=-1)
@click.option("--job", help="Only lines of this job.")
@STATUS
@LEVEL
@STREAM
@click.option("--stage", help="Only lines of steps of this stage.")
@click.option("--task-id", help="Only lines of steps of this task.")
@click.option(
    "--attribute",
    "attributes",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_attributes,
    help="Only lines with this attribute, or of a run with it. It may be repeated.",
)
@SINCE
@UNTIL
@limit(50, 500)
@AFTER
@time_zone_options
@JSON_OPTION
def search(
    *, text: tuple[str, ...], level: int | None, limit: int, after: str | None, as_json: bool, **filters: Any
) -> None:
    """Find log lines of all runs that hold every word of TEXT, newest first.

    Words are found inside of longer ones; what is quoted for the shell is one word: otel-joblog search "disk full".
    With --json one line of JSON for each line found; in a pipe one line of fields, separated by tabs:
    docs/commands.md names them.
    """
    phrase = " ".join(f'"{part}"' if " " in part and '"' not in part else part for part in text)
    zone = zone_in_use()
    how = listing(search_words(phrase), zone)

    async def ask(reader: Reader) -> SearchPage:
        key, found = after, 0
        while True:
            page = await reader.search(
                phrase, after=key, limit=limit - found, seconds=PATIENCE, min_severity=level, **filters
            )
            if as_json:
                for item in page.items:
                    echo_json(item)
            elif page.items:
                print_list(page.items, how, zone, heading=not found)
            found, key = found + len(page.items), page.next
            if key is None or found == limit:
                return page
            if page.looked_until is not None and sys.stderr.isatty():
                say(f"… {zone.stamp(page.looked_until)}", err=True)

    page = read(ask)
    if page.note:
        say(page.note, err=True)
    if page.next and not as_json:
        say(f"More: the same with --after {page.next}", err=True)


def listing(looked_for: list[str], zone: Zone) -> Listing[FoundLine]:
    return Listing(
        columns=[
            Column("TIME", lambda found: zone.full(found.line.time)),
            Column("LEVEL", lambda found: Text(found.line.level, style=LEVEL_STYLES.get(found.line.level, "dim"))),
            Column("RUN", lambda found: short_id(found.run_id)),
        ],
        name=Column("JOB", lambda found: Text(one_line(found.job), style="bold")),
        rest_heading="LINE",
        rest=lambda found, room: _message(found.line.message, looked_for, room),
        fields={
            "time": lambda found: found.line.time,
            "level": lambda found: found.line.level,
            "run_id": lambda found: found.run_id,
            "job": lambda found: found.job,
            "service": lambda found: found.service,
            "stage": lambda found: found.line.stage,
            "task_id": lambda found: found.line.task_id,
            "step": lambda found: found.line.step,
            "message": lambda found: found.line.message,
        },
    )


def _message(message: str, looked_for: list[str], room: int) -> Text:
    """The message, or the part of it around what was looked for."""
    shown = Text()
    for text, found in excerpt(message, looked_for, room):
        shown.append(one_line(text), style="bold reverse" if found else "default")
    return shown
