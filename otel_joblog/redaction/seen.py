"""A text as its reader sees it: without colours and characters of no width, each kind of blank as a blank."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate

__all__ = ["Sight", "plain", "sight"]

_ZERO_WIDTH = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "))
# Colours as terminals take them, and as JSON, Python, the shell, syslog and cat -v write them.
_SEQUENCE = r"(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\([A-Z0-9])"
_UNSEEN = re.compile(rf"(?:\x1b|\\u001[bB]|\\x1[bB]|\\0?33|\\e|#033|\^\[){_SEQUENCE}|[{_ZERO_WIDTH}]")
_COLOURS = ("\x1b", "\\u001", "\\x1", "33[", "\\e[", "^[[")
_IN_BYTES = re.compile(
    rb"\x1b" + _SEQUENCE.encode() + rb"|\xc2\xad|\xe2\x80[\x8b-\x8d]|\xe2\x81\xa0|\xef\xbb\xbf"
)  # the same as UTF-8, where it may stand within a word


class Sight:
    """What is seen of a text, and where in the text it is."""

    def __init__(self, text: str) -> None:
        hidden = [found.span() for found in _UNSEEN.finditer(text)]
        begins, ends = [0, *(end for _, end in hidden)], [*(begin for begin, _ in hidden), len(text)]
        pieces = [text[begin:end] for begin, end in zip(begins, ends, strict=True)]
        self.text = "".join(pieces).translate(_BLANKS)
        self._places = list(accumulate(map(len, pieces[:-1])))
        self._gone = [0, *accumulate(end - begin for begin, end in hidden)]

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """The same in the text itself; what hides within goes with it."""
        return self._at(begin), self._at(end - 1) + 1

    def _at(self, place: int) -> int:
        return place + self._gone[bisect_right(self._places, place)]


def sight(text: str) -> Sight | None:
    """None where all is seen as it is."""
    if text.isascii() and not any(colour in text for colour in _COLOURS):
        return None
    seen = Sight(text)
    return None if seen.text == text else seen


def plain(said: bytes) -> bytes:
    """UTF-8 without what may hide within a word."""
    if b"\x1b" in said or not said.isascii():
        return _IN_BYTES.sub(b"", said)
    return said
