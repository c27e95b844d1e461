"""What waits for its run to be known: spans and lines that came before the spans that tell whose they are.

How something finds its run, whatever the order, whoever writes:

1. A batch stores what it brings of unknown runs under the run 0, and notes the trace (``job_waiting``), in its own
   transaction.
2. After its commit every batch looks whether something waits in one of its traces: its own part, or what its spans are
   the missing link of. Of two batches that are written at the same time the one that commits last sees the other's.
3. Such a trace is locked and looked through: what waits goes to the nearest run above, which gains it as it would have
   at once.

A writer that dies between 2 and 3 has not acknowledged its batch, which comes again.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from ...records import NO_RUN
from ..columns import instant, nanoseconds, span_bytes
from ..encoding import json_bytes
from ..sql import query
from .batch import Batch
from .gains import Gain, Gains, gain_row

__all__ = ["adopt", "note_waiting", "traces_of", "waiting_traces"]


def note_waiting(connection: Connection, batch: Batch, gains: Gains) -> None:
    """Step 1. Takes out of the gains what no run gains yet."""
    traces: dict[bytes, Gain] = {}
    for trace_id, run in [key for key in gains if key[1] == NO_RUN]:
        traces[trace_id] = gains.pop((trace_id, run))
    for trace_id, start in batch.orphans:
        traces.setdefault(trace_id, Gain()).stretch(start, start)
    rows = [
        {"trace_id": trace_id.hex(), "first_at": instant(gain.first), "last_at": instant(gain.last)}
        for trace_id, gain in traces.items()
        if gain.first is not None and gain.last is not None
    ]
    if rows:
        connection.execute(query("write/waiting"), {"rows": json_bytes(rows).decode()})


def traces_of(batch: Batch) -> list[str]:
    """The traces in which a batch may have brought what waits, or what something waits for."""
    lines = {line.trace_id.hex() for line in batch.lines if line.run == NO_RUN}
    steps = {span.trace_id.hex() for span, _ in batch.steps}
    return sorted({run["trace_id"] for run in batch.runs} | steps | lines)


def waiting_traces(connection: Connection, trace_ids: Iterable[str]) -> list[UUID]:
    """Step 2: those of the traces in which something waits, in the order to lock them in."""
    found = connection.execute(query("write/waiting_traces"), {"trace_ids": list(trace_ids)})
    return sorted(trace_id for (trace_id,) in found)


def adopt(connection: Connection, trace_id: UUID) -> None:
    """Step 3 for a trace, within a transaction."""
    with connection.cursor(row_factory=dict_row) as cursor:
        bounds = cursor.execute(query("write/lock_waiting"), {"trace_id": trace_id}).fetchone()
        if bounds is None:  # somebody else was faster, or it has no run yet
            return
        key = {"trace_id": trace_id, **bounds}
        rows = []
        for gained in cursor.execute(query("write/adopt"), key).fetchall():
            gain = Gain(
                first=nanoseconds(gained["first_at"]),
                last=nanoseconds(gained["last_at"]),
                lines=gained["lines"],
                bytes=gained["bytes"],
                warnings=gained["warnings"],
                errors=gained["errors"],
                elsewhere=gained["elsewhere"],
                after_end=gained["after_end"],
                after_end_emitted=gained["after_end_emitted"],
                steps=gained["steps"],
            )
            rows.append(gain_row((trace_id.bytes, span_bytes(gained["run_span_id"])), gain))
        if rows:
            cursor.execute(query("write/touched_runs"), {"rows": json_bytes(rows).decode()})
        cursor.execute(query("write/still_waiting"), key)
