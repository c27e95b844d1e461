"""What user code holds of a run or a step: the names of the reference, and nothing else.

What goes on behind them is :mod:`.runs` and :mod:`.active`, whose names are not for users.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from opentelemetry.trace import Span

    from .active import Active
    from .count import ProgressNow
    from .runs import ActiveRun

__all__ = ["Run", "Step", "run_handle"]


class Run:
    """One execution of a job. ``with job(…) as run`` and ``current_run()`` give it."""

    __slots__ = ("__weakref__", "_active")

    def __init__(self, active: ActiveRun) -> None:
        self._active = active

    def __repr__(self) -> str:
        return f"<Run {self._active.name!r} {self.run_id}>"

    @property
    def run_id(self) -> str:
        """``<trace_id>-<span_id>`` in lower-case hex: what ``otel-joblog show`` and the viewer's pages take."""
        return self._active.run_id

    @property
    def span(self) -> Span:
        """Its OTel span."""
        return self._active.span

    def set_result(self, **facts: Any) -> None:
        """Say in numbers and words what came of it: ``run.set_result(records=4312)``; lists and its page show that.

        Numbers, strings and booleans are kept as they are, anything else in short. A name said again is replaced.
        """
        self._active.set_result(facts)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of its span."""
        self._active.set_attribute(key, value)

    def fail(self, reason: str) -> None:
        """Have it end as ``error`` with this reason, though no exception escapes: ``run.fail("3 of 9 files missing")``.

        It goes on until its block or function ends. An exception that escapes says more, and wins.
        """
        self._active.fail(reason)

    def progress(self, current: float, total: float | None = None, unit: str = "") -> None:
        """Say how far it has come (see :func:`otel_joblog.progress`)."""
        self._active.count.say(current, total, unit)

    def progress_now(self) -> ProgressNow | None:
        """What was said last: ``current``, ``total``, ``unit`` and the ``time`` of it; None where nothing was said."""
        return self._active.count.now()


class Step:
    """One step of a run. ``with step(…) as current`` gives it."""

    __slots__ = ("__weakref__", "_active")

    def __init__(self, active: Active) -> None:
        self._active = active

    def __repr__(self) -> str:
        return f"<Step {self._active.name!r}>"

    @property
    def span(self) -> Span:
        """Its OTel span."""
        return self._active.span

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of its span."""
        self._active.set_attribute(key, value)

    def fail(self, reason: str) -> None:
        """Have it end as ``error`` with this reason, though no exception escapes: ``current.fail("no rows")``.

        It goes on until its block or function ends. An exception that escapes says more, and wins.
        """
        self._active.fail(reason)


def run_handle(active: ActiveRun) -> Run:
    """The one that stands for this run: the same whenever it is asked for."""
    handle: Run | None = active.handle
    if handle is None:
        handle = active.handle = Run(active)
    return handle
