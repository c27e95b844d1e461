"""Runs that wait in a queue: what tells of one before it starts, and what a worker is told by the message."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from opentelemetry.trace import get_current_span

from .. import setup
from ..conventions import Attribute, JobType, SpanKind, Trigger
from ..diagnostics import report
from ..interruption import foreign
from ..records import Queued, SpanLink, format_run_id, shown, text
from . import identifiers
from .elsewhere import elsewhere, links
from .runs import current, surrounding

__all__ = ["Waiting", "enqueue", "taken_up"]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Waiting(NamedTuple):
    """A run that was put into a queue."""

    trace_id: bytes
    span_id: bytes
    attributes: dict[str, Any]  # of the run, whether it waits or goes on
    links: list[SpanLink]  # to the span that put it there

    def of_run(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """The attributes of a run that waited: what the job says itself goes before. Later attempts did not wait."""
        ours = dict(self.attributes)
        if attributes[Attribute.ATTEMPT] > 1:
            del ours[Attribute.QUEUED_AT]
        if attributes[Attribute.JOB_TYPE] == JobType.FUNCTION:  # nothing was said
            attributes = {**attributes, Attribute.JOB_TYPE: JobType.QUEUE.value}
        return ours | attributes


def enqueue(name: str, reference: str | None, queue: str | None) -> dict[str, str]:
    """Tell of a run that has been put into a queue; returns what :func:`taken_up` takes."""
    try:
        runtime = setup.runtime()
        found = current() or surrounding()
        if not runtime.settings.enabled or (found is not None and found.hidden):
            return {}
        now = time.time_ns()
        carrier = {
            "run_id": format_run_id(identifiers.trace_id(), identifiers.span_id()),
            "queued_at": (_EPOCH + timedelta(microseconds=now // 1000)).isoformat(),
        }
        if reference is not None:
            carrier["reference"] = text(reference)
        if queue is not None:
            carrier["queue"] = text(queue)
        producer = get_current_span().get_span_context()
        if producer.is_valid:
            carrier["traceparent"] = f"00-{producer.trace_id:032x}-{producer.span_id:016x}-{producer.trace_flags:02x}"
        waiting = taken_up(carrier)
        if waiting is None:
            return {}
        identity = {Attribute.KIND: SpanKind.JOB.value, Attribute.JOB_NAME: name}
        runtime.emit(
            Queued(
                waiting.trace_id,
                waiting.span_id,
                now,
                name,
                runtime.process.service,
                identity | waiting.attributes,
                waiting.links,
            )
        )
        return carrier
    except Exception as error:
        if foreign(error):
            raise
        report("queued", "job %r could not be recorded as queued: %r", name, error)
        return {}


def taken_up(carrier: Any) -> Waiting | None:
    """The run that a message tells of; None, and a warning, where it cannot be read. An empty one tells of none."""
    try:
        if isinstance(carrier, Mapping):
            if not carrier:
                return None
            run = elsewhere(carrier.get("run_id", ""))
            if run is None:
                return None
            datetime.fromisoformat(carrier["queued_at"])  # raises where it is none
            return Waiting(run.trace_id, run.span_id, _attributes(carrier), _links(carrier))
    except Exception as error:  # a mapping of somebody else's kind
        if foreign(error):
            raise
        report("queued", "what was queued could not be read: %r", error)
        return None
    report("queued", "%s tells of no queued run: give what otel_joblog.queued() returned", shown(carrier)[:200])
    return None


def _links(carrier: Mapping[str, Any]) -> list[SpanLink]:
    return links([carrier]) if "traceparent" in carrier else []


def _attributes(carrier: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        Attribute.JOB_TYPE: JobType.QUEUE.value,
        Attribute.TRIGGER: Trigger.QUEUE.value,
        Attribute.QUEUED_AT: text(carrier["queued_at"]),
    }
    if (reference := carrier.get("reference")) is not None:
        attributes[Attribute.REFERENCE] = text(reference)
    if (queue := carrier.get("queue")) is not None:
        attributes[Attribute.QUEUE] = text(queue)
    for link in _links(carrier):
        attributes[Attribute.PRODUCER_TRACE] = link.trace_id.hex()
    return attributes
