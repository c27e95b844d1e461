"""Which run was the attempt before this one.

It is the latest run of its job and reference in the same thread or task, if its number fits; or else what the job is
told to link to first (``job(links=[run_id])``), as a queue does whose retries run elsewhere. Where neither is known,
the store finds it by the reference.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from ..conventions import PREVIOUS_ATTEMPT, Attribute
from ..records import SpanLink, format_run_id

__all__ = ["attributes", "previous", "remember"]


class _Attempt(NamedTuple):
    job: str
    reference: str | None
    number: int
    trace_id: bytes
    span_id: bytes


_latest: ContextVar[_Attempt | None] = ContextVar("otel_joblog-latest-attempt", default=None)


def previous(job: str, reference: str | None, number: int, links: list[SpanLink]) -> list[SpanLink]:
    """The links of a later attempt, that to the attempt before first and marked, if there is one to be known of."""
    mark = {Attribute.LINK: PREVIOUS_ATTEMPT}
    latest = _latest.get()
    if latest is not None and (latest.job, latest.reference, latest.number + 1) == (job, reference, number):
        return [SpanLink(latest.trace_id, latest.span_id, mark), *links]
    return [SpanLink(links[0].trace_id, links[0].span_id, mark), *links[1:]] if links else []


def attributes(links: list[SpanLink]) -> dict[str, str]:
    """What says at the start which attempt was before: the store need not wait for the links."""
    if not links or Attribute.LINK not in links[0].attributes:
        return {}
    return {Attribute.PREVIOUS_ATTEMPT: format_run_id(links[0].trace_id, links[0].span_id)}


def remember(job: str, reference: str | None, number: int, trace_id: bytes, span_id: bytes) -> None:
    _latest.set(_Attempt(job, reference, number, trace_id, span_id))
