"""Where each row of the tree lies in the run's time. Long times in which nothing went on are drawn short."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ....store.read.models import RunSummary
from ....store.read.outline import Branch, Outline

__all__ = ["Bar", "Gap", "Waterfall", "waterfall"]

DEEPEST = 10  # indentation stops here, nesting does not
SHORT = 0.03  # of the width, that a long gap is drawn as


class Bar(NamedTuple):
    row: Branch
    depth: int
    offset: float  # seconds from the start of the run
    elapsed: float  # seconds, of an open row until now
    left: str  # percent of the width, for SVG
    width: str


class Gap(NamedTuple):
    left: str
    width: str
    seconds: float


class Waterfall(NamedTuple):
    bars: list[Bar]
    gaps: list[Gap]
    seconds: float  # that the width stands for


class Scale:
    """Times as parts of the width: even, but for the gaps."""

    def __init__(self, start: datetime, end: datetime, gaps: Sequence[tuple[datetime, datetime]]) -> None:
        self._start = start
        self.whole = max((end - start).total_seconds(), 0.001)
        self._gaps = [(self._seconds(low), self._seconds(high)) for low, high in gaps]
        rest = self.whole - sum(high - low for low, high in self._gaps)
        self._of_rest = (1 - SHORT * len(self._gaps)) / max(rest, 0.001)

    def place(self, at: datetime) -> float:
        """From 0 to 1."""
        seconds = min(max(self._seconds(at), 0.0), self.whole)
        place = seconds * self._of_rest
        for low, high in self._gaps:
            inside = min(max(seconds - low, 0.0), high - low)
            place += inside * (SHORT / (high - low) - self._of_rest)
        return min(place, 1.0)

    def _seconds(self, at: datetime) -> float:
        return (at - self._start).total_seconds()


def waterfall(run: RunSummary, outline: Outline, now: datetime) -> Waterfall:
    end = max([run.ended_at or now, *(row.ended_at or now for row in outline.items)])
    scale = Scale(run.started_at, end, outline.quiet)
    gaps = [
        Gap(*_between(scale.place(low), scale.place(high)), (high - low).total_seconds()) for low, high in outline.quiet
    ]
    return Waterfall([_bar(row, run.started_at, now, scale) for row in outline.items], gaps, scale.whole)


def _bar(row: Branch, start: datetime, now: datetime, scale: Scale) -> Bar:
    end = row.ended_at or now
    left, width = _between(scale.place(row.started_at), scale.place(end))
    elapsed = max((end - row.started_at).total_seconds(), 0.0)
    return Bar(row, min(row.depth, DEEPEST), (row.started_at - start).total_seconds(), elapsed, left, width)


def _between(low: float, high: float) -> tuple[str, str]:
    left = min(low, 0.996)
    return f"{left:.2%}", f"{min(max(high - left, 0.004), 1.0 - left):.2%}"
