"""Where lines belong: the step of each, with its stage and task.

These are a step's own, or those of the nearest step around it that has one. Where none has a task, the stage stands for
it, or else the name of the step. What belongs to no step has neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

__all__ = ["NOWHERE", "Place", "SpanKey", "place_of", "places"]

_DEEPEST = 100  # spans around one another; more are each other's parents

SpanKey = tuple[UUID, int]


class Place(NamedTuple):
    step: str | None
    stage: str | None
    task_id: str | None


NOWHERE = Place(None, None, None)


async def places(
    ask: Callable[[set[SpanKey]], Awaitable[list[DictRow]]], spans: Iterable[SpanKey], runs: Container[SpanKey]
) -> dict[SpanKey, Place]:
    """The places of lines by the span of each; those in the run itself have none.

    ``ask`` gives the rows of ``line_steps.sql``: once for the spans, and again for what is around those that leave
    something open.
    """
    known: dict[SpanKey, DictRow] = {}
    wanted = {span for span in spans if span not in runs}
    asked = set(wanted)
    waiting = wanted
    for _ in range(_DEEPEST):
        if not waiting:
            break
        asked |= waiting
        found = {(row["trace_id"], row["span_id"]): row for row in await ask(waiting)}
        known |= found
        waiting = {around for row in found.values() if (around := _around(row)) and around not in runs} - asked
    return {span: place_of(span, known) for span in wanted if span in known}


def _around(row: Mapping[str, Any]) -> SpanKey | None:
    """What may say what this span leaves open."""
    settled = row["kind"] == 0 and row["stage"] is not None and row["task_id"] is not None
    return None if settled or row["parent_span_id"] is None else (row["trace_id"], row["parent_span_id"])


def place_of(span: SpanKey, known: Mapping[SpanKey, Mapping[str, Any]]) -> Place:
    """By the rows of ``line_steps.sql`` that are known: the span's own, and those around it."""
    name = known[span]["name"]
    step: str | None = None
    stage: str | None = None
    task_id: str | None = None
    here: SpanKey | None = span
    for _ in range(_DEEPEST):
        row = known.get(here) if here else None
        if row is None:
            break
        step = row["name"] if step is None and row["kind"] == 0 else step
        stage = row["stage"] if stage is None else stage
        task_id = row["task_id"] if task_id is None else task_id
        here = _around(row)
    return Place(name, stage, next((word for word in (task_id, stage, step) if word is not None), None))
