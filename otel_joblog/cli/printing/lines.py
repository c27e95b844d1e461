"""The lines of a run: the last ones, all of them, or as they come; page by page, so that memory stays flat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from rich.text import Text

from ...store.read.models import LogLine
from ...store.read.reader import Reader, line_key
from .facts import bounded
from .say import one_line, shown
from .terminal import OutputConsole
from .times import Zone

__all__ = ["LinePrinter", "NewLines", "all_lines", "last_lines"]

LEVEL_STYLES = {"DEBUG": "dim", "TRACE": "dim", "WARN": "yellow", "ERROR": "red", "FATAL": "bold red"}
PAGE = 1_000
OVERLAP = timedelta(seconds=2)  # lines of several processes do not arrive in order
OVERLAPPING = 1_000  # lines at most


async def all_lines(reader: Reader, run_id: str, severity: int | None) -> AsyncIterator[list[LogLine]]:
    """Page by page."""
    after: str | None = None
    while True:
        page = await reader.lines(run_id, after=after, limit=PAGE, min_severity=severity)
        yield page.items
        if page.next is None:
            return
        after = page.next


async def last_lines(reader: Reader, run_id: str, severity: int | None, wanted: int) -> AsyncIterator[list[LogLine]]:
    """Page by page, though the last is read first."""
    pages: list[list[LogLine]] = []
    before: str | None = None
    while wanted > 0:
        page = await reader.lines(
            run_id, before=before, limit=min(wanted, PAGE), min_severity=severity, tail=before is None
        )
        pages.append(page.items)
        wanted -= len(page.items)
        before = page.previous
        if before is None:
            break
    while pages:
        yield pages.pop()


class NewLines:
    """The lines of a run that goes on, each once, also one that arrives up to two seconds after later ones."""

    def __init__(self, reader: Reader, run_id: str, severity: int | None) -> None:
        self._reader = reader
        self._run_id = run_id
        self._severity = severity
        self._after: str | None = None  # all up to this key have been told, or are given up
        self._told: dict[str, tuple[datetime, int]] = {}  # the others that have been told, by key

    def told(self, lines: list[LogLine]) -> None:
        """These lines have been printed."""
        for line in lines:
            key = line_key(line)
            self._after = self._after or key
            self._told[key] = (line.time, line.seq)
        self._forget()

    async def come(self) -> AsyncIterator[list[LogLine]]:
        """Those that have come since, page by page; each counts as printed."""
        after = self._after
        while True:
            page = await self._reader.lines(self._run_id, after=after, limit=PAGE, min_severity=self._severity)
            new = [line for line in page.items if line_key(line) not in self._told]
            self.told(new)
            yield new
            if page.next is None:
                return
            after = page.next

    def _forget(self) -> None:
        in_order = sorted(self._told, key=self._told.__getitem__)
        if not in_order:
            return
        since = self._told[in_order[-1]][0] - OVERLAP
        kept = [key for key in in_order[-OVERLAPPING:] if self._told[key][0] >= since]
        for key in in_order[: len(in_order) - len(kept)]:
            del self._told[key]
            self._after = key


class LinePrinter:
    """Lines as text. On a terminal the time of day, and the day where it changes; in a pipe the whole time in each."""

    def __init__(self, console: OutputConsole, zone: Zone, day: datetime, *, whole: bool) -> None:
        self._console = console
        self._zone = zone
        self._day = zone.day(day)
        self._whole = whole

    def print(self, lines: list[LogLine]) -> None:
        if not self._console.is_terminal:
            self._console.print_plain(self._text(line, self._zone.iso(line.time)) for line in lines)
            return
        with self._console:  # one write for all of them
            for line in lines:
                if (day := self._zone.day(line.time)) != self._day:
                    self._day = day
                    self._console.print(Text(f"— {day} —", style="dim"))
                self._console.print(self._text(line, self._zone.clock(line.time)))

    def _text(self, line: LogLine, time: str) -> Text:
        style = LEVEL_STYLES.get(line.level, "")
        source = line.stream if line.stream != "log" else line.logger
        where = one_line(f"{_place(line)} {source}")
        text = Text.assemble((time, "dim"), " ", (f"{line.level:5}", style), " ", (where, "dim"), " ")
        text.append(_indented(bounded(shown(line.message), whole=self._whole)), style=style)
        if trace := line.attributes.get("exception.stacktrace"):
            trace = bounded(shown(str(trace).rstrip()), whole=self._whole, end=True)
            text.append(_indented(f"\n{trace}"), style="red")
        return text


def _place(line: LogLine) -> str:
    """``load/parse[orders.csv]``: the stage and the task, as far as they are not called like the step."""
    if line.step is None:
        return "·"
    stage = f"{line.stage}/" if line.stage and line.stage != line.step else ""
    task = f"[{line.task_id}]" if line.task_id and line.task_id not in {line.step, line.stage} else ""
    return f"{stage}{line.step}{task}"


def _indented(text: str) -> str:
    """What follows a line end is no line of its own."""
    return text.replace("\n", "\n    ")
