"""A run beside another one, by default the last success of its job before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...conventions import Attribute
from ...errors import RunNotFound
from ...records import format_run_id
from ..columns import below, span_bytes
from ..sql import query
from .asking import resolve, rows
from .differences import Difference, LinePattern, StepDifference, patterns, step_differences, values_apart
from .models import RunSummary
from .outline import LOOKED_AT, light_nodes
from .shapes import run_summary

__all__ = ["Comparison", "compare_runs"]

_RUNS = 1_000  # before a run, among which its last success is looked for
_ENDS = 2_000  # lines at the beginning and at the end of a run
_PROBLEMS = 1_000  # warnings and errors
_STEPS = 200
_PATTERNS = 100
_NOT_OF_CONTEXT = (
    f"{Attribute.ARGUMENT}.",
    f"{Attribute.RESULT}.",
    "joblog.process.",
    "joblog.thread.",
    "joblog.children.",
)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """In what a run differs from another one, and what was looked at to tell."""

    run: RunSummary
    other: RunSummary
    steps: list[StepDifference]  # those first that differ most; 200 at most
    steps_left_out: int
    steps_read: tuple[int, int]  # steps and spans that were looked at, of 20,000 at most
    only_run: list[LinePattern]  # patterns of lines, the worst first; 100 at most
    only_other: list[LinePattern]
    patterns_left_out: tuple[int, int]
    lines_read: tuple[int, int]  # of each its first 2,000 lines, its last 2,000, its first 1,000 warnings and errors
    arguments: list[Difference]
    results: list[Difference]
    versions: list[Difference]  # what its attributes say of versions and revisions
    attributes: list[Difference]


async def compare_runs(connection: AsyncConnection[DictRow], run_id: str, other_id: str | None) -> Comparison:
    key = await resolve(connection, run_id)
    other_key = await resolve(connection, other_id or await _last_success(connection, key, run_id))
    (run,), (other,) = await rows(connection, "read/run", key), await rows(connection, "read/run", other_key)
    nodes, other_nodes = await light_nodes(connection, key), await light_nodes(connection, other_key)
    now = datetime.now(UTC)
    whole = max(((row["ended_at"] or now) - row["started_at"]).total_seconds() for row in (run, other))
    steps = step_differences(nodes, other_nodes, whole, now)
    await connection.execute(query("read/by_key"))
    lines, other_lines = await _lines(connection, key), await _lines(connection, other_key)
    here, there = patterns(lines), patterns(other_lines)
    only_run = _worst_first(pattern for name, pattern in here.items() if name not in there)
    only_other = _worst_first(pattern for name, pattern in there.items() if name not in here)
    context, other_context = _context(run), _context(other)
    apart = values_apart(context, other_context)
    return Comparison(
        run=run_summary(run),
        other=run_summary(other),
        steps=steps[:_STEPS],
        steps_left_out=max(0, len(steps) - _STEPS),
        steps_read=(min(len(nodes), LOOKED_AT), min(len(other_nodes), LOOKED_AT)),
        only_run=only_run[:_PATTERNS],
        only_other=only_other[:_PATTERNS],
        patterns_left_out=(max(0, len(only_run) - _PATTERNS), max(0, len(only_other) - _PATTERNS)),
        lines_read=(len(lines), len(other_lines)),
        arguments=values_apart(*(below(Attribute.ARGUMENT, row["attributes"] or {}) for row in (run, other))),
        results=values_apart(*(below(Attribute.RESULT, row["attributes"] or {}) for row in (run, other))),
        versions=[each for each in apart if _says_version(each.name)],
        attributes=[each for each in apart if not _says_version(each.name)],
    )


async def _last_success(connection: AsyncConnection[DictRow], key: Mapping[str, Any], run_id: str) -> str:
    found = await rows(connection, "read/last_success", {**key, "looked": _RUNS})
    if not found:
        raise RunNotFound(
            f"none of the last {_RUNS:,} runs of its job before {run_id} is a success to compare it with; "
            "name another run after /compare/"
        )
    return format_run_id(found[0]["trace_id"].bytes, span_bytes(found[0]["span_id"]))


async def _lines(connection: AsyncConnection[DictRow], key: Mapping[str, Any]) -> list[DictRow]:
    found = await rows(connection, "read/compared_lines", {**key, "ends": _ENDS, "problems": _PROBLEMS})
    return sorted(found, key=lambda row: (row["ts"], row["seq"]))


def _worst_first(found: Any) -> list[LinePattern]:
    return sorted(found, key=lambda each: -each.severity)


def _context(run: Mapping[str, Any]) -> dict[str, Any]:
    values = {**(run["resource"] or {}), **(run["attributes"] or {})}
    return {name: value for name, value in values.items() if not name.startswith(_NOT_OF_CONTEXT)}


def _says_version(name: str) -> bool:
    return "version" in name or "revision" in name or name.startswith("vcs.")
