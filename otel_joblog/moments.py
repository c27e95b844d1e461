"""Moments as people say them: ``2026-11-03T03:12``, how long ago it was: ``24h``, or ``today``: its midnight."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

__all__ = ["HOW_TO_SAY_A_MOMENT", "moment"]

HOW_TO_SAY_A_MOMENT = "a time such as 2026-11-03T03:12, or how long ago it was, such as 30m, 24h, 7d or 2w, or today"

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The moment in UTC. A time without an offset is of ``zone``. Raises ValueError for anything else."""
    word = text.strip()
    try:
        if ago := _AGO.fullmatch(word):
            return now.astimezone(UTC) - timedelta(**{_UNITS[ago[2].lower()]: int(ago[1])})
        if word.lower() == "today":
            return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        found = datetime.fromisoformat(word)
        return found.replace(tzinfo=found.tzinfo or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"give {HOW_TO_SAY_A_MOMENT}") from None
