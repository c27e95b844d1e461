"""The steps of a run as a tree that can be read, however many there are: what is alike and did not fail is one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...conventions import Attribute, RunStatus, SpanKind
from ...records import format_run_id
from ..columns import bigint, span_bytes
from .asking import resolve, rows
from .keys import span_hex
from .tree import Fold, Node, critical_path, failing_path, folded, nested, quiet_times

__all__ = ["Branch", "Outline", "light_nodes", "run_outline"]

LOOKED_AT = 20_000  # steps and spans of a run, its first ones
_COUNTED = 100_000
_RUNS = 500
_SHOWN = 2_000  # rows
_KINDS = (SpanKind.STEP, SpanKind.SPAN, SpanKind.JOB)
_ONE_GAP = 8  # at most


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the tree: a step, another span, a child run, or several siblings that are alike."""

    span_id: str  # of several the first one's
    kind: str  # "step", "span", or "job" of a child run
    run_id: str | None  # of a child run
    name: str  # of several with differing numbers: "batch …"
    depth: int
    of: int  # how many these are; 1 is the step itself
    failed: int  # of these
    unfolded: bool  # of several: all of them follow; else those that failed
    left_out: int  # how many more would follow
    status: RunStatus  # of several the worst
    started_at: datetime
    ended_at: datetime | None
    duration: float | None  # seconds; of several from the first start to the last end
    busy: float  # seconds, of all of them in sum; of an open one until now
    critical: bool  # the run would have ended earlier without it
    stage: str | None = None
    task_id: str | None = None
    service: str | None = None  # whose span it is, where somebody said
    error: str | None = None  # type of its exception
    message: str = ""  # of its exception or status, its first 300 characters
    more: bool = False  # the step itself has a longer message
    cpu: Any = None  # seconds of its thread
    growth: Any = None  # bytes that the process's peak of memory rose by


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """The first 20,000 steps and spans of a run, and 500 child runs, in 2,000 rows at most."""

    items: list[Branch]
    rows_left_out: int
    spans: int  # steps and other spans of the run, counted up to 100,000
    looked_at: int  # of these
    failed_in: list[str]  # span ids, from the outermost step to the one that a failed run failed in
    failed_in_names: list[str]
    going_on_in: list[str]  # names of the steps that an open run is in
    quiet: list[tuple[datetime, datetime]]  # long times in which no innermost step went on
    concurrent: bool  # steps went on beside one another: the critical path says something


async def light_nodes(connection: AsyncConnection[DictRow], key: Mapping[str, Any]) -> list[Node]:
    """Steps, other spans and child runs of a run, by start: so many at most."""
    found = await rows(connection, "read/outline", {**key, "limit": LOOKED_AT})
    found += await rows(connection, "read/outline_runs", {**key, "limit": _RUNS})
    nodes = [
        Node(
            row["span_id"],
            row["parent_span_id"],
            _KINDS[row["kind"]],
            row["name"],
            RunStatus.from_code(row["status"]),
            row["started_at"],
            row["ended_at"],
        )
        for row in found
    ]
    return sorted(nodes, key=lambda node: (node.started_at, node.span_id))


async def run_outline(connection: AsyncConnection[DictRow], run_id: str, *, unfold: str | None) -> Outline:
    key = await resolve(connection, run_id)
    nodes = await light_nodes(connection, key)
    inside = nested(nodes)
    status, start, now = RunStatus.from_code(key["status"]), key["started_at"], datetime.now(UTC)
    end = max([key["ended_at"] or now, *(node.ended_at or now for node in nodes)])
    shown = list(folded(inside, bigint(bytes.fromhex(unfold)) if unfold else None))
    path = critical_path(inside, end)
    looked_at = sum(node.kind != SpanKind.JOB for node in nodes)
    spans = looked_at
    if looked_at == LOOKED_AT:
        spans = (await rows(connection, "read/count_steps", {**key, "limit": _COUNTED}))[0]["count"]
    said = await _said(connection, key, shown[:_SHOWN])
    culprits = failing_path(nodes) if status.failed else []
    going_on = failing_path(nodes) if not status.terminal else []
    return Outline(
        items=[_branch(row, key["trace_id"].bytes, path, said, now) for row in shown[:_SHOWN]],
        rows_left_out=max(0, len(shown) - _SHOWN),
        spans=spans,
        looked_at=looked_at,
        failed_in=[span_hex(node.span_id) for node in culprits],
        failed_in_names=[node.name for node in culprits],
        going_on_in=[node.name for node in going_on if not node.status.terminal],
        quiet=[(low.astimezone(UTC), high.astimezone(UTC)) for low, high in quiet_times(inside, start, end)][:_ONE_GAP],
        concurrent=any(node.span_id not in path for node in nodes),
    )


async def _said(
    connection: AsyncConnection[DictRow], key: Mapping[str, Any], shown: Sequence[Fold]
) -> dict[int, DictRow]:
    spans = [row.nodes[0].span_id for row in shown if row.alone and row.nodes[0].kind != SpanKind.JOB]
    if not spans:
        return {}
    names = {"cpu": Attribute.THREAD_CPU, "growth": Attribute.PROCESS_MEMORY_PEAK_GROWTH}
    found = await rows(connection, "read/outline_steps", {**key, **names, "spans": spans})
    return {row["span_id"]: row for row in found}


def _branch(fold: Fold, trace_id: bytes, path: set[int], said: Mapping[int, DictRow], now: datetime) -> Branch:
    first = fold.nodes[0]
    started_at = first.started_at.astimezone(UTC)
    ends = [node.ended_at for node in fold.nodes]
    last = max((end for end in ends if end is not None), default=None) if None not in ends else None
    ended_at = last and last.astimezone(UTC)
    extra = said.get(first.span_id) if fold.alone else None
    own = {"error": extra["error_type"], **{name: extra[name] for name in _SAID}} if extra else {}
    return Branch(
        span_id=span_hex(first.span_id),
        kind=first.kind.value,
        run_id=format_run_id(trace_id, span_bytes(first.span_id))
        if fold.alone and first.kind == SpanKind.JOB
        else None,
        name=fold.name,
        depth=fold.depth,
        of=1 if fold.alone else len(fold.nodes),
        failed=sum(node.status.failed for node in fold.nodes),
        unfolded=fold.unfolded,
        left_out=fold.left_out,
        status=max((node.status for node in fold.nodes), key=_badness),
        started_at=started_at,
        ended_at=ended_at,
        duration=(ended_at - started_at).total_seconds() if ended_at else None,
        busy=sum(((node.ended_at or now) - node.started_at).total_seconds() for node in fold.nodes),
        critical=any(node.span_id in path for node in fold.nodes),
        **own,
    )


_SAID = ("stage", "task_id", "service", "message", "more", "cpu", "growth")


def _badness(status: RunStatus) -> tuple[bool, bool, int]:
    return status.failed, not status.terminal, status.code
