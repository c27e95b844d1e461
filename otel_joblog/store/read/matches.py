"""Where lines of a run are: those that pass a filter, and its warnings and errors over its time."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ..sql import query
from .asking import resolve, rows
from .keys import key_of, line_bounds
from .lines import LineFilter, line_numbers, line_parameters
from .models import Page

__all__ = ["Match", "MatchPage", "Problems", "ProblemsPart", "run_matches", "run_problems"]

PARTS = 200
PROBLEMS = 20_000  # warnings and errors that are looked at


class Match(msgspec.Struct, frozen=True):
    """The place of a line: ``key`` is for ``after``, ``before`` and ``at``."""

    key: str
    seq: int


class MatchPage(Page[Match], frozen=True):
    """Places in order. ``next`` is what to pass as ``after`` where more may follow."""

    total: int = 0  # lines of the run
    matching: int | None = None  # of these, those that pass; None where nobody asked
    at_least: bool = False  # ``matching`` is of the first 200,000 lines only; the run has more


class ProblemsPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a run's time with warnings or errors in it, and the line of the first error, or else warning."""

    part: int  # from 0
    warnings: int
    errors: int
    time: datetime
    key: str
    seq: int


class Problems(msgspec.Struct, frozen=True, kw_only=True):
    """The first 20,000 warnings and errors of a run, over its time."""

    parts: int  # that the time from the first line or step to the last is cut into
    items: list[ProblemsPart]
    total: int  # warnings and errors of the run
    counted: int  # of these


async def run_matches(
    connection: AsyncConnection[DictRow], run_id: str, chosen: LineFilter, *, after: str | None, limit: int
) -> MatchPage:
    run = await resolve(connection, run_id)
    place = await line_parameters(connection, run, chosen)
    page = place | line_bounds(after, None) | {"limit": limit}
    await connection.execute(query("read/by_key"))
    found = await rows(connection, "read/matches", page)
    matches = [Match(key_of(row["ts"], row["seq"]), row["seq"]) for row in found[:limit]]
    following = matches[-1].key if len(found) > limit else None
    if following is None and chosen.narrow:
        edge = await rows(connection, "read/lines_edge", page)
        following = key_of(edge[0]["ts"], edge[0]["seq"]) if len(edge) > 1 else None
    numbers = await line_numbers(connection, run, chosen, place) if after is None else {"total": run["lines"]}
    return MatchPage(matches, following, **numbers)


async def run_problems(connection: AsyncConnection[DictRow], run_id: str) -> Problems:
    run = await resolve(connection, run_id)
    total = run["warnings"] + run["errors"]
    found = await rows(connection, "read/problems", {**run, "parts": PARTS, "looked": PROBLEMS}) if total else []
    items = [
        ProblemsPart(
            part=row["part"],
            warnings=row["warnings"],
            errors=row["errors"],
            time=row["ts"].astimezone(UTC),
            key=key_of(row["ts"], row["seq"]),
            seq=row["seq"],
        )
        for row in found
    ]
    return Problems(parts=PARTS, items=items, total=total, counted=sum(part.warnings + part.errors for part in items))
