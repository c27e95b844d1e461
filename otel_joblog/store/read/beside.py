"""What a list of runs shows beside them: how long their jobs usually take, and the last line of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ..sql import query
from .asking import rows
from .find import USUAL_DAYS
from .keys import span_hex
from .models import RunsBeside, RunSummary

__all__ = ["beside_runs", "run_keys"]


async def beside_runs(connection: AsyncConnection[DictRow], runs: Sequence[RunSummary]) -> RunsBeside:
    jobs = sorted({(run.job, run.service) for run in runs})
    since = (datetime.now(UTC) - timedelta(days=USUAL_DAYS - 1)).date()
    of_jobs = {"names": [job for job, _ in jobs], "services": [service for _, service in jobs], "since": since}
    usual = await rows(connection, "read/usual_durations", of_jobs)
    await connection.execute(query("read/by_key"))
    lines = await rows(connection, "read/latest_lines", run_keys([run.run_id for run in runs if run.error is None]))
    return RunsBeside(
        p95={(row["name"], row["service"]): row["p95_s"] for row in usual},
        last_lines={f"{row['trace_id'].hex}-{span_hex(row['span_id'])}": row["message"] for row in lines},
    )


def run_keys(run_ids: Sequence[str]) -> dict[str, list[UUID] | list[int]]:
    """The parameters ``traces`` and ``spans`` of whole run ids."""
    parts = [run_id.partition("-") for run_id in run_ids]
    return {
        "traces": [UUID(trace) for trace, _, _ in parts],
        "spans": [int.from_bytes(bytes.fromhex(span), signed=True) for _, _, span in parts],
    }
