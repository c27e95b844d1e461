"""In what two runs differ: their steps, their lines, what they say of themselves. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ...conventions import Attribute, Severity, SpanKind
from ..errorgroups import blanked
from .keys import key_of
from .tree import Node

__all__ = ["Difference", "LinePattern", "StepDifference", "StepFigures", "patterns", "step_differences", "values_apart"]

_QUOTED = re.compile(r"'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"")
_NUMBER = re.compile(r"\d+")
_DEEPEST = 100
MUCH = 1.25  # times as long
MATTERS = 0.01  # of the whole run
# What differs from run to run of itself.
_OF_ITSELF = ("process.pid", "process.creation", "service.instance.id", Attribute.PROCESS_ID, "telemetry.", "thread.")


class StepFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of one name at one place of a run."""

    of: int
    failed: int
    seconds: float  # in sum; of open ones until now


class StepDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of one name, from the outermost step in; "…" stands for numbers."""

    path: list[str]
    change: str  # "slower", "quicker", "missing", "new", "failed", or empty
    run: StepFigures | None
    other: StepFigures | None


class LinePattern(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a run that are alike but for numbers, times, ids and what is quoted."""

    pattern: str
    example: str  # the first of them, its first 500 characters
    lines: int
    severity: int  # the worst
    level: str
    key: str  # place of the first
    seq: int


class Difference(msgspec.Struct, frozen=True):
    """What both or one of two runs say of themselves; None where one does not."""

    name: str
    run: Any
    other: Any


def step_differences(run: Sequence[Node], other: Sequence[Node], whole: float, now: datetime) -> list[StepDifference]:
    """All steps of both, those first that make the most difference; ``whole`` is how long the longer one took."""
    here, there = _figures(run, now), _figures(other, now)
    found = [
        StepDifference(
            path=list(path),
            change=_change(here.get(path), there.get(path), whole),
            run=here.get(path),
            other=there.get(path),
        )
        for path in dict.fromkeys([*here, *there])
    ]
    return sorted(found, key=lambda each: (not each.change, -abs(_gained(each.run, each.other))))


def _figures(nodes: Sequence[Node], now: datetime) -> dict[tuple[str, ...], StepFigures]:
    by_id = {node.span_id: node for node in nodes}
    paths: dict[int, tuple[str, ...]] = {}

    def path_of(node: Node, depth: int = 0) -> tuple[str, ...]:
        if node.span_id not in paths:
            around = by_id.get(node.parent_id) if node.parent_id is not None and depth < _DEEPEST else None
            outer = path_of(around, depth + 1) if around else ()
            paths[node.span_id] = (*outer, _NUMBER.sub("…", node.name)) if node.kind != SpanKind.SPAN else outer
        return paths[node.span_id]

    sums: dict[tuple[str, ...], list[float]] = {}
    for node in nodes:
        if node.kind != SpanKind.SPAN:
            figures = sums.setdefault(path_of(node), [0, 0, 0.0])
            figures[0] += 1
            figures[1] += node.status.failed
            figures[2] += ((node.ended_at or now) - node.started_at).total_seconds()
    return {
        path: StepFigures(of=int(of), failed=int(failed), seconds=seconds)
        for path, (of, failed, seconds) in sums.items()
    }


def _change(run: StepFigures | None, other: StepFigures | None, whole: float) -> str:
    if run is None:
        return "missing"
    if other is None:
        return "new"
    if run.failed > other.failed:
        return "failed"
    if abs(run.seconds - other.seconds) > max(MATTERS * whole, 0.001):
        if run.seconds > MUCH * other.seconds:
            return "slower"
        if other.seconds > MUCH * run.seconds:
            return "quicker"
    return ""


def _gained(run: StepFigures | None, other: StepFigures | None) -> float:
    return (run.seconds if run else 0.0) - (other.seconds if other else 0.0)


def patterns(rows: Iterable[Mapping[str, Any]]) -> dict[str, LinePattern]:
    """Lines, which come in their order, by their pattern."""
    known: dict[str, str] = {}
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        message = row["message"]
        if message not in known:
            known[message] = blanked(_QUOTED.sub("<text>", message)).strip()
        lines.setdefault(known[message], []).append(row)
    return {pattern: _pattern(pattern, alike) for pattern, alike in lines.items()}


def _pattern(pattern: str, alike: Sequence[Mapping[str, Any]]) -> LinePattern:
    first = alike[0]
    worst = max(row["severity"] for row in alike)
    return LinePattern(
        pattern=pattern,
        example=first["message"],
        lines=len(alike),
        severity=worst,
        level=Severity.label(worst),
        key=key_of(first["ts"], first["seq"]),
        seq=first["seq"],
    )


def values_apart(run: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    """What differs, by name, without what differs from run to run of itself."""
    return [
        Difference(name, run.get(name), other.get(name))
        for name in sorted({*run, *other})
        if run.get(name) != other.get(name) and not name.startswith(_OF_ITSELF)
    ]
