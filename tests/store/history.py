"""A store with a past: runs of many days ago, some of which failed, with steps, lines, samples and gaps."""

from __future__ import annotations

import time
from collections.abc import Iterator

from otel_joblog.conventions import RunStatus
from otel_joblog.records import Dropped, Record, Sample
from tests.store.samples import PROCESS, SECOND, ended, line, span, started, step, trace

__all__ = ["DAY", "NOON", "told"]

DAY = 86_400 * SECOND
NOON = time.time_ns() // DAY * DAY + DAY // 2  # of today, UTC


def told(number: int, days_ago: float, status: RunStatus | None = RunStatus.SUCCESS, *, lines: int = 4) -> list[Record]:
    """A run that began so many days ago and took an hour, its lines spread over it; without a status it is open."""
    begin = NOON - round(days_ago * DAY)
    return [PROCESS, *_parts(number, begin, status, lines)]


def _parts(number: int, begin: int, status: RunStatus | None, lines: int) -> Iterator[Record]:
    hour = 3_600 * SECOND
    of_step = step(1) | {"start": begin + SECOND}
    yield started(number, start=begin)
    yield started(number, **of_step)
    for seq in range(1, lines + 1):
        yield line(seq, number, time=begin + seq * hour // (lines + 1), severity=9 + seq % 3 * 4)
    yield Sample(trace(number), span(1), begin + hour // 2, 1, 1_000, 0.5, begin)
    yield Dropped(trace(number), span(1), begin + hour, 1, "dropped at the journal's cap")
    if status is not None:
        yield ended(number, status=status, message="", **of_step | {"end": begin + hour - SECOND})
        yield ended(number, status=status, start=begin, end=begin + hour, lines=lines + 1, steps=1)
