"""Values as PostgreSQL's columns hold them, and back: what writers and readers both need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["Row", "below", "bigint", "instant", "nanoseconds", "span_bytes", "told_instant"]

Row = dict[str, Any]  # by the names of the columns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(nanoseconds: int) -> datetime:
    """The UTC time, to the microsecond, which is what PostgreSQL keeps."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def told_instant(text: object) -> datetime | None:
    """The moment that an attribute tells in ISO 8601, with its offset; None for anything else."""
    try:
        told = datetime.fromisoformat(str(text))
        return None if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def bigint(span_id: bytes | None) -> int | None:
    """The eight bytes of a span id as PostgreSQL's signed bigint."""
    return None if span_id is None else int.from_bytes(span_id, "big", signed=True)


def span_bytes(bigint: int) -> bytes:
    return bigint.to_bytes(8, "big", signed=True)


def below(prefix: str, attributes: Mapping[str, Any]) -> Row:
    """The attributes whose names go on from this one, by the rest of their names."""
    start = f"{prefix}."
    return {name[len(start) :]: value for name, value in sorted(attributes.items()) if name.startswith(start)}
