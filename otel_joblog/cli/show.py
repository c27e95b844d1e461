"""``otel-joblog show RUN``: one run with its error, facts, steps and lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic

import click
import msgspec
from rich.text import Text

from ..conventions import RunStatus, Severity
from ..errors import StoreUnavailable
from ..store.read.models import LogLine, RunDetail, RunSummary
from ..store.read.reader import Reader
from ..web import format as words
from .common import JSON_OPTION, read
from .printing.facts import print_all_facts, print_error, print_facts, print_steps
from .printing.lines import LinePrinter, NewLines, all_lines, last_lines
from .printing.say import say
from .printing.terminal import console, encoded_json
from .printing.times import Zone, now, time_zone_options, zone_in_use

__all__ = ["show"]

LINES = 50
WIDE = 10_000  # neither a terminal's width nor one that is not there cuts anything
PAUSE = 1.0  # seconds between two looks at a run that goes on
SETTLING = 5.0  # seconds in which the last lines of an ended run may arrive
FAILED, INTERRUPTED = 1, 130


class _CannotTell(click.ClickException):
    """How the run ended: not an end of the run itself."""

    exit_code = 2


@dataclass(frozen=True)
class _Chosen:
    """What of which run is asked for."""

    run: str
    lines: int | None  # the last so many; None for all
    severity: int | None

    @property
    def everything(self) -> bool:
        return self.lines is None

    def lines_of(self, reader: Reader, run_id: str) -> AsyncIterator[list[LogLine]]:
        if self.lines is None:
            return all_lines(reader, run_id, self.severity)
        return last_lines(reader, run_id, self.severity, self.lines)

    def heading(self, run: RunSummary) -> str:
        """``The last 50 of 12,431 lines (--all prints them all)``."""
        total = run.lines if self.severity is None else run.warnings + run.errors
        kind = "" if self.severity is None else " that warn or tell of errors"
        if not total:
            return f"No lines{kind}"
        if self.lines is None or total <= self.lines:
            return f"{words.count(total, 'line')}{kind}"
        return f"The last {self.lines:,} of {words.count(total, 'line')}{kind} (--all prints them all)"


@click.command()
@click.argument("run")
@click.option("--all", "whole", is_flag=True, help="Every line, all steps and all facts, however many.")
@click.option("--lines", type=click.IntRange(1, 100_000), metavar="N", help=f"The last N lines, not the last {LINES}.")
@click.option("--errors", is_flag=True, help="Only lines that warn or tell of errors.")
@click.option("-f", "--follow", is_flag=True, help="Print lines as they come, until the run ends.")
@time_zone_options
@JSON_OPTION
def show(*, run: str, whole: bool, lines: int | None, errors: bool, follow: bool, as_json: bool) -> None:
    """Show RUN: why it failed, three lines of facts, its steps, and its last 50 lines.

    RUN is a run's id or the first characters of it (6 or more, or 4 of each part), as `list` prints them. With --json
    one object, with `steps` and `logs`.

    \b
    With --follow the exit status tells how the run ended:
      0  success or skipped
      1  error, timeout, lost or cancelled
      2  it is not known: there is no such run, or no database
    """
    if whole and lines:
        raise click.UsageError("use --all or --lines N, not both")
    if follow and as_json:
        raise click.UsageError("--follow prints text: leave out --json")
    chosen = _Chosen(run, None if whole else lines or LINES, Severity.WARN if errors else None)
    zone = zone_in_use()
    if as_json:
        read(lambda reader: _as_json(reader, chosen))
    elif follow:
        _follow(chosen, zone)
    else:
        read(lambda reader: _Showing.begin(reader, chosen, zone))


def _follow(chosen: _Chosen, zone: Zone) -> None:
    async def ask(reader: Reader) -> RunStatus:
        return await (await _Showing.begin(reader, chosen, zone)).follow()

    try:
        status = read(ask)
    except click.ClickException as error:
        raise _CannotTell(error.message) from error
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    if status not in {RunStatus.SUCCESS, RunStatus.SKIPPED}:
        raise SystemExit(FAILED)


async def _as_json(reader: Reader, chosen: _Chosen) -> None:
    """Line by line, since there may be more than fit into memory."""
    detail = await reader.run(chosen.run)
    parts = msgspec.structs.asdict(detail)
    fields = encoded_json(msgspec.structs.asdict(parts.pop("run")) | parts)
    output = sys.stdout.buffer
    output.write(fields[:-1] + b',"logs":[')
    comma = b""
    async for lines in chosen.lines_of(reader, detail.run.run_id):
        if lines:
            output.write(comma + encoded_json(lines)[1:-1])
            comma = b","
    output.write(b"]}\n")


class _Showing:
    """A run as text: what there is of it, then what comes."""

    def __init__(self, reader: Reader, chosen: _Chosen, zone: Zone, detail: RunDetail) -> None:
        self._reader = reader
        self._chosen = chosen
        self._zone = zone
        self._detail = detail
        self._console = console(width=WIDE)
        self._whole = chosen.everything or not self._console.is_terminal  # however long a message is
        self._printer = LinePrinter(self._console, zone, detail.run.started_at, whole=self._whole)
        self._new = NewLines(reader, detail.run.run_id, chosen.severity)
        self._away = False

    @classmethod
    async def begin(cls, reader: Reader, chosen: _Chosen, zone: Zone) -> _Showing:
        """Prints what there is."""
        detail = await reader.run(chosen.run)
        showing = cls(reader, chosen, zone, detail)
        showing._print_head(detail)
        print_steps(showing._console, detail, whole=chosen.everything)
        showing._console.print(Text(f"{chosen.heading(detail.run)}. Times: {zone}", style="bold"))
        async for lines in chosen.lines_of(reader, detail.run.run_id):
            showing._printer.print(lines)
            showing._new.told(lines)
        return showing

    async def follow(self) -> RunStatus:
        """Prints what comes until the run has ended and its lines are there; then how it ended, if that is news."""
        news = not self._detail.run.status.terminal
        detail = await self._ended()
        settled_at = monotonic() + SETTLING
        while detail.run.missing and monotonic() < settled_at:
            await asyncio.sleep(PAUSE)
            detail = await self._look() or detail
        if news:
            self._console.print()
            self._print_head(detail)
        return detail.run.status

    async def _ended(self) -> RunDetail:
        while True:
            detail = await self._look()
            if detail is not None and detail.run.status.terminal:
                return detail
            await asyncio.sleep(PAUSE)

    async def _look(self) -> RunDetail | None:
        """The run as it is, its new lines printed; None while the database is away."""
        try:
            detail = await self._reader.run(self._detail.run.run_id, step_limit=1)
            async for lines in self._new.come():
                self._printer.print(lines)
        except StoreUnavailable as error:
            if not self._away:
                say(f"{error}. Waiting for it.", err=True)
            self._away = True
            return None
        self._away = False
        return detail

    def _print_head(self, detail: RunDetail) -> None:
        at = now()
        print_error(self._console, detail, self._zone, at, whole=self._whole)
        print_facts(self._console, detail, self._zone, at)
        if self._chosen.everything:
            print_all_facts(self._console, detail, self._zone)
