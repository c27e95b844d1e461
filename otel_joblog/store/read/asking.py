"""One query asked, and the one run that an id means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...errors import RunNotFound
from ..sql import query
from .keys import run_prefix, span_hex

__all__ = ["left_out", "resolve", "rows"]

_COUNTED = 100_000


async def rows(connection: AsyncConnection[DictRow], name: str, parameters: Mapping[str, Any]) -> list[DictRow]:
    return await (await connection.execute(query(name), parameters)).fetchall()


async def resolve(connection: AsyncConnection[DictRow], run_id: str) -> DictRow:
    """The one run that is meant: its key, the bounds and numbers of what belongs to it. Raises :class:`RunNotFound`."""
    found = await rows(connection, "read/run_keys", run_prefix(run_id)._asdict())
    if not found:
        raise RunNotFound(f"no run's id begins with {run_id!r}; `otel-joblog list` shows the ids there are")
    if len(found) > 1:
        candidates = ", ".join(f"{row['trace_id'].hex}-{span_hex(row['span_id'])}" for row in found[:3])
        more = " and more" if len(found) > 3 else ""
        raise RunNotFound(f"{run_id!r} begins the ids of several runs: {candidates}{more}; give more characters")
    return found[0]


async def left_out(
    connection: AsyncConnection[DictRow], name: str, key: Mapping[str, Any], found: int, limit: int
) -> int:
    """How many more there are than the limit shows."""
    if found <= limit:
        return 0
    (counted,) = await rows(connection, name, {**key, "limit": _COUNTED})
    return int(counted["count"]) - limit
