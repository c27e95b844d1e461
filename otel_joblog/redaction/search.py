"""Finds any of many words in a text at once.

An Aho-Corasick automaton does it, one that lets go of the GIL while it searches. At its end the interpreter unwinds a
thread that comes back for the GIL, a daemon's, and through Rust that would abort the process. So before its end:

1. ``_close`` runs, as a function of ``atexit``, and says that nobody may begin to search so any more.
2. It waits until no thread's stack shows a search any more. The stacks are the interpreter's own record. A count kept
   here would stay too high where an exception from elsewhere (a signal handler's) strikes beside it.
3. Whoever searches from then on does it word by word, which is slow and holds the GIL.
"""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

__all__ = ["Found", "Search"]

Found = list[tuple[int, int, int]]  # the number of a word, where it begins, where it ends; ascending places

_closed = False
_PATIENCE = 5.0  # seconds; a search takes microseconds


class Search:
    def __init__(self, words: Iterable[str], *, at_once: bool = False) -> None:
        from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

        self._words = [word.encode() for word in words]
        # Leftmost-first is what the fast search for several words can do; one line is searched faster by a table.
        self._automaton: BytesAhoCorasick = BytesAhoCorasick(
            self._words,
            matchkind=MatchKind.LeftmostFirst,
            implementation=Implementation.DFA if at_once else None,
        )

    def find(self, said: bytes) -> Found:
        if _closed:
            return self._one_by_one(said)
        return self._automaton.find_matches_as_indexes(said)

    def _one_by_one(self, said: bytes) -> Found:
        found = [match for number, word in enumerate(self._words) for match in _places(number, word, said)]
        return sorted(found, key=lambda match: (match[1], match[0]))


def _places(number: int, word: bytes, said: bytes) -> Iterable[tuple[int, int, int]]:
    at = said.find(word)
    while at >= 0:
        yield number, at, at + len(word)
        at = said.find(word, at + len(word))


@atexit.register
def _close() -> None:
    global _closed
    _closed = True
    given_up = time.monotonic() + _PATIENCE
    while any(map(_searches, sys._current_frames().values())) and time.monotonic() < given_up:  # noqa: SLF001
        time.sleep(0.0001)


def _searches(frame: FrameType | None) -> bool:
    """Whether a thread stands in the automaton, given its innermost frame (which may be a profiler's)."""
    while frame is not None and frame.f_code is not Search._one_by_one.__code__:  # noqa: SLF001
        if frame.f_code is Search.find.__code__:
            return True
        frame = frame.f_back
    return False
