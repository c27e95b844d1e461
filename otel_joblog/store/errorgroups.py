"""Which failures are the same: the type of the error, and its message without what differs each time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2s
from typing import Any, NamedTuple

from ..conventions import RunStatus
from .encoding import without_zero

__all__ = ["ErrorGroup", "blanked"]

_LENGTH = 300  # of a message that is compared, and of a type

_VARIABLE = re.compile(
    r"""
    (?P<kept>\b(?:errno|code|status|signal|HTTP(?:/[\d.]+)?)\b[\ :=]*\d{1,5}\b)  # a number that says what it is
    | (?P<time>\b\d{4}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|\ ?[+-]\d\d:?\d\d)?)?)
    | (?P<id>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b  # a UUID
        | \b0x[0-9a-f]+\b
        | \b(?=[a-f]*\d)[0-9a-f]{8,}\b)
    | (?P<n>\d+(?:[.,:]\d+)*)
    """,
    re.VERBOSE | re.IGNORECASE,
)


class ErrorGroup(NamedTuple):
    """A kind of failure. ``number`` is its key: the same for the same type and message, on every host."""

    number: int
    type: str
    message: str

    @classmethod
    def of(cls, error_type: str, message: str) -> ErrorGroup:
        """The kind that an error belongs to: ``row 17 of 20`` and ``row 3 of 20`` are both ``row <n> of <n>``.

        Numbers after words such as ``code`` or ``status`` stay: 404 is not 500. Only the beginning of a message counts.
        """
        kind = without_zero(error_type)[:_LENGTH]
        pattern = blanked(without_zero(message.strip())[: 2 * _LENGTH])[:_LENGTH]
        digest = blake2s(f"{kind}\n{pattern}".encode(errors="replace"), digest_size=8).digest()
        return cls(int.from_bytes(digest, "big", signed=True), kind, pattern)

    @classmethod
    def of_run(cls, run: Mapping[str, Any]) -> ErrorGroup | None:
        """That of a row of ``job_run``; None where it did not fail."""
        status = RunStatus.from_code(run["status"])
        if not status.failed:
            return None
        return cls.of(run.get("error_type") or status.value, run.get("error_message") or run["status_message"])


def blanked(text: str) -> str:
    """``row <n> of <n>``: numbers, ids and times give way to what they are."""
    return _VARIABLE.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    return match["kept"] or f"<{match.lastgroup}>"
