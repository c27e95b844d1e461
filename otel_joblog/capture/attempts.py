"""Which run was the attempt before this one: the latest of its job in the same thread or task, if its number fits.

Retries by another process, as queues make them, say themselves what to link to (``job(links=…)``).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from ..conventions import Attribute
from ..records import SpanLink

__all__ = ["previous", "remember"]

PREVIOUS = "previous_attempt"


class _Attempt(NamedTuple):
    job: str
    number: int
    trace_id: bytes
    span_id: bytes


_latest: ContextVar[_Attempt | None] = ContextVar("otel_joblog-latest-attempt", default=None)


def previous(job: str, number: int) -> list[SpanLink]:
    """The link to the attempt before, if there is one to be known of."""
    latest = _latest.get()
    if latest is None or (latest.job, latest.number + 1) != (job, number):
        return []
    return [SpanLink(latest.trace_id, latest.span_id, {Attribute.LINK: PREVIOUS})]


def remember(job: str, number: int, trace_id: bytes, span_id: bytes) -> None:
    _latest.set(_Attempt(job, number, trace_id, span_id))
