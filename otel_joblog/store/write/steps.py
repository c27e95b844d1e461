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

from psycopg import Connection

from ...conventions import SpanKind
from ..columns import instant, nanoseconds, span_bytes
from ..encoding import json_bytes
from ..sql import query
from .copy import encode_steps
from .gains import Gains, RunKey
from .rows import Step, step_row

__all__ = ["insert_steps"]

FEW = 20  # steps for which the upsert alone is faster: it takes fewer statements
MOST = 1_000  # steps that are asked for in a trace


def insert_steps(connection: Connection, steps: Sequence[Step], gains: Gains, *, staged: bool) -> None:
    """Within a transaction; what is new is added to the gains."""
    new, rest = ([], steps) if staged or len(steps) < FEW else _divided(connection, steps)
    if new:
        with connection.cursor() as cursor, cursor.copy(query("write/copy_steps")) as copy:
            copy.write(encode_steps(new))
        for span, _ in new:
            _gain(gains, (span.trace_id, span.run), span.start // 1000 * 1000, counts=span.kind is SpanKind.STEP)
    if rest:
        _upsert(connection, rest, gains)


def _divided(connection: Connection, steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Step 1: those that are new, in the order of their key, so that writers do not lock crosswise; and the rest."""
    starts = [span.start for span, _ in steps]
    asked = {
        "traces": sorted({span.trace_id.hex() for span, _ in steps}),
        "first_at": instant(min(starts)),
        "last_at": instant(max(starts)),
        "most": MOST,
    }
    found = connection.execute(query("write/step_keys"), asked).fetchall()
    known = {
        (trace_id.bytes, nanoseconds(started_at) // 1000, span_bytes(span_id))
        for trace_id, started_at, span_id in found
    }
    crowded = {trace_id for trace_id, number in Counter(key[0].bytes for key in found).items() if number >= MOST}
    new: list[Step] = []
    rest: list[Step] = []
    for step in sorted(steps, key=_key):
        (rest if step[0].trace_id in crowded or _key(step) in known else new).append(step)
    return new, rest


def _key(step: Step) -> tuple[bytes, int, bytes]:
    span = step[0]
    return span.trace_id, span.start // 1000, span.span_id


def _upsert(connection: Connection, steps: Sequence[Step], gains: Gains) -> None:
    rows = {"rows": json_bytes([step_row(span, process) for span, process in steps]).decode()}
    inserted = connection.execute(query("write/new_steps"), rows).fetchall()
    for trace_id, run, started_at, kind in inserted:
        _gain(gains, (trace_id.bytes, span_bytes(run)), nanoseconds(started_at), counts=kind == 0)
    if len(inserted) < len(steps):
        connection.execute(query("write/known_steps"), rows)


def _gain(gains: Gains, run: RunKey, start: int, *, counts: bool) -> None:
    gain = gains[run]
    gain.stretch(start, start)
    gain.steps += counts
