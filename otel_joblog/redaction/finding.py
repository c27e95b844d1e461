"""What the redactor's searches have in common.

Every one takes time linear in the length of the text, whatever that is: what is repeated is possessive (``*+``) or
bounded, and what might run to the end of the text can begin at the start of a word only. What is found is replaced by
:data:`MARK`; what names it (key, scheme, user) stays, so that the line can still be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["BARE", "MARK", "QUOTED", "Finder", "Spans", "expression", "listed"]

MARK = "[redacted]"

Spans = Iterator[tuple[int, int]]  # where secrets begin and end, ascending
Finder = Callable[[str, str], Spans]  # given a text, and the same in lower case

# A value in quotes, also in escaped ones (JSON within a string), ends with the quote, or with its line.
QUOTED = (
    r"""(?:[bBfFnNrRuU]{1,2}(?=["']))?+(?:\\{1,4}(?P<q>["'])(?P<escaped>(?:(?!\\{0,4}(?P=q))[^\r\n])++)"""
    r"""|(?P<p>["'`])(?P<quoted>(?:\\[^\r\n]|(?!(?P=p))[^\r\n\\])++))"""
)
# Without, it ends with white space; or with punctuation, if white space, the end or another key comes after that.
_STOP = r""",;&|"'`<>)}\]\\"""
BARE = (
    r"(?P<bare>(?:[\[({][^\])}\r\n]*+[\])}]?+)?+"
    rf"(?:[^\s{_STOP}\x00-\x1f]|[{_STOP}](?![{_STOP}]{{0,7}}(?:\s|\Z|[\w.\-%\[\]]{{1,40}}[\"']?[=:])))*+)"
)


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_nothing: Spans = iter(())


def expression(pattern: str, *hints: str) -> Finder:
    """Finds what the last named group of a pattern matches, in texts that hold one of these hints (small letters)."""
    compiled = re.compile(pattern, re.ASCII | re.VERBOSE)

    def find(text: str, lowered: str) -> Spans:
        for hint in hints:
            if hint in lowered:
                return (found.span(found.lastgroup or 0) for found in compiled.finditer(text))
        return _nothing

    return find
