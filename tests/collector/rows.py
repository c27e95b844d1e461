"""Two databases compared by the views that are there for SQL: the same runs, steps, lines and counts."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

__all__ = ["VIEWS", "differences", "rows"]

VIEWS = {
    "job_history": "run_id",
    "job_steps": "run_id, span_id",
    "job_lines": "run_id, at, seq, span_id",
    "job_daily": "day, job, service, type",
}


def rows(dsn: str, view: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(f"select * from joblog.{view} order by {VIEWS[view]}").fetchall()


def differences(one: str, other: str) -> list[str]:
    """What differs between two databases, in words; a row that only one of them has, too."""
    found: list[str] = []
    for view, key in VIEWS.items():
        here, there = (
            {tuple(row[name] for name in key.split(", ")): row for row in rows(dsn, view)} for dsn in (one, other)
        )
        for place in sorted(here.keys() | there.keys(), key=str):
            left, right = here.get(place), there.get(place)
            if left is None or right is None:
                found.append(f"{view} {place}: only in the {'second' if left is None else 'first'}")
            else:
                found += [
                    f"{view} {place}: {name} is {left[name]!r} and {right[name]!r}"
                    for name in left
                    if left[name] != right[name]
                ]
    return found
