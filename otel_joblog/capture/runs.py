"""A run and its steps: what :mod:`.active` begins and ends, and what only one of the two has."""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING, Any
from weakref import ref

from opentelemetry import trace
from opentelemetry.context import Context

from .. import setup
from ..conventions import CONTEXT_KEY, Attribute, SpanKind
from ..diagnostics import report
from ..interruption import foreign
from ..records import AFTER_END, ELSEWHERE, format_run_id, text
from . import attempts
from .active import Active
from .context import get_current
from .count import Count
from .elsewhere import Elsewhere, OtherRun, within
from .facts.resources import RunUsage
from .facts.summary import summary
from .late import going_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .definition import JobFields, StepFields
    from .going import Capture

    class Waiting(Protocol):
        @property
        def trace_id(self) -> bytes: ...
        @property
        def span_id(self) -> bytes: ...


__all__ = ["ActiveRun", "ActiveStep", "current", "surrounding"]


MARK = f"{CONTEXT_KEY}-mark"

when_left: list[Callable[[ActiveRun], None]] = []  # what is called when a run has been left


class Mark:
    """Lies in a run's context and in all that are made of it; it is gone when the last of these is."""

    __slots__ = ("__weakref__", "_outer")

    def __init__(self, outer: object) -> None:
        self._outer = outer


class ActiveRun(Active):
    """One execution of a job."""

    kind = SpanKind.JOB
    run: ActiveRun

    def __init__(
        self,
        definition: JobFields | StepFields,
        name: str,
        parent: ActiveRun | ActiveStep | None,
        *,
        capture_output: bool = False,
        resources: bool = False,
        steps: int | None = None,
    ) -> None:
        super().__init__(definition, name, parent)
        self.run = self
        self.parent_run: ActiveRun | OtherRun | None = parent.run if parent is not None and parent.recording else None
        self._within: Elsewhere | None = None
        self._is_root = False  # whatever is around it
        self.ids: tuple[bytes, bytes] | None = None  # those it was given before it began
        self.capture_output = capture_output  # what it prints through sys.stdout and sys.stderr
        self.descriptors: Capture | None = None  # what anything writes to file descriptors 1 and 2
        self.resources = resources
        self.count = Count(self, steps)
        self.usage: RunUsage | None = None
        self.light = True  # nobody but us looks at its spans
        self.sampled = True  # False: Postgres keeps it, OTLP does not get it
        self.line_numbers = itertools.count(1)  # the ``seq`` of each line
        self.left_at: float | None = None  # by time.monotonic(), once it has ended
        self._mark: ref[Mark] | None = None
        self.handle: Any = None  # what user code holds of it (.handles), once it was asked for
        self._told: int | None = None  # how many lines it had, once its end has said so
        self._numbers: itertools.count[int] | None = None  # those of the lines before its end, from then on
        self.failed_inside: tuple[str, ...] = ()  # by run id, the latest whose exceptions may come through here
        self._steps = itertools.count(1)

    @property
    def run_id(self) -> str:
        return format_run_id(self.trace_id, self.span_id)

    @property
    def pid(self) -> int:
        """The process that it goes on in."""
        return self._process

    @property
    def lines_so_far(self) -> int:
        """How many lines it has emitted, but for those after its end."""
        return taken(self.line_numbers) if self._told is None else self._told

    @property
    def carried(self) -> bool:
        """Whether a thread, task, callback or the like still carries its context."""
        return self._mark is not None and self._mark() is not None

    def tell_lines(self) -> int:
        """How many lines it has emitted; those from now on are counted as emitted after its end."""
        if self._told is None:
            if self._numbers is None:
                self.left_at = time.monotonic()
                later = itertools.count(AFTER_END)
                self._numbers, self.line_numbers = self.line_numbers, later  # no call in which it might be interrupted
            self._told = taken(self._numbers)
        return self._told

    def count_apart(self) -> None:
        """In a forked child, which shares the run but not the count: count lines from a random base of its own."""
        self.line_numbers = itertools.count(1 + ELSEWHERE + (int.from_bytes(os.urandom(3), "big") << 32))

    def next_step(self) -> int:
        return next(self._steps)

    def set_result(self, facts: dict[str, Any]) -> None:
        for name, value in facts.items():
            self.set_attribute(f"{Attribute.RESULT}.{name}", summary(value))

    def returned(self, value: Any) -> None:
        try:
            if self.recording:
                self.set_attribute(Attribute.RETURNED, text(summary(value)))
        except Exception as error:
            if foreign(error):
                raise
            report("result", "what a job returned could not be recorded: %r", error)

    def belong_to(self, parent: Elsewhere) -> None:
        """Be a part of another trace than that of its context."""
        self._within = parent
        self.parent_run = parent.run

    def begin_a_trace(self, waiting: Waiting | None) -> None:
        """Be a part of no other trace, whatever is around it; where it is a run that waited, with the ids of that."""
        self._is_root = True
        self.parent_run = None
        if waiting is not None:
            self.ids = waiting.trace_id, waiting.span_id

    def _surroundings(self, outer: Context) -> Context:
        if self._is_root:
            return trace.set_span_in_context(trace.INVALID_SPAN, outer)
        return super()._surroundings(outer) if self._within is None else within(outer, self._within)

    def mark(self, inner: dict[str, Any]) -> None:
        """See by this context, and by all that are made of it, whether anything carries it."""
        mark = inner[MARK] = Mark(inner.get(MARK))
        self._mark = ref(mark)

    def _begin(self, runtime: setup.Runtime, seq: int, attributes: dict[str, Any]) -> None:
        super()._begin(runtime, seq, attributes)
        if self._look is not None:
            self.usage = RunUsage(self, self._start, self._clock)
        number, reference = attributes[Attribute.ATTEMPT], attributes.get(Attribute.REFERENCE)
        attempts.remember(self.name, reference, number, self.trace_id, self.span_id)
        self.count.begin()

    def _summarise(self, attributes: dict[str, Any]) -> None:
        attributes[Attribute.LINES] = self.tell_lines()
        attributes[Attribute.STEPS] = taken(self._steps)
        self.count.summarise(attributes)
        if self.usage is not None:
            self.usage.summarise(attributes)

    def _leave(self) -> None:
        if self.left_at is None and self.recording:  # a forked child leaves what its parent began
            self.left_at = time.monotonic()
        super()._leave()
        for call in when_left:
            call(self)


