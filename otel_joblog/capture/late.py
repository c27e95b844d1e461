"""Who takes what comes from a context whose run or step has ended: of a thread, task or callback that outlived it.

Asked only where the innermost of a context does not record, so that the common case pays nothing for it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..conventions import Attribute, SpanKind
from ..diagnostics import report

if TYPE_CHECKING:
    from .going import Going, GoingRun

__all__ = ["GRACE", "going_on", "said_in", "taker"]

GRACE = 60.0  # seconds after the end of a run for which its lines are still taken


def going_on(active: Going | None) -> Going | None:
    """The innermost that still records: itself, or the nearest that it ran in."""
    while active is not None and not active.recording:
        if active.hidden:  # nothing is recorded of it, nor of what runs inside
            return None
        active = active.parent
    return active


def taker(active: Going | None) -> Going | None:
    """What takes the lines that are said inside of this: the nearest that goes on; where all have ended, the innermost
    run, for a while.
    """
    return going_on(active) or _just_ended(active)


def said_in(active: Going | None, found: Going) -> dict[str, Any]:
    """The attributes of a line that was said inside of this and taken by something else: its name."""
    if active is None or active is found:
        return {}
    return {Attribute.STEP if active.kind is SpanKind.STEP else Attribute.JOB_NAME: active.name}


def _just_ended(active: Going | None) -> GoingRun | None:
    passed: GoingRun | None = None
    while active is not None and not active.hidden:
        run = active.run
        if run.left_at is not None:
            if time.monotonic() - run.left_at < GRACE:
                return run
            passed = passed or run
        active = active.parent
    if passed is not None:
        said = "job %r ended more than %d seconds ago: what still runs of it is no longer recorded"
        report("late", said, passed.name, GRACE)
    return None
