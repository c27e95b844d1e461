"""How far a run has come: what it said last, and how much of that is recorded."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import setup
from ..conventions import Attribute
from ..diagnostics import report
from ..interruption import foreign
from ..records import Progress, text

if TYPE_CHECKING:
    from .going import Going

__all__ = ["Count", "ProgressNow"]

INTERVAL = 500_000_000  # ns between two records


class ProgressNow(NamedTuple):
    """What was said last of how far a run has come."""

    current: float
    total: float | None  # None where that is not known
    unit: str
    time: datetime  # UTC, when it was said


class _Said(NamedTuple):
    """The fields of :class:`~otel_joblog.records.Progress` after its ids."""

    time: int
    current: float
    total: float | None
    unit: str
    since: int
    base: float


class Count:
    """The progress of one run. It may be told from several threads; the latest stands."""

    __slots__ = ("_done", "_run", "_said", "_steps", "_told", "tracker")

    def __init__(self, run: Going, steps: int | None) -> None:
        self.tracker: object = None  # the outermost loop or bar: those inside it are not the run's progress
        self._run = run
        self._steps = steps  # how many steps it is going to have, while that is what its progress is made of
        self._done = itertools.count(1)
        self._said: _Said | None = None
        self._told: _Said | None = None  # what was recorded last

    def begin(self) -> None:
        if self._steps is not None:
            self._note(0, self._steps, "steps")

    def say(self, current: float, total: float | None, unit: str) -> None:
        self._steps = None
        self._note(current, total, unit)

    def step_done(self) -> None:
        """One of the run's own steps has ended."""
        if self._steps is not None:
            self._note(next(self._done), self._steps, "steps")

    def now(self) -> ProgressNow | None:
        said = self._said
        if said is None:
            return None
        return ProgressNow(said.current, said.total, said.unit, datetime.fromtimestamp(said.time / 1e9, UTC))

    def tell(self) -> None:
        """Record what was said last, unless it is recorded."""
        said = self._said
        if said is not None and said is not self._told:
            self._told = said
            run = self._run
            setup.runtime().emit(Progress(run.trace_id, run.span_id, run.span_id, *said))

    def summarise(self, attributes: dict[str, Any]) -> None:
        """Record what was said last, and add it to the attributes of the run."""
        self.tell()
        said = self._said
        if said is not None:
            attributes[Attribute.PROGRESS_CURRENT] = said.current
            attributes[Attribute.PROGRESS_UNIT] = said.unit
            if said.total is not None:
                attributes[Attribute.PROGRESS_TOTAL] = said.total

    def _note(self, current: float, total: float | None, unit: str) -> None:
        if not self._run.recording:
            return
        try:
            now = time.time_ns()
            before, told = self._said, self._told
            current, unit = float(current), text(unit)
            since, base = now, current
            if before is not None and current >= before.current and unit == before.unit:  # else a new count begins
                since, base = before.since, before.base
            self._said = _Said(now, current, None if total is None else float(total), unit, since, base)
            if told is None or now - told.time >= INTERVAL:
                self.tell()
        except Exception as error:
            if foreign(error):
                raise
            report("progress", "progress could not be recorded: %r", error)
