"""Signs of life of a run: its process's beats, its lines, steps and progress, its start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ...conventions import RunStatus

__all__ = ["BEAT_INTERVAL", "UNRESPONSIVE", "last_heard", "last_seen", "overlong", "remark"]

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


def last_heard(row: Row) -> datetime | None:
    """The last that a running run said itself; its process may go on to beat while it hangs."""
    if RunStatus.from_code(row["status"]) is not RunStatus.RUNNING:
        return None
    said: list[datetime | None] = [row["started_at"], row["last_at"], row["progress_at"]]
    return max(at for at in said if at is not None).astimezone(UTC)


def overlong(row: Row) -> bool:
    """Whether a running run goes on for longer than ``joblog.time_limit_s``, by the server's clock."""
    if RunStatus.from_code(row["status"]) is not RunStatus.RUNNING or row["time_limit_s"] is None:
        return False
    return bool((row["clock"] - row["started_at"]).total_seconds() > row["time_limit_s"])


def remark(row: Row) -> str | None:
    """``unresponsive`` for a running run whose process has been heard to beat, and then nothing for three beats.

    A process that never beat is not missed: it may not know how to, or the server crashed and forgot its beats.
    """
    seen = last_seen(row)
    running = RunStatus.from_code(row["status"]) is RunStatus.RUNNING
    silent = running and seen is not None and row["beat_at"] is not None and row["clock"] - seen >= SILENCE
    return UNRESPONSIVE if silent else None
