"""Trace context in environment variables, as OTel's specification "Environment variables as context propagation
carriers" has it, without OTel: the command must not wait for an import.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

__all__ = ["PARENT_RUN", "TraceContext", "child_environment", "trace_context"]

PARENT_RUN = "OTEL_JOBLOG_PARENT_RUN"  # the run id of the run around; TRACEPARENT may name a span inside of that

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


class TraceContext:
    """The ids of a run, made before anything else is known of it."""

    __slots__ = ("parent_id", "parent_run", "sampled", "span_id", "trace_id")

    def __init__(
        self, trace_id: bytes, span_id: bytes, parent_id: bytes | None, parent_run: bytes | None, *, sampled: bool
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.parent_run = parent_run
        self.sampled = sampled

    @property
    def run_id(self) -> str:
        return f"{self.trace_id.hex()}-{self.span_id.hex()}"


def trace_context(environ: Mapping[str, str]) -> TraceContext:
    """A new span: in the trace that the environment names, else in one of its own."""
    span_id = os.urandom(8)
    given = _TRACEPARENT.fullmatch(environ.get("TRACEPARENT", "").strip().lower())
    if given is None:
        trace_id = os.urandom(16)
        return TraceContext(trace_id, span_id, None, None, sampled=_sampled(environ, trace_id, None))
    trace_id = bytes.fromhex(given[1])
    run_trace, _, run = environ.get(PARENT_RUN, "").partition("-")
    parent_run = bytes.fromhex(run) if run_trace == given[1] and re.fullmatch("[0-9a-f]{16}", run) else None
    sampled = _sampled(environ, trace_id, bool(int(given[3], 16) & 1))
    return TraceContext(trace_id, span_id, bytes.fromhex(given[2]), parent_run, sampled=sampled)


def child_environment(environ: Mapping[str, str], context: TraceContext) -> dict[str, str]:
    """The environment of what runs inside. Baggage goes on as it came; the trace's state does in its own trace only."""
    flags = "01" if context.sampled else "00"
    inside = dict(environ)
    inside["TRACEPARENT"] = f"00-{context.trace_id.hex()}-{context.span_id.hex()}-{flags}"
    inside[PARENT_RUN] = context.run_id
    if context.parent_id is None:
        inside.pop("TRACESTATE", None)
    return inside


def _sampled(environ: Mapping[str, str], trace_id: bytes, parent: bool | None) -> bool:
    """What the standard samplers say (``OTEL_TRACES_SAMPLER``); one that is not standard samples."""
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    if sampler.startswith("parentbased_") and parent is not None:
        return parent
    kind = sampler.removeprefix("parentbased_")
    if kind == "traceidratio":
        try:
            ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG", "") or 1.0)
        except ValueError:
            return True
        return int.from_bytes(trace_id[8:], "big") < round(ratio * 2**64)
    return kind != "always_off"
