"""Steps and spans on the way into their table.

How a batch's steps get in:

1. It is asked which of them are there already: those whose start was written before their end, or that come again.
2. The others go in by plain COPY, which takes a quarter of what the upsert takes. Where another writer was faster, one
   is there all the same: a ``UniqueViolation``, and the whole batch is written again, ``staged``.
3. What is there goes in by upsert, as do all where they are few, or ``staged``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from psycopg import Connection

from .copy import encode_steps
from .encoding import json_bytes
from .gains import Gains
from .rows import Row, nanoseconds, span_bytes
from .sql import query

__all__ = ["insert_steps"]

FEW = 20  # steps for which the upsert alone is faster: it takes fewer statements
MOST = 1_000  # steps that are asked for in a trace


def insert_steps(connection: Connection, steps: Sequence[Row], gains: Gains, *, staged: bool) -> None:
    """Within a transaction; what is new is added to the gains."""
    new, rest = ([], steps) if staged or len(steps) < FEW else _divided(connection, steps)
    if new:
        with connection.cursor() as cursor, cursor.copy(query("write/copy_steps")) as copy:
            copy.write(encode_steps(new))
        for step in new:
            _gain(gains, bytes.fromhex(step["trace_id"]), step["run_span_id"], step["started_at"], step["kind"])
    if rest:
        _upsert(connection, rest, gains)


def _divided(connection: Connection, steps: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Step 1: those that are new, in the order of their key, so that writers do not lock crosswise; and the rest."""
    starts = [step["started_at"] for step in steps]
    asked = {
        "traces": sorted({step["trace_id"] for step in steps}),
        "first_at": min(starts),
        "last_at": max(starts),
        "most": MOST,
    }
    found = connection.execute(query("write/step_keys"), asked).fetchall()
    known = {(trace_id.hex, started_at, span_id) for trace_id, started_at, span_id in found}
    crowded = {trace_id.hex for trace_id, number in Counter(key[0] for key in found).items() if number >= MOST}
    new: list[Row] = []
    rest: list[Row] = []
    for step in sorted(steps, key=_key):
        (rest if step["trace_id"] in crowded or _key(step) in known else new).append(step)
    return new, rest


def _key(step: Row) -> tuple[str, datetime, int]:
    return step["trace_id"], step["started_at"], step["span_id"]


def _upsert(connection: Connection, steps: Sequence[Row], gains: Gains) -> None:
    rows = {"rows": json_bytes(steps).decode()}
    inserted = connection.execute(query("write/new_steps"), rows).fetchall()
    for trace_id, run, started_at, kind in inserted:
        _gain(gains, trace_id.bytes, run, started_at, kind)
    if len(inserted) < len(steps):
        connection.execute(query("write/known_steps"), rows)


def _gain(gains: Gains, trace_id: bytes, run: int, started_at: datetime, kind: int) -> None:
    gain = gains[trace_id, span_bytes(run)]
    start = nanoseconds(started_at)
    gain.stretch(start, start)
    gain.steps += kind == 0
