"""What became of a run, in one sentence."""

from __future__ import annotations

from datetime import datetime

from ....conventions import RunStatus
from ....store.read.models import RunSummary, UsualDuration
from ...format import duration, rough

__all__ = ["against_usual", "ending"]

MUCH = 1.5  # times the usual duration, from which on that is worth a word

_ENDINGS = {
    RunStatus.SUCCESS: ("Succeeded", "after"),
    RunStatus.SKIPPED: ("Skipped", "after"),
    RunStatus.CANCELLED: ("Cancelled", "after"),
    RunStatus.ERROR: ("Failed", "after"),
    RunStatus.TIMEOUT: ("Ran out of time", "after"),
    RunStatus.LOST: ("Lost", "after"),
    RunStatus.RUNNING: ("Running", "for"),
    RunStatus.PENDING: ("Waiting", "for"),
}


def ending(run: RunSummary, now: datetime) -> tuple[str, str]:
    """``("Failed", "after 1 m 34 s")``: between the two stands the step."""
    verb, preposition = _ENDINGS[run.status]
    seconds = run.duration if run.duration is not None else ((run.ended_at or now) - run.started_at).total_seconds()
    return verb, f"{preposition} {duration(max(seconds, 0.0))}"


def against_usual(run: RunSummary, usual: UsualDuration | None, now: datetime) -> str:
    """``usually 12 min``, or ``2.3 times the usual 12 min`` where it took far longer than nearly all; or empty."""
    if usual is None or run.status is RunStatus.PENDING:
        return ""
    seconds = run.duration if run.duration is not None else (now - run.started_at).total_seconds()
    if run.status is not RunStatus.SKIPPED and seconds > usual.p95 and usual.p50 and seconds > MUCH * usual.p50:
        return f"{seconds / usual.p50:.3g} times the usual {rough(usual.p50)}"
    return f"usually {rough(usual.p50)}"
