"""A glance at text: whether it is worth a look of its own.

A command may print a gigabyte, so a glance at many lines must keep up with a pipe. What is looked for is divided among
several Aho-Corasick automata: words or tokens alone, few enough of them, are found with vector instructions at ten
gigabytes a second. One automaton for all takes several times as long, as digits keep it busy: every number might be a
card's. For a single line one automaton is cheapest, as what counts is the calls.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from .search import Found, Search
from .seen import plain
from .tokens import PREFIXES
from .worth import DIGITS, GROUPS, WORDS, Check, checks, keyed_checks

__all__ = ["Glance"]

_BY_A_WORD = re.compile("key|secret|token|pass").search  # which finds it, too
URL = "://"  # only where there is an "@", too

# Small letters, 0 for any digit; and, for many lines at once, a blank for a hyphen.
_SMALL = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789", b"abcdefghijklmnopqrstuvwxyz000000000")
_SHAPES = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789-", b"abcdefghijklmnopqrstuvwxyz000000000 ")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64_RUNS = bytes(ord("x") if byte in _BASE64 else ord(" ") for byte in range(256))
_LONG_RUN = b"x" * 60  # the shortest line of a private key
_LONGEST_KEY_LINE = 110
_KEY_LINE = re.compile(rb"\n[ \t\r\v\f]{0,8}+[A-Za-z0-9+/]{60}")
# Of 60 such characters, 24 are capitals: if the others are left out, they stand beside each other. To be told by
# fewer than 10 is one line in 30,000; to look for lines where they begin takes twice as long.
_CAPITALS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"A" * 26)
_OTHERS = b"abcdefghijklmnopqrstuvwxyz0123456789+/"
_MANY_CAPITALS = b"A" * 10


class Glance:
    """What it searches with is made when it is first needed."""

    def __init__(self) -> None:
        self._searches: list[Search] = []
        self._line: _Look | None = None
        self._keyed: _Look | None = None

    def suspicious(self, said: bytes) -> Collection[int]:
        """The numbers, from 0, of lines that may hold a secret; mostly none."""
        short, words, groups, digits, tokens, more_tokens, more_and_urls = self._searches or self._make_searches()
        shapes = said.translate(_SHAPES)
        found = [
            *short.find(shapes),
            *words.find(shapes),
            *groups.find(shapes),
            *digits.find(shapes),
            *tokens.find(said),
            *(more_and_urls if b"@" in said else more_tokens).find(said),
        ]
        places = [start for _, start, _ in found]
        if _MANY_CAPITALS in said.translate(_CAPITALS, _OTHERS):
            places += _key_lines(said)
        return _line_numbers(said, places) if places else ()

    def line(self, message: str) -> bool:
        """Whether a line may hold a secret."""
        look = self._line or self._make_line()
        try:
            said = message.encode()
        except UnicodeEncodeError:
            said = message.encode("utf-8", "replace")
        # Each call counts here: most lines have nothing of all that is looked for.
        if (found := look.find(said.translate(_SMALL))) and look.is_worth_it(said, found):
            return True
        # The line of a private key has no blank.
        return 59 < len(message) < _LONGEST_KEY_LINE and " " not in message.strip()

    def keyed(self, payload: bytes) -> bool:
        """The same of an encoded record whose attributes have names."""
        look = self._keyed = self._keyed or _Look(keyed_checks())
        found = look.find(payload.translate(_SMALL))
        return bool(found and look.is_worth_it(payload, found)) or _LONG_RUN in payload.translate(_BASE64_RUNS)

    def _make_line(self) -> _Look:
        self._line = _Look(checks())
        return self._line

    def _make_searches(self) -> list[Search]:
        words = [word.replace("-", " ") for word in WORDS]
        prefixes = sorted(prefix for prefix in PREFIXES if not _BY_A_WORD(prefix.lower()))
        half = len(prefixes) // 2
        # Short words by themselves: the more letters all have, the fewer places have to be looked at. And no more than
        # 32 tokens at once.
        self._searches = [  # whole or not at all: threads share it
            Search([word for word in words if len(word) < 4]),
            Search([word for word in words if len(word) > 3]),
            Search([GROUPS]),
            Search([DIGITS]),
            Search(prefixes[:half]),
            Search(prefixes[half:]),
            Search([*prefixes[half:], URL]),
        ]
        return self._searches


class _Look:
    """At a line, where calls are what costs: all is searched for at once."""

    def __init__(self, checks: dict[str, Check | None]) -> None:
        self.find = Search(checks, at_once=True).find
        self._checks = list(checks.values())

    def is_worth_it(self, said: bytes, found: Found) -> bool:
        """Whether any of what was found, in small letters, is more than a word."""
        seen = plain(said)
        if seen is not said:
            found = self.find(seen.translate(_SMALL))
        text = seen.decode("latin-1")  # a character a byte
        for kind, start, _ in found:
            check = self._checks[kind]
            if check is None or check(text, start):
                return True
        return False


def _key_lines(said: bytes) -> Iterator[int]:
    if _KEY_LINE.match(b"\n" + said[:_LONGEST_KEY_LINE]):
        yield 0
    for line in _KEY_LINE.finditer(said):
        yield line.start() + 1


def _line_numbers(said: bytes, places: list[int]) -> set[int]:
    numbers = set()
    number = before = 0
    for place in sorted(places):
        number += said.count(b"\n", before, place)
        before = place
        numbers.add(number)
    return numbers
