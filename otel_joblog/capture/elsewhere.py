"""Runs and spans of elsewhere that a run is to belong or to be linked to: by run id, or by what W3C headers
or the environment carried."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context

from ..carrier import PARENT_RUN
from ..diagnostics import report
from ..interruption import foreign
from ..records import SpanLink, format_run_id, shown

__all__ = ["Elsewhere", "OtherRun", "around_process", "elsewhere", "links", "within"]

_RUN_ID = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


class OtherRun(NamedTuple):
    """A run that is not one of this context."""

    trace_id: bytes
    span_id: bytes

    @property
    def run_id(self) -> str:
        return format_run_id(self.trace_id, self.span_id)


class Elsewhere(NamedTuple):
    trace_id: bytes
    span_id: bytes
    run: OtherRun | None  # the run that the span is, or belongs to, where that is known
    sampled: bool


def elsewhere(given: Any) -> Elsewhere | None:
    """A run id, or a carrier (a mapping with ``traceparent``); None, and a warning, where it cannot be read."""
    try:
        if isinstance(given, str):
            if match := _RUN_ID.fullmatch(given.strip().lower()):
                run = OtherRun(bytes.fromhex(match[1]), bytes.fromhex(match[2]))
                return Elsewhere(*run, run, sampled=True)
        elif isinstance(given, Mapping):
            header = next((value for name, value in given.items() if str(name).lower() == "traceparent"), "")
            if match := _TRACEPARENT.fullmatch(str(header).strip().lower()):
                sampled = bool(int(match[3], 16) & 1)
                return Elsewhere(bytes.fromhex(match[1]), bytes.fromhex(match[2]), None, sampled=sampled)
    except Exception as error:  # a mapping of somebody else's kind
        if foreign(error):
            raise
        report("elsewhere", "a parent or link could not be read: %r", error)
        return None
    report(
        "elsewhere",
        "%s does not name a run: give a run_id (run.run_id, 32 and 16 digits of hex), or a mapping with a traceparent",
        shown(given)[:200],
    )
    return None


def around_process() -> Elsewhere | None:
    """What the environment says is around this process: the carrier that ``otel-joblog run`` and others fill."""
    header = os.environ.get("TRACEPARENT")
    if header is None or (around := elsewhere({"traceparent": header})) is None:
        return None
    match = _RUN_ID.fullmatch(os.environ.get(PARENT_RUN, ""))
    if match is None or bytes.fromhex(match[1]) != around.trace_id:  # of another trace: somebody else filled it since
        return around
    return around._replace(run=OtherRun(around.trace_id, bytes.fromhex(match[2])))


def within(context: Context, parent: Elsewhere) -> Context:
    """The context with that span as its current one."""
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.sampled else trace.TraceFlags.DEFAULT)
    ids = int.from_bytes(parent.trace_id, "big"), int.from_bytes(parent.span_id, "big")
    span = trace.NonRecordingSpan(trace.SpanContext(*ids, is_remote=True, trace_flags=flags))
    return trace.set_span_in_context(span, context)


def links(given: Iterable[Any]) -> list[SpanLink]:
    found = (elsewhere(each) for each in given)
    return [SpanLink(each.trace_id, each.span_id, {}) for each in found if each is not None]
