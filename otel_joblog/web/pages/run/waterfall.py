"""Steps as a tree with bars: who is inside of whom, and which part of the run's time each took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from ....conventions import SpanKind
from ....store.read.models import RunDetail, StepInfo

__all__ = ["Bar", "failing_path", "waterfall"]

DEEPEST = 10  # indentation stops here, nesting does not


class Bar(NamedTuple):
    step: StepInfo
    outer: StepInfo | None  # the step around it
    depth: int
    offset: float  # seconds from the start of the run
    elapsed: float  # seconds, of an open step until now
    left: str  # percent of the run's time, for SVG
    width: str


def waterfall(detail: RunDetail, now: datetime) -> list[Bar]:
    """The steps in reading order: each followed by those inside it, siblings by start."""
    start = detail.run.started_at
    ends = [step.ended_at or now for step in detail.steps]
    whole = max((max([detail.run.ended_at or now, *ends]) - start).total_seconds(), 0.001)
    by_id = {step.span_id: step for step in detail.steps}
    return [
        _bar(step, by_id.get(step.parent_id or ""), depth, start, now, whole) for step, depth in _nested(detail.steps)
    ]


def failing_path(detail: RunDetail) -> list[StepInfo]:
    """The step that a failed run failed in, behind the steps it is inside of; empty where no step is to blame.

    It is the innermost step that failed, else the one that the run was in when it was lost.
    """
    if not detail.run.status.failed:
        return []
    steps = [step for step in detail.steps if step.kind == SpanKind.STEP]
    failed = [step for step in steps if step.status.failed] or [step for step in steps if not step.status.terminal]
    parents = {step.parent_id for step in failed}
    innermost = [step for step in failed if step.span_id not in parents]
    last = max(innermost, key=lambda step: (step.ended_at or step.started_at, step.started_at), default=None)
    by_id = {step.span_id: step for step in steps}
    path: list[StepInfo] = []
    while last is not None and last not in path:
        path.insert(0, last)
        last = by_id.get(last.parent_id or "")
    return path


def _nested(steps: Sequence[StepInfo]) -> Iterator[tuple[StepInfo, int]]:
    known = {step.span_id for step in steps}
    inside: defaultdict[str | None, list[StepInfo]] = defaultdict(list)
    for step in steps:
        inside[step.parent_id if step.parent_id in known and step.parent_id != step.span_id else None].append(step)
    waiting = [(step, 0) for step in reversed(inside.pop(None, []))]
    while waiting:
        step, depth = waiting.pop()
        yield step, depth
        waiting += [(child, depth + 1) for child in reversed(inside.pop(step.span_id, []))]
    for stranded in inside.values():  # spans that claim each other as parents: hostile, but shown
        yield from ((step, 0) for step in stranded)


def _bar(step: StepInfo, outer: StepInfo | None, depth: int, start: datetime, now: datetime, whole: float) -> Bar:
    offset = (step.started_at - start).total_seconds()
    elapsed = step.duration if step.duration is not None else ((step.ended_at or now) - step.started_at).total_seconds()
    left = min(max(offset / whole, 0.0), 0.998)
    width = min(max(elapsed / whole, 0.002), 1.0 - left)
    return Bar(step, outer, min(depth, DEEPEST), offset, max(elapsed, 0.0), f"{left:.2%}", f"{width:.2%}")
