"""How many samples of a run are kept: the latest as they came, those before the fewer the longer it runs.

So a run that is killed has the minutes before its death in full, and one of a week no more rows than one of an hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from ..records import Sample
from .columns import bigint, instant

__all__ = ["MOST", "Thinning", "thinnings"]

LATEST = 90  # kept as they came
EARLIER = 240  # of those before, at most
EVERY = 30  # samples from one thinning of a run to the next
MOST = LATEST + EARLIER + EVERY


class Thinning(TypedDict):
    """The parameters of ``thin_samples.sql``."""

    trace_id: UUID
    run_span_id: int | None
    first_at: datetime
    last_at: datetime
    before: int
    stride: int


def thinnings(samples: Iterable[Sample]) -> list[Thinning]:
    """What is to be thinned out now that these samples are there, ordered by run."""
    due = {(sample.trace_id, sample.run): sample for sample in samples if sample.seq % EVERY == 0}
    found = (_thinning(sample) for _, sample in sorted(due.items()))
    return [thinning for thinning in found if thinning["stride"] > 1]


def _thinning(sample: Sample) -> Thinning:
    before = max(0, sample.seq - LATEST)
    return {
        "trace_id": UUID(bytes=sample.trace_id),
        "run_span_id": bigint(sample.run),
        "first_at": instant(sample.start),
        "last_at": instant(sample.time),
        "before": before,
        "stride": 1 << max(0, (before - 1) // EARLIER).bit_length(),
    }
