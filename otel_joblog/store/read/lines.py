"""Pages of lines: of a run, and of a task over all runs.

A page of a filter looks at so many lines of its run at most: it may be short, or empty, and have a key to go on by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...conventions import RunStatus, Severity, Stream
from ...errors import NoSuchPart, TaskNotFound
from ...records import format_run_id
from ..columns import bigint, span_bytes
from ..sql import query
from .asking import resolve, rows
from .keys import TaskKey, key_of, line_bounds, line_key
from .models import FoundLine, LinePage, LogLine, Page
from .places import Place, SpanKey, places
from .search import like, search_words
from .shapes import log_line

__all__ = ["LineFilter", "line_numbers", "line_parameters", "run_lines", "spans_placed", "task_lines"]

PAGE_BYTES = 2_000_000  # of messages and attributes: a thousand lines of a megabyte must not make one page
LOOKED_AT = 200_000  # lines that a page of a filter looks at, and that are looked at to count those that pass it
SPANS = 100_000  # of a run that are looked at for stages and tasks: its first ones
_NAMED = 10  # stages or tasks in a message
_RUNS = 20  # that a page of a task looks into


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFilter:
    """Which lines of a run are meant; each ``None`` or empty means any."""

    min_severity: int | None = None
    stream: Stream | None = None
    step: str | None = None  # a span id in hex
    stage: str | None = None
    task_id: str | None = None
    since: datetime | None = None
    text: str | None = None  # words, as of a search

    @property
    def narrow(self) -> bool:
        """Whether it says more than the severity and the time, by which lines are found at once."""
        return any(one is not None for one in (self.stream, self.step, self.stage, self.task_id)) or bool(self.text)


async def run_lines(
    connection: AsyncConnection[DictRow],
    run_id: str,
    chosen: LineFilter,
    *,
    after: str | None,
    before: str | None,
    limit: int,
    tail: bool,
    count: bool,
) -> LinePage:
    run = await resolve(connection, run_id)
    place = await line_parameters(connection, run, chosen)
    page = place | line_bounds(after, before) | {"limit": limit, "bytes": PAGE_BYTES}
    backwards = tail or before is not None
    name = "last_lines" if backwards else "lines"
    await connection.execute(query("read/by_key"))
    found = await rows(connection, f"read/{name}", page)
    more = bool(found) and found[-1]["more"]
    edge = (
        await rows(connection, f"read/{name}_edge", page) if chosen.narrow and not more and len(found) < limit else []
    )
    lines = await _lines(connection, run, reversed(found) if backwards else found)
    numbers = await line_numbers(connection, run, chosen, place) if count else {"total": run["lines"]}
    following = line_key(lines[-1]) if lines else None
    earlier = line_key(lines[0]) if lines else None
    beyond: str | None
    if len(edge) > 1:  # it ended for having looked at enough lines
        beyond = key_of(edge[0]["ts"], edge[0]["seq"])
    else:
        beyond = (earlier if backwards else following) if more else None
    if backwards:
        return LinePage(lines, next=following if before else None, previous=beyond, **numbers)
    return LinePage(lines, next=beyond, previous=earlier if after else None, **numbers)


async def task_lines(
    connection: AsyncConnection[DictRow],
    task_id: str,
    *,
    job: str | None,
    service: str | None,
    min_severity: int | None,
    after: str | None,
    limit: int,
) -> Page[FoundLine]:
    """Raises :class:`TaskNotFound` where no run has it."""
    key = None if after is None else TaskKey.read(after)
    asked = {"task_id": task_id, "job": job, "service": service, "limit": _RUNS + 1}
    runs = await rows(connection, "read/task_runs", asked | TaskKey.bounds(key))
    if not runs and key is None:
        of = "".join(f" of the {word} {given!r}" for word, given in (("job", job), ("service", service)) if given)
        raise TaskNotFound(
            f"no step{of} has the task_id {task_id[:80]!r}; a name of a step is none: `search` finds lines of these"
        )
    items: list[FoundLine] = []
    size = 0
    await connection.execute(query("read/by_key"))
    for place, run in enumerate(runs):
        line = key.line if key is not None and key.is_of(run) else None
        if place == _RUNS or len(items) >= limit or size >= PAGE_BYTES:
            return Page(items, str(TaskKey.of(run, line)))
        spans = await spans_placed(connection, run, task_id=task_id)
        page = {**_key(run), **_ANY, "min_severity": min_severity, "spans": spans, **line_bounds(line, None)}
        page |= {"limit": limit - len(items), "bytes": PAGE_BYTES - size}
        found = await rows(connection, "read/lines", page)
        edge = [] if found and found[-1]["more"] else await rows(connection, "read/lines_edge", page)
        lines = await _lines(connection, run, found)
        items += [
            FoundLine(
                run_id=format_run_id(run["trace_id"].bytes, span_bytes(run["run_span_id"])),
                job=run["name"],
                service=run["service"],
                status=RunStatus.from_code(run["status"]),
                line=one,
                cut=False,
            )
            for one in lines
        ]
        size += sum(len(row["message"].encode()) for row in found)
        if found and found[-1]["more"]:
            return Page(items, str(TaskKey.of(run, line_key(lines[-1]))))
        if len(edge) > 1:
            return Page(items, str(TaskKey.of(run, key_of(edge[0]["ts"], edge[0]["seq"]))))
    return Page(items)


async def spans_placed(
    connection: AsyncConnection[DictRow],
    run: Mapping[str, Any],
    *,
    stage: str | None = None,
    task_id: str | None = None,
) -> list[int]:
    """The spans of a run that are of a stage, a task, or both: themselves or by what is around them."""
    found = await rows(connection, "read/placed", {**_key(run), "stage": stage, "task_id": task_id, "most": SPANS})
    return [row["span_id"] for row in found]


# The parameters of lines.sql that choose, none of them given.
_ANY: dict[str, Any] = dict.fromkeys(("min_severity", "stream", "spans", "words")) | {"looked": LOOKED_AT}


async def line_parameters(connection: AsyncConnection[DictRow], run: DictRow, chosen: LineFilter) -> dict[str, Any]:
    """Those of ``lines.sql`` but for the page."""
    spans: set[int] | None = None
    if chosen.stage is not None or chosen.task_id is not None:
        spans = set(await spans_placed(connection, run, stage=chosen.stage, task_id=chosen.task_id))
        if not spans and RunStatus.from_code(run["status"]).terminal:
            raise await _no_such_part(connection, run, chosen)
    if chosen.step is not None:
        step = bigint(bytes.fromhex(chosen.step))
        assert step is not None
        spans = {step} if spans is None else spans & {step}
    words = search_words(chosen.text or "")
    return {
        **_key(run),
        "first_at": max(filter(None, (run["first_at"], chosen.since)), default=None),
        "min_severity": chosen.min_severity,
        "stream": chosen.stream,
        "spans": None if spans is None else sorted(spans),
        "words": [like(word) for word in words] or None,
        "looked": LOOKED_AT,
    }


async def _no_such_part(connection: AsyncConnection[DictRow], run: DictRow, chosen: LineFilter) -> NoSuchPart:
    """What to say of a run that has ended and has no step like that. One that goes on may still come to it."""
    found = await rows(connection, "read/placed", {**_key(run), "stage": None, "task_id": None, "most": SPANS})
    for column, wanted in (("stage", chosen.stage), ("task_id", chosen.task_id)):
        known = sorted({row[column] for row in found if row[column] is not None})
        if wanted is not None and wanted not in known:
            named = ", ".join(word[:80] for word in known[:_NAMED]) + (
                f" and {len(known) - _NAMED:,} more" * (len(known) > _NAMED)
            )
            return NoSuchPart(f"this run has no {column} {wanted[:80]!r}: it has {named or 'none'}")
    return NoSuchPart(f"no step of this run has the stage {chosen.stage!r} and the task_id {chosen.task_id!r}")


async def _lines(
    connection: AsyncConnection[DictRow], run: Mapping[str, Any], found: Iterable[DictRow]
) -> list[LogLine]:
    found = list(found)
    trace_id = run["trace_id"]

    async def ask(spans: set[SpanKey]) -> list[DictRow]:
        return await rows(connection, "read/line_steps", {**_key(run), "steps": [span for _, span in spans]})

    spans = {(trace_id, row["span_id"]) for row in found}
    placed: dict[SpanKey, Place] = await places(ask, spans, {(trace_id, _key(run)["span_id"])})
    return [log_line(row, placed.get((trace_id, row["span_id"]))) for row in found]


async def line_numbers(
    connection: AsyncConnection[DictRow], run: DictRow, chosen: LineFilter, place: Mapping[str, Any]
) -> dict[str, Any]:
    """How many lines the run has, and how many of them pass the filter."""
    total = run["lines"]
    by_severity: dict[int | None, int] = {
        None: total,
        Severity.WARN: run["warnings"] + run["errors"],
        Severity.ERROR: run["errors"],
    }
    if not chosen.narrow and chosen.since is None and chosen.min_severity in by_severity:
        return {"total": total, "matching": by_severity[chosen.min_severity]}
    (counted,) = await rows(connection, "read/count_lines", place)
    return {"total": total, "matching": counted["matching"], "at_least": counted["looked"] == LOOKED_AT}


def _key(run: Mapping[str, Any]) -> dict[str, Any]:
    """Of a row of ``run_keys.sql``, where the span is the run's, or of ``task_runs.sql``, where it is a step's."""
    span_id = run.get("run_span_id", run["span_id"])
    return {"trace_id": run["trace_id"], "span_id": span_id, "first_at": run["first_at"], "last_at": run["last_at"]}
