"""The OTel span of a run or step where nobody but us looks at spans.

The SDK's own span costs several times as much, for samplers, locks and limits that then serve no one. This one is the
same to whoever meets it as the current span: its context, attributes, events, links and status are those of the run or
step. Where the application has span processors of its own, the SDK's spans are used instead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from ..records import SpanEvent, SpanLink, text
from .facts.attributes import named
from .facts.failures import describe_exception

if TYPE_CHECKING:
    from typing import Protocol

    from .going import Going

    class Spanned(Going, Protocol):
        """The run or step that it is the span of."""

        name: str
        events: list[SpanEvent]
        links: list[SpanLink]
        declared_error: str | None

        def set_attribute(self, key: str, value: Any) -> None: ...


__all__ = ["LightSpan"]

EVENT_LIMIT = 128  # as the SDK has it: the oldest go first

_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)
_NOT_SAMPLED = trace.TraceFlags(trace.TraceFlags.DEFAULT)


class LightSpan(trace.Span):
    """OTel's span interface onto a run or step."""

    __slots__ = ("_active", "_context")

    def __init__(self, active: Spanned) -> None:
        self._active = active
        self._context: trace.SpanContext | None = None

    def get_span_context(self) -> trace.SpanContext:
        context = self._context
        if context is None:
            active = self._active
            context = self._context = trace.SpanContext(
                int.from_bytes(active.trace_id, "big"),
                int.from_bytes(active.span_id, "big"),
                is_remote=False,
                trace_flags=_SAMPLED if active.run.sampled else _NOT_SAMPLED,
            )
        return context

    def is_recording(self) -> bool:
        return self._active.recording

    def set_attribute(self, key: str, value: Any) -> None:
        self._active.set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        for key, value in attributes.items():
            self._active.set_attribute(key, value)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        events = self._active.events
        events.append(SpanEvent(timestamp or time.time_ns(), text(name), named(attributes)))
        if len(events) > EVENT_LIMIT:
            del events[0]

    def add_link(self, context: trace.SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        if context.is_valid:
            ids = context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")
            self._active.links.append(SpanLink(*ids, named(attributes)))

    def update_name(self, name: str) -> None:
        self._active.name = text(name)

    def set_status(self, status: trace.Status | trace.StatusCode, description: str | None = None) -> None:
        said = status if isinstance(status, trace.Status) else trace.Status(status, description)
        failed = said.status_code is trace.StatusCode.ERROR
        self._active.declared_error = text(said.description or "") if failed else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: ARG002  (OTel's interface has it)
    ) -> None:
        self.add_event("exception", {**describe_exception(exception), **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """Does nothing: the run or step ends when its block or function does."""
