"""Whether the store holds all that a run emitted, in words.

A run says at its end how many lines its own process emitted; of those that came later the highest number says how many
they are. Its forked children count for themselves and say no total, so their lines are left out of the comparison; what
any of its processes gave up is told by gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

__all__ = ["emitted", "missing"]

ON_THE_WAY = timedelta(minutes=1)  # for so long after its end a run's last lines are simply not there yet


def emitted(row: Mapping[str, Any]) -> int | None:
    """How many lines the run's own process emitted, before the run's end and after it; None where that is not known."""
    before: int | None = row["lines_emitted"]
    return None if before is None else before + int(row["lines_after_end_emitted"])


def missing(row: Mapping[str, Any]) -> str | None:
    """What is missing of a run's lines and why, as far as known; None where nothing is. A row of ``runs.sql``."""
    gaps: Mapping[str, int] = row["gaps"] or {}
    dropped = sum(gaps.values())
    late = max(0, _absent(row) - dropped)
    on_the_way = late > 0 and row["ended_at"] is not None and bool(row["clock"] - _last_heard(row) < ON_THE_WAY)
    if not gaps:
        return _late(late, on_the_way=on_the_way) if late else None
    reasons = [reason if len(gaps) == 1 and not late else f"{reason} ({lines:,})" for reason, lines in gaps.items()]
    if late:
        reasons.append(f"{late:,} not arrived" + (" yet" if on_the_way else ""))
    return f"{_lines(dropped + late)} missing: {'; '.join(reasons)}"


def _absent(row: Mapping[str, Any]) -> int:
    before = (row["lines_emitted"] or 0) - (row["lines"] - row["lines_elsewhere"] - row["lines_after_end"])
    after: int = row["lines_after_end_emitted"] - row["lines_after_end"]
    return max(0, int(before)) + max(0, after)


def _last_heard(row: Mapping[str, Any]) -> datetime:
    ended_at: datetime = row["ended_at"]
    return max(ended_at, row["last_at"]) if row["lines_after_end"] else ended_at


def _late(lines: int, *, on_the_way: bool) -> str:
    if on_the_way:
        return f"{_lines(lines)} {'has' if lines == 1 else 'have'} not arrived yet"
    return (
        f"{_lines(lines)} missing: not arrived; the journal of its host may still hold {'it' if lines == 1 else 'them'}"
    )


def _lines(number: int) -> str:
    return f"{number:,} {'line' if number == 1 else 'lines'}"
