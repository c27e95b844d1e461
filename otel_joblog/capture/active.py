"""Runs and steps while they go on: what ``job`` and ``step`` begin and finish. :mod:`.runs` has what only one has."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace.propagation import _SPAN_KEY

from .. import setup
from ..conventions import CONTEXT_KEY, Attribute, RunStatus, SpanKind
from ..diagnostics import report
from ..errors import Skip
from ..export.mirror import Mirror, event_attributes
from ..export.spans import id_bytes, otel_link, plain, run_said, span_events, span_links
from ..interruption import foreign, forget_frames, insist
from ..provider import with_ids
from ..records import SpanEnded, SpanEvent, SpanLink, SpanStarted, text
from . import identifiers
from .context import attach
from .facts.attributes import otel_values
from .facts.failures import describe_exception, leave_note, outcome
from .facts.resources import Look, look, used
from .late import going_on
from .nesting import Nested
from .span import LightSpan

if TYPE_CHECKING:
    from typing import Protocol

    from .definition import JobFields, StepFields
    from .going import GoingRun, Unfinished

    class OwnRun(GoingRun, Protocol):
        """What its run, which is built on this, has for it."""

        light: bool
        ids: tuple[bytes, bytes] | None
        sampled: bool

        @property
        def resources(self) -> bool: ...
        @property
        def lines_so_far(self) -> int: ...
        def mark(self, inner: dict[str, Any]) -> None: ...


__all__ = ["Active"]

NO_TRACE = bytes(16)
NO_SPAN = bytes(8)


_process = os.getpid()


def _after_fork() -> None:
    global _process
    _process = os.getpid()


os.register_at_fork(after_in_child=_after_fork)


class Active(Nested):
    """Something that goes on: a run or a step."""

    kind: SpanKind
    run: OwnRun
    parent: Active | None
    # As most have them. What is not set on the object costs nothing, and beyond 30 attributes its dict shares its keys
    # with no other, which is slower.
    declared_error: str | None = None  # user code set OTel's error status, with this description
    mirror: Mirror | None = None
    _failed: str | None = None  # what fail() was told
    _parent_id: bytes | None = None
    _look: Look | None = None
    _ending = False  # from the first attempt to end it to the one that came through
    _ended: SpanEnded | None = None  # what is to be written of that
    _handed_over = 0  # lines, to the SDK's span

    def __init__(self, definition: JobFields | StepFields, name: str, parent: Active | None) -> None:
        self.definition = definition
        self.name = name
        self.parent = parent
        self.entered = False
        self.recording = False
        self.hidden = parent is not None and parent.hidden
        self.trace_id = NO_TRACE
        self.span_id = NO_SPAN
        self.events: list[SpanEvent] = []
        self.links: list[SpanLink] = []
        # Lines of output still unfinished, by stream, thread, and what they were said in where that has ended.
        self.outputs: dict[tuple[int, int, bytes], Unfinished] = {}
        self._seq = 0
        self._span: trace.Span = trace.INVALID_SPAN
        self._sampled = True
        self._attributes: dict[str, Any] = {}
        self._late: dict[str, Any] = {}  # those of the attributes that were set since the beginning
        self._outer = None
        self._start = 0
        self._clock = 0
        self._process = _process

    @property
    def span(self) -> trace.Span:
        """Its OTel span."""
        return self._span

    def set_attribute(self, key: str, value: Any) -> None:
        # The SDK's span gets it at the end: this may be a signal handler, or one of logging, that was called while the
        # span's lock was held, which does not let its own thread in again.
        self._attributes[text(key)] = self._late[text(key)] = value

    def fail(self, reason: str) -> None:
        """Have it end as ``error`` with this reason, though no exception escapes."""
        self._failed = text(reason)

    def returned(self, value: Any) -> None:
        """Take note of what its function returned; only runs do."""

    def finish(self, error: BaseException | None) -> bool:
        """End it; True when the exception ends here (:class:`~otel_joblog.Skip`). Raises what comes from elsewhere
        meanwhile, when all is done.
        """
        try:
            self._end(error)
        except BaseException as came:
            try:
                insist(self._end_somehow, came if error is None else error, came)
            finally:
                if self.entered:  # its exception cannot be described: that of its own __str__ goes on
                    self._leave()
            if foreign(came):
                forget_frames(came)
                raise
        return error is not None and issubclass(type(error), Skip)

    def _end(self, error: BaseException | None) -> None:
        """May be interrupted anywhere, and is then begun again."""
        # What a process began is not ended by its forked children. While modules are taken down it is too late too: the
        # run was ended at exit (Runtime.close_open), and an import might wait for ever for a lock that a daemon thread
        # was stopped with.
        if (self.recording or self._ending) and self._process == _process and not sys.is_finalizing():
            self._ending = True
            runtime = setup.runtime()
            span = self._span
            sdk_span: Any = span if isinstance(span, ReadableSpan) else None
            ended = self._ended
            if ended is None:
                ended = self._close(error, sdk_span)
                if sdk_span is not None:
                    ended = runtime.redactor.record(ended)
                self._ended = ended
                runtime.journal.open.pop(self.span_id, None)
                runtime.emit(ended)
            else:
                runtime.journal.open.pop(self.span_id, None)
                runtime.emit_once(ended)
            if sdk_span is not None and sdk_span.is_recording():
                # Last: the application's processors and handlers of logging may raise.
                self._hand_over(sdk_span, ended)
                self.mirror = None
            self._ending = False
        self._leave()

    def _end_somehow(self, error: BaseException, trouble: BaseException) -> None:
        """End it though an attempt has failed: again, where what came was foreign; else unrecorded."""
        try:
            if foreign(trouble):
                self._end(error)
                return
        except Exception as another:
            if foreign(another):
                raise
            trouble = another
        self._ending = self.recording = False
        report("finish", "the end of %s %r could not be recorded: %r", self.kind, self.name, trouble)
        self._leave()

    def _begin(self, runtime: setup.Runtime, seq: int, attributes: dict[str, Any]) -> None:
        outer = self._surroundings(self._enter())
        self._seq = seq
        self._attributes = attributes
        self._start = time.time_ns()
        self._clock = time.monotonic_ns()
        run = self.run
        me: object = self
        if run.resources:
            self._look = look()
        if run.light:
            self._light_span(runtime, outer)
        else:
            self._sdk_span(runtime, outer)
        inner: dict[str, Any] = {**outer, _SPAN_KEY: self._span, CONTEXT_KEY: self}
        if run is me:
            run.mark(inner)
        attach(Context(inner))
        self.recording = True
        # Known as open before its start is in the journal, and until just before its end is.
        runtime.journal.open[self.span_id] = self.started
        runtime.emit(self.started())
        if run.descriptors is not None:
            run.descriptors.turn_to(self)

    def started(self) -> SpanStarted:
        """The record of its start, as of now: every new segment of the journal repeats those of what is open."""
        run = self.run
        me: object = self
        return SpanStarted(
            self.kind,
            self.trace_id,
            self.span_id,
            self._parent_id,
            run.span_id,
            None if run.parent_run is None else run.parent_run.span_id,
            self._start,
            self.name,
            self._seq,
            self._attributes.copy(),
            self._sampled,
            run.lines_so_far if run is me else 0,
        )

    def _light_span(self, runtime: setup.Runtime, outer: Context) -> None:
        parent = self.parent
        outer_span: Any = outer.get(_SPAN_KEY)
        if parent is not None and parent.recording and outer_span is parent._span:
            self.trace_id, self._parent_id = parent.trace_id, parent.span_id
        elif outer_span is not None and (context := outer_span.get_span_context()).is_valid:
            self.trace_id, self._parent_id = id_bytes(context)
        else:
            self.trace_id = identifiers.trace_id()
        self.span_id = identifiers.span_id()
        run = self.run
        me: object = self
        if run is me:
            if run.ids is not None:
                self.trace_id, self.span_id = run.ids
            if run.light:
                run.sampled = runtime.provider.samples(self.name, outer, self.trace_id)
        self._sampled = run.sampled
        self._span = LightSpan(self)

    def _sdk_span(self, runtime: setup.Runtime, outer: Context) -> None:
        said = runtime.redactor.record(self.started())  # its ids are still to come
        run = self.run
        me: object = self
        ids = run.ids if run is me else None
        tracer = runtime.tracer if ids is None else with_ids(runtime.tracer, *ids)
        span = self._span = tracer.start_span(
            said.name,
            outer,
            attributes=otel_values(said.attributes),
            links=[otel_link(link) for link in self.links],
            start_time=self._start,
        )
        context = span.get_span_context()
        if not context.is_valid or (ids is not None and id_bytes(context) != ids):
            # A provider that does nothing (OTEL_SDK_DISABLED), or that takes no ids: ids of our own.
            self._light_span(runtime, outer)
            return
        self.trace_id, self.span_id = id_bytes(context)
        self._sampled = context.trace_flags.sampled
        parent = trace.get_current_span(outer).get_span_context()
        if parent.is_valid:
            self._parent_id = parent.span_id.to_bytes(8, "big")
        if isinstance(span, ReadableSpan):
            self.mirror = Mirror(runtime.provider.event_limit)

    def _close(self, error: BaseException | None, sdk_span: Any) -> SpanEnded:
        capture = self.run.descriptors
        if capture is not None:
            if capture.owner is self:
                capture.end()
            elif capture.target is self:
                capture.turn_to(going_on(self.parent) or capture.owner)
        if self.outputs:
            self.finish_output()
        end = self._start + time.monotonic_ns() - self._clock  # a clock set back must not shorten it
        if sdk_span is not None:
            self._take_over(sdk_span)
        status, message, exit_code = outcome(error)
        said = self.declared_error if self._failed is None else self._failed
        if said is not None and status is RunStatus.SUCCESS:
            status, message = RunStatus.ERROR, said
        attributes = self._attributes
        events = self.events
        if self._look is not None:
            used(self._look, attributes)
        attributes[Attribute.STATUS] = status.value
        if message:
            attributes[Attribute.STATUS_MESSAGE] = message
        if exit_code is not None:
            attributes[Attribute.EXIT_CODE] = exit_code
        if error is not None and not issubclass(type(error), Skip):
            leave_note(error, self)
            if status.failed or status is RunStatus.CANCELLED:
                described = describe_exception(error)
                attributes[Attribute.ERROR_TYPE] = described[Attribute.EXCEPTION_TYPE]
                events = [*events, SpanEvent(end, "exception", described)]
        self._summarise(attributes)
        lines = attributes.get(Attribute.LINES, 0)
        steps = attributes.get(Attribute.STEPS, 0)
        self.recording = False
        run = self.run
        return SpanEnded(
            self.kind,
            self.trace_id,
            self.span_id,
            self._parent_id,
            run.span_id,
            None if run.parent_run is None else run.parent_run.span_id,
            self._start,
            self.name,
            self._seq,
            attributes,
            end,
            status,
            message,
            events,
            self.links,
            0,  # SpanKind.INTERNAL
            setup.SCOPE,
            self._sampled,
            lines,
            steps,
        )

    def _take_over(self, span: Any) -> None:
        """What user code has put on the SDK's span, for our own record of it."""
        self._attributes |= plain(span.attributes) | self._late
        self.events = span_events(span)
        self.links = span_links(span)
        self.name = text(span.name)
        if span.status.status_code is trace.StatusCode.ERROR:
            self.declared_error = span.status.description or ""

    def _hand_over(self, span: Any, ended: SpanEnded) -> None:
        """Write the end to the SDK's span, for the application's processors, and end it."""
        if self.mirror is not None:
            for line in self.mirror.lines()[self._handed_over :]:
                span.add_event("log", event_attributes(line), line.time)
                self._handed_over += 1
            if self.mirror.left_out:
                span.set_attribute(Attribute.LINES_LEFT_OUT, self.mirror.left_out)
        for event in ended.events[len(self.events) :]:
            span.add_event(event.name, event.attributes, event.time)
        span.set_attributes(otel_values(ended.attributes) | run_said(ended))
        if ended.status.failed:
            span.set_status(trace.StatusCode.ERROR, ended.message)
        elif ended.status is RunStatus.SUCCESS:
            span.set_status(trace.StatusCode.OK)
        span.end(ended.end)

    def finish_output(self) -> None:
        """Emit what there is of unfinished lines."""
        for splitter in list(self.outputs.values()):
            splitter.finish()

    def _summarise(self, attributes: dict[str, Any]) -> None:
        """Add what is known at the end only."""
