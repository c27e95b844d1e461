"""A glance at many lines at once: which of them are worth a look of their own.

A command may print a gigabyte, so this must keep up with a pipe. What is looked for is divided among four Aho-Corasick
automata: words or tokens alone, few enough of them, are found with vector instructions at ten gigabytes a second. One
automaton for all takes twice the time of these four, as digits keep it busy: every number might be a card's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

__all__ = ["Glance"]

# Without one of these none of the redactor's expressions can match, but for lines of private keys. In any case:
WORDS = ("pass", "secret", "credential", "bearer", "basic", "token", "cookie", "authorization", "pwd", "key")
# As they are:
TOKENS = (
    "glpat-", "AIza", "eyJ", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "_pat_", "xox", "xapp-", "k_live_",
    "k_test_", "sk-", "npm_", "pypi-", "hf_", "SG.", "hvs.",
)  # fmt: skip
URL = "://"  # only where there is an "@", too
# Cards, in the shapes of digits and of what parts their groups:
GROUPS = "0000 0000"
DIGITS = "0" * 14

_SHAPES = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789-", b"abcdefghijklmnopqrstuvwxyz000000000 ")
_KEY_LINE = re.compile(rb"\n[ \t\r\v\f]{0,8}+[A-Za-z0-9+/]{60}")


class Glance:
    """What it searches with is made when it is first needed."""

    def __init__(self) -> None:
        self._searches: list[BytesAhoCorasick] = []

    def suspicious(self, said: bytes) -> Collection[int]:
        """The numbers, from 0, of lines that may hold a secret; mostly none."""
        words, tokens, tokens_and_urls, groups, digits = self._searches or self._make_searches()
        shapes = said.translate(_SHAPES)
        found = [
            *words.find_matches_as_indexes(shapes),
            *groups.find_matches_as_indexes(shapes),
            *digits.find_matches_as_indexes(shapes),
            *(tokens_and_urls if b"@" in said else tokens).find_matches_as_indexes(said),
        ]
        places = [start for _, start, _ in found]
        places += [line.start() + 1 for line in _KEY_LINE.finditer(said)]
        if _KEY_LINE.match(b"\n" + said[:100]):
            places.append(0)
        return _line_numbers(said, places) if places else ()

    def _make_searches(self) -> list[BytesAhoCorasick]:
        from ahocorasick_rs import BytesAhoCorasick, MatchKind

        # Leftmost-first is what the fast search for several words at once can do.
        self._searches = [  # whole or not at all: threads share it
            BytesAhoCorasick([needle.encode() for needle in needles], matchkind=MatchKind.LeftmostFirst)
            for needles in (WORDS, TOKENS, (*TOKENS, URL), (GROUPS,), (DIGITS,))
        ]
        return self._searches


def _line_numbers(said: bytes, places: list[int]) -> set[int]:
    numbers = set()
    number = before = 0
    for place in sorted(places):
        number += said.count(b"\n", before, place)
        before = place
        numbers.add(number)
    return numbers
