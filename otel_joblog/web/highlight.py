"""What was searched for, shown where it was found."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["excerpt"]

LENGTH = 500  # characters


def excerpt(message: str, words: Sequence[str], length: int = LENGTH) -> list[tuple[str, bool]]:
    """The message or the part of it around the first of the words, in pieces: each with whether it is one of the words.

    The part has ``length`` characters, a fifth of them before that word.

    As the search has it, only the case of ASCII letters is overlooked.
    """
    found = re.compile(
        "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or "(?!)", re.IGNORECASE | re.ASCII
    )
    first = found.search(message)
    begin = max(0, first.start() - length // 5) if first and len(message) > length else 0
    end = begin + length
    pieces = [("… ", False)] if begin else []
    place = begin
    for match in found.finditer(message, begin, end):
        pieces += [(message[place : match.start()], False), (match[0], True)]
        place = match.end()
    pieces += [(message[place:end], False), (" …" if end < len(message) else "", False)]
    return [piece for piece in pieces if piece[0]]
