"""The spans of a trace as a tree: what is inside of what, which are alike, which failed, which took the time.

Pure functions of nodes that come by start.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from ...conventions import RunStatus, SpanKind

__all__ = ["Fold", "Node", "critical_path", "failing_path", "folded", "nested", "quiet_times"]

ALIKE = 5  # siblings of one name that are shown one by one
FOREIGN = 2  # spans of others, too
FAILED_SHOWN = 20  # of those that are folded
UNFOLDED_SHOWN = 1_000
LONG_GAP = 0.15  # of the whole time
_NUMBER = re.compile(r"\d+")


class Node(NamedTuple):
    span_id: int
    parent_id: int | None
    kind: SpanKind
    name: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None


class _Spanlike(Protocol):
    @property
    def span_id(self) -> Any: ...
    @property
    def parent_id(self) -> Any: ...
    @property
    def kind(self) -> Any: ...
    @property
    def status(self) -> RunStatus: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


S = TypeVar("S", bound=_Spanlike)


def failing_path(steps: Sequence[S]) -> list[S]:
    """The step that a failed run failed in, behind the steps it is inside of; empty where no step is to blame.

    It is the innermost step that failed, else the one that the run was in when it was lost.
    """
    known = [step for step in steps if step.kind == SpanKind.STEP]
    failed = [step for step in known if step.status.failed] or [step for step in known if not step.status.terminal]
    parents = {step.parent_id for step in failed}
    innermost = [step for step in failed if step.span_id not in parents]
    last = max(innermost, key=lambda step: (step.ended_at or step.started_at, step.started_at), default=None)
    by_id = {step.span_id: step for step in known}
    path: list[S] = []
    while last is not None and last not in path:
        path.insert(0, last)
        last = by_id.get(last.parent_id)
    return path


def nested(nodes: Sequence[Node]) -> dict[int | None, list[Node]]:
    """The nodes by what they are right inside of; None has those that are inside of none of them.

    Spans that claim to be inside of each other are hostile, but kept: they are inside of none.
    """
    by_id = {node.span_id: node for node in nodes}
    inside: defaultdict[int | None, list[Node]] = defaultdict(list)
    for node in nodes:
        known = node.parent_id in by_id and node.parent_id != node.span_id
        inside[node.parent_id if known else None].append(node)
    reached = {node.span_id for node in _below(None, inside)}
    stranded = [node for node in nodes if node.span_id not in reached]
    if stranded:
        lost = {node.span_id for node in stranded}
        inside = defaultdict(list, {key: kept for key, kept in inside.items() if key not in lost})
        inside[None] = [*inside[None], *stranded]
    return inside


def _below(span_id: int | None, inside: Mapping[int | None, list[Node]]) -> Iterator[Node]:
    waiting = list(reversed(inside.get(span_id, [])))
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(inside.get(node.span_id, []))


class Fold(NamedTuple):
    """A row of the tree: one node, or several siblings that are alike."""

    nodes: list[Node]
    name: str
    depth: int
    unfolded: bool = False  # its nodes follow
    alone: bool = True  # it is one node
    left_out: int = 0  # nodes of it that do not follow though they failed, or though it is unfolded


def folded(inside: Mapping[int | None, list[Node]], unfold: int | None = None) -> Iterator[Fold]:
    """The rows in reading order: each node followed by those inside it; many siblings of one name are one row.

    Of these, those that failed follow. All follow where ``unfold`` is the span id of one of them.
    """
    wanted = _with_steps(inside)
    waiting: list[Fold] = list(reversed(list(_level(inside.get(None, []), 0, wanted, unfold))))
    while waiting:
        row = waiting.pop()
        yield row
        if row.alone:
            below = inside.get(row.nodes[0].span_id, [])
            waiting += reversed(list(_level(below, row.depth + 1, wanted, unfold)))


def _with_steps(inside: Mapping[int | None, list[Node]]) -> set[int]:
    """The spans of others that have steps or runs inside them."""
    parents = {node.span_id: parent for parent, below in inside.items() for node in below}
    found: set[int] = set()
    for below in inside.values():
        for node in below:
            parent = parents[node.span_id] if node.kind != SpanKind.SPAN else None
            while parent is not None and parent not in found:
                found.add(parent)
                parent = parents.get(parent)
    return found


def _level(nodes: Sequence[Node], depth: int, wanted: set[int], unfold: int | None) -> Iterator[Fold]:
    """Rows of siblings, each where the first of its nodes is."""
    groups: dict[tuple[SpanKind, str], list[Node]] = {}
    for node in nodes:
        foreign = node.kind == SpanKind.SPAN and node.span_id not in wanted
        groups.setdefault((node.kind, "" if foreign else _NUMBER.sub("…", node.name)), []).append(node)
    for (kind, pattern), alike in sorted(groups.items(), key=lambda group: group[1][0].started_at):
        if len(alike) <= (FOREIGN if kind == SpanKind.SPAN and not pattern else ALIKE):
            yield from (Fold([node], node.name, depth) for node in alike)
            continue
        names = {node.name for node in alike[:100]}
        yield from _fold(alike, next(iter(names)) if len(names) == 1 else pattern, depth, unfold)


def _fold(alike: list[Node], name: str, depth: int, unfold: int | None) -> Iterator[Fold]:
    unfolded = unfold is not None and any(node.span_id == unfold for node in alike)
    follow = alike if unfolded else [node for node in alike if node.status.failed]
    most = UNFOLDED_SHOWN if unfolded else FAILED_SHOWN
    yield Fold(alike, name, depth, unfolded, alone=False, left_out=max(0, len(follow) - most))
    yield from (Fold([node], node.name, depth + 1) for node in follow[:most])


def critical_path(inside: Mapping[int | None, list[Node]], end: datetime) -> set[int]:
    """The spans without which the run would have ended earlier: from its end back, always the one that ended last."""
    path: set[int] = set()
    waiting: list[tuple[int | None, datetime]] = [(None, end)]
    while waiting:
        parent, upto = waiting.pop()
        for node in sorted(inside.get(parent, []), key=lambda node: node.ended_at or end, reverse=True):
            ended = node.ended_at or end
            if ended <= upto and node.started_at < upto:
                path.add(node.span_id)
                waiting.append((node.span_id, ended))
                upto = node.started_at
    return path


def quiet_times(
    inside: Mapping[int | None, list[Node]], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Long times between the start and the end of a run in which no innermost span went on."""
    innermost = ((node.started_at, node.ended_at or end) for node in _below(None, inside) if node.span_id not in inside)
    long = (end - start) * LONG_GAP
    return [(low, high) for low, high in _between(sorted(innermost), start, end) if high - low > long]


def _between(
    spans: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    upto = start
    for low, high in spans:
        if low > upto:
            yield upto, min(low, end)
        upto = max(upto, high)
    if upto < end:
        yield upto, end
