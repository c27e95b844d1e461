"""Whether the store holds all that a run emitted, in words.

A run says at its end how many lines its own process emitted. Its forked children count for themselves and say no total,
so their lines are left out of the comparison; what any of its processes gave up is told by gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

__all__ = ["missing"]

ON_THE_WAY = timedelta(minutes=1)  # for so long after its end a run's last lines are simply not there yet


def missing(row: Mapping[str, Any]) -> str | None:
    """What is missing of a run's lines and why, as far as known; None where nothing is. A row of ``runs.sql``."""
    gaps: Mapping[str, int] = row["gaps"] or {}
    dropped = sum(gaps.values())
    absent = (row["lines_emitted"] or 0) - (row["lines"] - row["lines_elsewhere"])
    late = max(0, absent - dropped)
    on_the_way = late and row["ended_at"] is not None and row["clock"] - row["ended_at"] < ON_THE_WAY
    if not gaps:
        return _late(late, on_the_way=on_the_way) if late else None
    reasons = [reason if len(gaps) == 1 and not late else f"{reason} ({lines:,})" for reason, lines in gaps.items()]
    if late:
        reasons.append(f"{late:,} not arrived" + (" yet" if on_the_way else ""))
    return f"{_lines(dropped + late)} missing: {'; '.join(reasons)}"


def _late(lines: int, *, on_the_way: bool) -> str:
    if on_the_way:
        return f"{_lines(lines)} {'has' if lines == 1 else 'have'} not arrived yet"
    return (
        f"{_lines(lines)} missing: not arrived; the journal of its host may still hold {'it' if lines == 1 else 'them'}"
    )


def _lines(number: int) -> str:
    return f"{number:,} {'line' if number == 1 else 'lines'}"
