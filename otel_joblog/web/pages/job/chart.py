"""Thirty days as a picture: bars of runs, curves of durations. Numbers for SVG; the templates draw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ....store.read.models import DayFigures

__all__ = ["HEIGHT", "WIDTH", "Bar", "Chart", "chart"]

WIDTH, HEIGHT = 600.0, 100.0


class Bar(NamedTuple):
    """A day's runs, from the bottom: what failed, what was retried, the rest."""

    day: DayFigures
    left: float
    width: float
    failures: float  # heights
    retried: float
    others: float


class Chart(NamedTuple):
    bars: list[Bar]
    most_runs: int  # the height of the bars
    p50: list[str]  # points for polylines; a day without runs interrupts the curve
    p95: list[str]
    longest: float  # seconds: the height of the curves


def chart(days: Sequence[DayFigures]) -> Chart:
    most_runs = max((day.runs for day in days), default=0)
    longest = max((day.p95 for day in days if day.p95 is not None), default=0.0)
    each = WIDTH / max(len(days), 1)
    scale = HEIGHT / most_runs if most_runs else 0.0
    bars = [
        Bar(
            *(day, round(place * each, 2), round(each * 0.8, 2)),
            *(runs * scale for runs in (day.failures, day.retried, day.runs - day.failures - day.retried)),
        )
        for place, day in enumerate(days)
    ]
    return Chart(
        bars,
        most_runs,
        _curve(days, lambda day: day.p50, each, longest),
        _curve(days, lambda day: day.p95, each, longest),
        longest,
    )


def _curve(
    days: Sequence[DayFigures], height: Callable[[DayFigures], float | None], each: float, longest: float
) -> list[str]:
    pieces: list[list[str]] = [[]]
    for place, day in enumerate(days):
        value = height(day)
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{(place + 0.4) * each:.1f},{HEIGHT - HEIGHT * value / (longest or 1):.1f}")
    # A day between two without runs is a point: a line of no length with round ends.
    return [" ".join(piece * 2 if len(piece) == 1 else piece) for piece in pieces if piece]
