"""Runs over time as a picture: numbers for SVG; each bar leads to the runs of its time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from ....runquery import RunQuery, Term, Value
from ....store.read.models import RunBin, RunHistogram

__all__ = ["Bar", "Part", "Picture", "picture"]

HEIGHT = 100.0
LEAST = 3.0  # of a part that has any run
KINDS = {
    "failed": ("error", "timeout", "lost"),
    "retried": ("retried",),
    "other": ("skipped", "cancelled"),
    "success": ("success",),
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Part(NamedTuple):
    kind: str
    top: float
    height: float


class Bar(NamedTuple):
    left: float  # per cent
    width: float
    words: str  # ``2026-11-30: 120 runs, 5 failed``
    query: str  # what its runs are asked for by
    parts: list[Part]  # from the bottom


class Picture(NamedTuple):
    bars: list[Bar]
    of: str  # ``hour``, ``day`` or ``week``
    begin: str
    end: str
    most: int
    totals: list[tuple[str, int]]  # by kind, but for those without any
    looked_until: datetime | None


def picture(histogram: RunHistogram, query: RunQuery) -> Picture | None:
    """None where there is nothing to draw."""
    bins = histogram.bins
    counts = [{kind: sum(getattr(one, name) for name in names) for kind, names in KINDS.items()} for one in bins]
    most = max((sum(count.values()) for count in counts), default=0)
    if not most:
        return None
    width = bins[0].end - bins[0].start
    of = "hour" if width == HOUR else "day" if width == DAY else "week"
    each = 100 / len(bins)
    bars = [
        Bar(
            round(place * each, 3),
            round(each * 0.86, 3),
            _told(one, of, count),
            _narrowed(query, one),
            _parts(count, most),
        )
        for place, (one, count) in enumerate(zip(bins, counts, strict=True))
    ]
    totals = {kind: sum(count[kind] for count in counts) for kind in KINDS}
    return Picture(
        bars,
        of,
        _written(bins[0].start, of),
        _written(bins[-1].start, of),
        most,
        [(kind, number) for kind, number in reversed(totals.items()) if number],
        histogram.looked_until,
    )


def _parts(count: dict[str, int], most: int) -> list[Part]:
    parts: list[Part] = []
    top = HEIGHT
    for kind, number in count.items():
        if number:
            height = min(top, max(LEAST, number * HEIGHT / most))
            top -= height
            parts.append(Part(kind, round(top, 2), round(height, 2)))
    return parts


def _told(one: RunBin, of: str, count: dict[str, int]) -> str:
    number = sum(count.values())
    rest = [f"{count[kind]:,} {kind}" for kind in ("failed", "retried", "other") if count[kind]]
    return f"{_written(one.start, of)}: {', '.join([f'{number:,} run' + 's' * (number != 1), *rest])}"


def _written(start: datetime, of: str) -> str:
    return f"{start:%Y-%m-%d %H:00}" if of == "hour" else f"{start:%Y-%m-%d}"


def _narrowed(query: RunQuery, one: RunBin) -> str:
    times = {"since": one.start, "until": one.end}
    return str(query.replacing(*(Term(key, (Value(f"{at:%Y-%m-%dT%H:%MZ}"),)) for key, at in times.items())))
