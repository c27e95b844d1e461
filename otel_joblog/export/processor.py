"""The span processor: other instrumentations' spans inside a run (HTTP, SQL, …) become records of that run.

Runs and steps are recorded by capture itself, so that what Postgres keeps does not depend on sampling: a span that was
not sampled never reaches a processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from ..conventions import CONTEXT_KEY, Attribute
from ..diagnostics import report
from ..interruption import foreign, forget_frames
from ..records import Record
from .spans import to_record

__all__ = ["RunSpanProcessor"]


class RunSpanProcessor(SpanProcessor):
    """Marks spans that start inside a run with its id, and records them when they end."""

    def __init__(self) -> None:
        self.emit: Callable[[Record], None] | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        active: Any = (get_current() if parent_context is None else parent_context).get(CONTEXT_KEY)
        attributes = span.attributes
        if active is None or not active.recording or (attributes is not None and Attribute.KIND in attributes):
            return
        span.set_attribute(Attribute.RUN_ID, active.run.run_id)

    def on_end(self, span: ReadableSpan) -> None:
        attributes = span.attributes
        if self.emit is None or not attributes or Attribute.RUN_ID not in attributes or Attribute.KIND in attributes:
            return
        try:
            self.emit(to_record(span))
        except Exception as error:  # an exception here would propagate into the code that ended the span
            if foreign(error):
                forget_frames(error)
                raise
            report("processor", "a span could not be recorded: %r", error)
