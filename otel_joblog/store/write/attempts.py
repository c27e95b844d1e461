"""Attempts of one execution are linked to one another; one that failed and is followed by another counts as retried.

How attempts find each other, whatever the order, whoever writes:

1. A run says which attempt it is, and perhaps which run was the one before it. Its batch stores that.
2. After its commit every batch looks for the attempt before those of its runs that are later ones, and for the attempt
   after those that failed, as does who settles lost runs. Of two batches that are written at the same time the one
   that commits last sees the other's.
3. The two are locked and linked. Where the earlier one had been counted as a failure, it is counted as retried from
   then on; where it fails later, it is counted so at once, since its row knows of the next one.

A writer that dies between 2 and 3 has not acknowledged its batch, which comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from ...conventions import RunStatus
from ..columns import Row
from ..sql import query

__all__ = ["find_attempts", "link_attempts", "with_attempts"]

Key = tuple[UUID, int]
Link = tuple[UUID, int, UUID, int]  # an attempt and the one after it


def with_attempts(runs: Iterable[Row]) -> list[Key]:
    """Those of the rows that may come after another attempt, or before one."""
    return [
        (UUID(run["trace_id"]), run["span_id"])
        for run in runs
        if run["attempt"] > 1 or "previous_trace_id" in run or run["status"] >= RunStatus.ERROR.code
    ]


def find_attempts(connection: Connection, runs: Sequence[Key]) -> list[Link]:
    """Step 2."""
    return connection.execute(query("write/find_attempts"), _keys(runs)).fetchall()


def link_attempts(connection: Connection, links: Sequence[Link]) -> list[DictRow]:
    """Step 3, within a transaction; returns the failed attempts that are retried from now on."""
    before, after = [link[:2] for link in links], [link[2:] for link in links]
    connection.execute(query("write/lock_attempts"), _keys(before + after))
    followed = {link[:2]: link for link in links}.values()
    with connection.cursor(row_factory=dict_row) as cursor:
        known = cursor.execute(query("write/follow_attempts"), _pairs(followed)).fetchall()
    connection.execute(query("write/previous_attempts"), _pairs(links))
    while after:
        found = connection.execute(query("write/first_attempts"), _keys(after)).fetchall()
        after = [key for key in found if key[0] is not None]
    return [run for run in known if RunStatus.from_code(run["status"]).failed]


def _keys(keys: Sequence[Key]) -> dict[str, Any]:
    return {"traces": [trace_id for trace_id, _ in keys], "spans": [span_id for _, span_id in keys]}


def _pairs(links: Iterable[Link]) -> dict[str, Any]:
    links = list(links)
    following = _keys([link[2:] for link in links])
    return _keys([link[:2] for link in links]) | {f"next_{name}": values for name, values in following.items()}
