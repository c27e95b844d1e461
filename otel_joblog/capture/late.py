"""Who takes what comes from a context whose run or step has ended: of a thread, task or callback that outlived it.

Asked only where the innermost of a context does not record, so that the common case pays nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..conventions import Attribute, SpanKind

if TYPE_CHECKING:
    from .active import Active

__all__ = ["going_on", "said_in"]


def going_on(active: Active | None) -> Active | None:
    """The innermost that still records: itself, or the nearest that it ran in."""
    while active is not None and not active.recording:
        if active.hidden:  # nothing is recorded of it, nor of what runs inside
            return None
        active = active.parent
    return active


def said_in(ended: Active) -> dict[str, Any]:
    """The attributes of a line that somebody else took: what it was said in, by name."""
    return {Attribute.STEP if ended.kind is SpanKind.STEP else Attribute.JOB_NAME: ended.name}
