"""Short ids: the beginning of a run's id, enough for `show`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...store.read.models import RunSummary

__all__ = ["short_id", "short_ids"]


def short_ids(runs: Sequence[RunSummary]) -> dict[str, str]:
    """By run id, what `show` takes for it; where that would be another's in the list, too, more of it."""
    short = {run.run_id: short_id(run.run_id, alone=run.parent_run is None) for run in runs}
    for longer in (short_id, str):
        often = Counter(short.values())
        short |= {run_id: longer(run_id) for run_id, mark in short.items() if often[mark] > 1}
    return short


def short_id(run_id: str, *, alone: bool = False) -> str:
    """The beginnings of its trace id and span id; ``alone`` of its trace id only, which means its outermost run."""
    trace_id, _, span_id = run_id.partition("-")
    return trace_id[:8] if alone else f"{trace_id[:8]}-{span_id[:4]}"
