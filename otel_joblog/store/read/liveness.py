"""Signs of life of a run: its process's beats, its lines, steps and progress, its start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ...conventions import RunStatus

__all__ = ["BEAT_INTERVAL", "UNRESPONSIVE", "last_seen", "remark"]

BEAT_INTERVAL = 10.0  # seconds from one beat of a process to the next
SILENCE = timedelta(seconds=3 * BEAT_INTERVAL)  # after which a running run is called unresponsive

UNRESPONSIVE = "unresponsive"

Row = Mapping[str, Any]


def last_seen(row: Row) -> datetime | None:
    """The last sign of life of an open run, as ``settle_runs.sql`` has it; None for one that has ended."""
    if RunStatus.from_code(row["status"]).terminal:
        return None
    signs: list[datetime | None] = [row["started_at"], row["last_at"], row["progress_at"], row["beat_at"]]
    return max(sign for sign in signs if sign is not None).astimezone(UTC)


def remark(row: Row) -> str | None:
    """``unresponsive`` for a running run whose process has been heard to beat, and then nothing for three beats.

    A process that never beat is not missed: it may not know how to, or the server crashed and forgot its beats.
    """
    seen = last_seen(row)
    running = RunStatus.from_code(row["status"]) is RunStatus.RUNNING
    silent = running and seen is not None and row["beat_at"] is not None and row["clock"] - seen >= SILENCE
    return UNRESPONSIVE if silent else None
