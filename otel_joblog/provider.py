"""The tracer provider: the application's own where it has one, else one that we make and set as the global one."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision

from .export.processor import RunSpanProcessor
from .records import Record

__all__ = ["Provider", "find_or_make_provider", "with_ids"]


class Provider:
    """The global tracer provider, as far as we need to know it."""

    def __init__(self, provider: trace.TracerProvider, emit: Callable[[Record], None], scope: str) -> None:
        self.tracer = provider.get_tracer(scope)
        self.resource: dict[str, Any] = dict(getattr(getattr(provider, "resource", None), "attributes", {}))
        self.event_limit: int = SpanLimits().max_events or 128  # how many events a span may carry
        self._sdk = provider if isinstance(provider, TracerProvider) else None
        if self._sdk is not None:
            self._add_ours(self._sdk, emit)

    @property
    def unwatched(self) -> bool:
        """Whether nobody but us looks at spans: no processor of the application's, nor a provider of its own kind."""
        return self._sdk is not None and len(processors(self._sdk)) == 1

    def samples(self, name: str, context: Context, trace_id: bytes) -> bool:
        """What the provider's sampler says of a run that begins in this context (``OTEL_TRACES_SAMPLER``)."""
        if self._sdk is None:
            return True
        decision = self._sdk.sampler.should_sample(context, int.from_bytes(trace_id, "big"), name).decision
        return decision is Decision.RECORD_AND_SAMPLE

    def _add_ours(self, provider: TracerProvider, emit: Callable[[Record], None]) -> None:
        ours = next((known for known in processors(provider) if isinstance(known, RunSpanProcessor)), None)
        if ours is None:
            ours = RunSpanProcessor()
            provider.add_span_processor(ours)
        ours.emit = emit


def processors(provider: TracerProvider) -> tuple[SpanProcessor, ...]:
    """The processors that were added to a provider. The SDK has no public way to ask."""
    return tuple(provider._active_span_processor._span_processors)  # noqa: SLF001


class PrivateIds(RandomIdGenerator):
    """Ids from a random source of our own: ``random.seed(42)`` in a job must not repeat them."""

    def __init__(self) -> None:
        self._bits = random.SystemRandom().getrandbits

    def generate_span_id(self) -> int:
        return self._bits(64) or 1

    def generate_trace_id(self) -> int:
        return self._bits(128) or 1


class GivenIds(PrivateIds):
    """The ids of one span that were given before it began."""

    def __init__(self, trace_id: bytes, span_id: bytes) -> None:
        super().__init__()
        self._given = int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big")

    def generate_span_id(self) -> int:
        return self._given[1]

    def generate_trace_id(self) -> int:
        return self._given[0]


def with_ids(tracer: trace.Tracer, trace_id: bytes, span_id: bytes) -> trace.Tracer:
    """One like this tracer whose spans have these ids; another kind than the SDK's as it is."""
    if not isinstance(tracer, Tracer):
        return tracer
    own = copy.copy(tracer)
    own.id_generator = GivenIds(trace_id, span_id)
    return own


def find_or_make_provider(emit: Callable[[Record], None], scope: str) -> Provider:
    """Use the global provider; where none is set, set one (``OTEL_RESOURCE_ATTRIBUTES`` and friends are respected)."""
    provider: trace.TracerProvider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        trace.set_tracer_provider(TracerProvider(id_generator=PrivateIds(), shutdown_on_exit=False))
        provider = trace.get_tracer_provider()
    return Provider(provider, emit, scope)
