"""Tracebacks that pass through our frames: they are the same as without us."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

__all__ = ["forget_frame", "traceback_of"]

# The interpreter's own: a class may have another ``__traceback__``, or refuse to be written to (a frozen dataclass).
_traceback: Any = vars(BaseException)["__traceback__"]


def traceback_of(error: BaseException) -> TracebackType | None:
    """The traceback of any exception."""
    trace: TracebackType | None = _traceback.__get__(error)
    return trace


def forget_frame(error: BaseException) -> None:
    """Take the calling frame out of the traceback that is passing through it, before a bare ``raise``.

    So that a traceback which a job prints is the same, byte for byte, as without us.
    """
    trace = _traceback.__get__(error)
    if trace is not None:
        _traceback.__set__(error, trace.tb_next)
