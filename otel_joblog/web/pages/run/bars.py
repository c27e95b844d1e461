"""The last runs of a job as bars. Numbers for SVG; the template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ....store.read.history import PastRun

__all__ = ["HEIGHT", "RunBar", "run_bars"]

HEIGHT = 100.0
EACH = 12.0  # from one bar to the next
LOWEST = 3.0


class RunBar(NamedTuple):
    run: PastRun
    left: float
    top: float
    height: float
    seconds: float  # of an open run until now


def run_bars(runs: Sequence[PastRun], now: datetime) -> tuple[list[RunBar], float]:
    """A bar a run, as high as it took long, and the seconds of the longest."""
    seconds = [max(0.0, ((run.ended_at or now) - run.started_at).total_seconds()) for run in runs]
    longest = max(seconds, default=0.0)
    heights = [max(LOWEST, HEIGHT * each / longest) if longest else LOWEST for each in seconds]
    return [
        RunBar(run, place * EACH, round(HEIGHT - height, 1), round(height, 1), each)
        for place, (run, height, each) in enumerate(zip(runs, heights, seconds, strict=True))
    ], longest
