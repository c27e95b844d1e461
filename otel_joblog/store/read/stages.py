"""The stages of a run and their tasks, from the steps and lines that there are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...conventions import RunStatus
from .asking import resolve, rows
from .lines import SPANS
from .models import StageInfo, Stages, Tally, TaskInfo

__all__ = ["run_stages"]

_TASKS = 2_000
_COUNTED = 1_000_000  # lines
# The first of these that a step has is said of its task.
_WORST = [
    RunStatus.RUNNING,
    RunStatus.PENDING,
    RunStatus.ERROR,
    RunStatus.TIMEOUT,
    RunStatus.LOST,
    RunStatus.CANCELLED,
    RunStatus.SUCCESS,
    RunStatus.SKIPPED,
]


async def run_stages(connection: AsyncConnection[DictRow], run_id: str) -> Stages:
    run = await resolve(connection, run_id)
    found = await rows(connection, "read/stages", {**run, "most": SPANS, "looked": _COUNTED, "limit": _TASKS + 1})
    outside = [row for row in found if row["task_id"] is None]
    tasks = [row for row in found if row["task_id"] is not None]
    by_stage: dict[str | None, list[DictRow]] = {}
    for row in tasks[:_TASKS]:
        by_stage.setdefault(row["stage"], []).append(row)
    return Stages(
        items=[
            StageInfo(
                stage=stage, tasks=[TaskInfo(task_id=row["task_id"], **_said([row])) for row in of_it], **_said(of_it)
            )
            for stage, of_it in by_stage.items()
        ],
        outside=Tally(**_tally(outside)),
        total=run["lines"],
        counted=int(found[0]["looked"]) if found else 0,
        tasks_left_out=max(0, found[0]["tasks"] - len(outside) - _TASKS) if found else 0,
    )


def _said(rows: list[DictRow]) -> dict[str, Any]:
    statuses = {RunStatus.from_code(code) for row in rows for code in row["statuses"] or ()}
    ends = [row["ended_at"] for row in rows]
    # Spans of others may have a stage outside of all steps: their own status is not that of a task.
    status = next((one for one in _WORST if one in statuses), RunStatus.RUNNING if None in ends else RunStatus.SUCCESS)
    started_at = min(row["started_at"] for row in rows).astimezone(UTC)
    ended_at = max(ends).astimezone(UTC) if status.terminal and None not in ends else None
    return {
        "status": status,
        "started_at": started_at,
        "ended_at": ended_at,
        "duration": (ended_at - started_at).total_seconds() if ended_at else None,
        "steps": sum(row["steps"] for row in rows),
        **_tally(rows),
    }


def _tally(rows: Iterable[DictRow]) -> dict[str, int]:
    names = ("lines", "warnings", "errors")
    return dict(zip(names, (sum(row[name] for row in rows) for name in names), strict=True))
