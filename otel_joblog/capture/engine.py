"""Late binding to :mod:`.begin`, so that importing ``job`` and ``step`` costs next to nothing."""

from __future__ import annotations

from .handles import run_handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from .handles import Run
    from .runs import ActiveRun, ActiveStep

__all__ = ["current", "current_run", "engine"]

_engine: ModuleType | None = None


def engine() -> ModuleType:
    """The module :mod:`.begin`, imported on first use."""
    global _engine
    if _engine is None:
        from . import begin

        _engine = begin
    return _engine


def current() -> ActiveRun | ActiveStep | None:
    """The innermost active run or step of this context; None where nothing is recorded."""
    if _engine is None:  # no run has ever begun in this process
        return None
    found: ActiveRun | ActiveStep | None = _engine.current()
    return found


def current_run() -> Run | None:
    """The run that the calling code belongs to, or None outside of any::

    run = current_run()
    if run:
        run.set_attribute("rows.rejected", 12)
    """
    active = current()
    return run_handle(active.run) if active is not None else None
