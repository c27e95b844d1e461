"""What has changed since one last asked, of all that people look at: the runs that go on and the newest ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...conventions import RunStatus
from ...records import format_run_id
from ..columns import span_bytes
from .asking import rows
from .runs import AHEAD

__all__ = ["Mark", "marks"]

OPEN, NEWEST = 1_000, 100


class Mark(NamedTuple):
    """A run as it is now; another ``mark`` says that it has changed."""

    job: str
    service: str
    status: RunStatus
    mark: int


async def marks(connection: AsyncConnection[DictRow]) -> dict[str, Mark]:
    """By run id: the latest 1,000 runs that go on, and the newest 100 of any state."""
    parameters = {"until": datetime.now(UTC) + AHEAD, "open": OPEN, "newest": NEWEST}
    return {
        format_run_id(row["trace_id"].bytes, span_bytes(row["span_id"])): Mark(
            row["name"], row["service"], RunStatus.from_code(row["status"]), row["mark"]
        )
        for row in await rows(connection, "read/pulse", parameters)
    }
