"""The words by which people filter runs and lines, on pages, in the API and in commands alike.

Each function makes values of words, or raises ValueError naming the words that would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .conventions import RunStatus, Severity, Stream

__all__ = [
    "LEVEL_WORDS",
    "OUTCOME_WORDS",
    "STATUS_WORDS",
    "STREAM_WORDS",
    "one_of",
    "outcomes",
    "severity",
    "statuses",
    "stream",
]

_STATUS_GROUPS = {
    "failed": [status for status in RunStatus if status.failed],
    "open": [status for status in RunStatus if not status.terminal],
}
_RETRIED = "retried"  # no status, but said where one is: failed, and followed by another attempt
STATUS_WORDS = [*RunStatus, *_STATUS_GROUPS]
OUTCOME_WORDS = [*STATUS_WORDS, _RETRIED]
LEVEL_WORDS = [level.name.lower() for level in Severity]
STREAM_WORDS = [stream.name.lower() for stream in Stream]


def statuses(given: Iterable[str]) -> list[RunStatus]:
    """Those meant, each once: a status, ``failed`` or ``open``; several with commas, or given one by one."""
    return _meant(_words(given), STATUS_WORDS)


def outcomes(given: Iterable[str], retried: bool | None = None) -> tuple[list[RunStatus] | None, bool | None]:
    """The statuses asked for, and whether only retried attempts are meant, none of them, or any.

    Among ``failed`` runs is none that was retried, unless ``retried`` says otherwise. A status by its own name is that
    of every attempt.
    """
    words = _words(given)
    failed = _STATUS_GROUPS["failed"]
    if _RETRIED in words:
        if len(words) > 1:
            raise ValueError("retried goes alone: leave the other statuses out")
        return failed, True if retried is None else retried
    if retried is None and "failed" in words and not any(word in failed for word in words):
        retried = False
    return _meant(words, OUTCOME_WORDS) or None, retried


def _words(given: Iterable[str]) -> list[str]:
    words = (word.strip().lower() for several in given for word in several.split(","))
    return [word for word in words if word]


def _meant(words: list[str], known: Sequence[str]) -> list[RunStatus]:
    found: list[RunStatus] = []
    for word in words:
        if word not in STATUS_WORDS:
            raise ValueError(f"use one or more of these, separated by commas: {', '.join(known)}")
        found += _STATUS_GROUPS.get(word) or [RunStatus(word)]
    return list(dict.fromkeys(found))


def severity(word: str) -> Severity:
    return Severity[one_of(LEVEL_WORDS, word).upper()]


def stream(word: str) -> Stream:
    return Stream[one_of(STREAM_WORDS, word).upper()]


def one_of(words: Sequence[str], given: str) -> str:
    """The word in lower case."""
    word = given.strip().lower()
    if word not in words:
        raise ValueError(f"use {', '.join(words[:-1])} or {words[-1]}")
    return word