class ActiveStep(Active):
    """One step of a run."""

    kind = SpanKind.STEP
    run: ActiveRun
    _counted = False  # as done

    def __init__(self, definition: StepFields, name: str, parent: ActiveRun | ActiveStep | None) -> None:
        super().__init__(definition, name, parent)
        if parent is not None and parent.recording:
            self.run = parent.run
        else:  # of no run: one that records nothing
            self.run = ActiveRun(definition, "", None)

    def _summarise(self, attributes: dict[str, Any]) -> None:  # noqa: ARG002
        if self.parent is self.run and not self._counted:
            self._counted = True
            self.run.count.step_done()


def current() -> ActiveRun | ActiveStep | None:
    """The innermost run or step of this context that is recorded and has not ended."""
    found: Any = get_current().get(CONTEXT_KEY)
    if found is not None and not found.recording:
        found = going_on(found)
    active: ActiveRun | ActiveStep | None = found
    return active


def surrounding() -> ActiveRun | ActiveStep | None:
    """The innermost run or step of this context that has not ended, recorded or not; one that hides what runs inside
    does so afterwards, too.
    """
    found: Any = get_current().get(CONTEXT_KEY)
    while found is not None and not found.entered and not found.hidden:
        found = found.parent
    active: ActiveRun | ActiveStep | None = found
    return active


def taken(numbers: itertools.count[int]) -> int:
    """How many of these, from 1, were taken. Asked seldom, so that taking costs nothing more: it says ``count(6)``."""
    return int(repr(numbers)[len("count(") : -1]) - 1
