"""A glance at many lines at once: which of them are worth a look of their own.

A command may print a gigabyte, so this must keep up with a pipe. One pass brings the bytes into a few shapes, and an
Aho-Corasick automaton looks for all words and shapes in another: eight gigabytes a second, where as many searches for
one word each come to less than one all together.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

__all__ = ["Glance"]

# Without one of these, in the shapes of the redactor, none of its expressions can match, but for lines of private keys
# and what is looked for only where an "@" is.
WORDS = (
    "pass", "secret", "pwd", "credential", "bearer", "basic", "token", "cookie", "key", "authorization",
    "glpat=", "aiza", "eyj", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "_pat_", "xox", "xapp=", "k_live_",
    "k_test_", "sk=", "npm_", "pypi=", "hf_", "sg.", "hvs.",
    "0000 0000", "0000=0000", "0" * 14,
)  # fmt: skip
URL = "=//"

_KEY_LINE = re.compile(rb"\n[ \t\r\v\f]{0,8}[A-Za-z0-9+/]{60}")
_NEWLINE = re.compile(b"\n")


class Glance:
    """:param shapes: the table that brings bytes into the shapes of the words."""

    def __init__(self, shapes: bytes) -> None:
        self._shapes = shapes
        self._words: BytesAhoCorasick | None = None
        self._words_and_urls: BytesAhoCorasick | None = None

    def suspicious(self, said: bytes) -> Iterable[int]:
        """The numbers, from 0, of lines that may hold a secret, some of them more than once; mostly none."""
        at = [
            start for _, start, _ in self._automaton(b"@" in said).find_matches_as_indexes(said.translate(self._shapes))
        ]
        before = b"\n" + said if _KEY_LINE.match(b"\n" + said[:100]) else said
        at += [found.start() + 1 - (len(before) - len(said)) for found in _KEY_LINE.finditer(before)]
        if not at:
            return ()
        newlines = [found.start() for found in _NEWLINE.finditer(said)]
        return {bisect_right(newlines, place - 1) if place else 0 for place in at}

    def _automaton(self, addresses: bool) -> BytesAhoCorasick:
        if self._words is None or self._words_and_urls is None:
            # Not before it is needed; leftmost-first is what the fast search for several words at once can do.
            from ahocorasick_rs import BytesAhoCorasick, MatchKind

            words = [word.encode() for word in WORDS]
            self._words = BytesAhoCorasick(words, matchkind=MatchKind.LeftmostFirst)
            self._words_and_urls = BytesAhoCorasick([*words, URL.encode()], matchkind=MatchKind.LeftmostFirst)
        return self._words_and_urls if addresses else self._words
