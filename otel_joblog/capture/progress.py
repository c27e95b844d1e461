"""``progress``: how far the current run has come."""

from __future__ import annotations

from .engine import current as innermost

__all__ = ["progress"]


def progress(current: float, total: float | None = None, unit: str = "") -> None:
    """Say how far the current run has come: ``progress(120, 400, "files")``.

    Cheap enough for every iteration: at most two a second are recorded, and the last one always. Outside of a run it
    does nothing.

    :param current: what is done so far.
    :param total: what there is to do; None where that is not known.
    :param unit: what is counted.
    """
    active = innermost()
    if active is not None:
        active.run.progress(current, total, unit)
