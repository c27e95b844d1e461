"""A stack trace as a person reads it: the error itself first, then what it came from, with the words coloured.

Python's are told apart into the exceptions of their chain. Those of other languages stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from markupsafe import Markup, escape

from ....visible import visible
from ...terminal import painted

__all__ = ["Place", "Raised", "chain", "place_of"]

COLOURED = 60_000  # characters; what is longer stays plain
_PYTHON = "Traceback (most recent call last):"
_LINKS = {
    "The above exception was the direct cause of the following exception:": "Caused by",
    "During handling of the above exception, another exception occurred:": "While handling",
}
_BETWEEN = re.compile(rf"^\s*(?:\|\s*)?({'|'.join(map(re.escape, _LINKS))})\s*$", re.MULTILINE)
_FRAME = re.compile(r'^[\s|+]*File "([^"\n]+)", line (\d+)(?:, in (\S+))?', re.MULTILINE)


class Place(NamedTuple):
    """The line of a program that raised an error."""

    file: str
    line: int
    function: str | None

    def __str__(self) -> str:
        name = self.file.replace("\\", "/").rpartition("/")[2]
        return f"{name} line {self.line}" + (f" in {self.function}" if self.function else "")


class Raised(NamedTuple):
    """One exception of a chain."""

    link: str  # what it is to the one before it: empty, "Caused by", "While handling"
    summary: str  # its last line that begins without a space
    markup: Markup


def place_of(stacktrace: str) -> Place | None:
    """Where Python's last exception of a chain was raised; None of other languages."""
    frames = _FRAME.findall(stacktrace)
    if not frames:
        return None
    file, line, function = frames[-1]
    return Place(file, int(line), function or None)


def chain(stacktrace: str) -> list[Raised]:
    """The exceptions, the one that ended the run first."""
    if _PYTHON not in stacktrace or "\x1b" in stacktrace:
        return [Raised("", "", painted(stacktrace))]
    pieces = _BETWEEN.split(stacktrace)
    texts, words = pieces[::2], [_LINKS[word] for word in pieces[1::2]]
    links = ["", *reversed(words)]
    return [
        Raised(link, _summary(text), _coloured(text.strip("\n")))
        for text, link in zip(reversed(texts), links, strict=True)
    ]


def _summary(text: str) -> str:
    lines = [line for line in text.splitlines() if line and not line[0].isspace() and line != _PYTHON]
    return lines[0] if lines else ""


def _coloured(text: str) -> Markup:
    if len(text) > COLOURED:
        return painted(text)
    return Markup().join(_words(text))


def _words(text: str) -> Iterator[Markup]:
    from pygments.lexers.python import PythonTracebackLexer
    from pygments.token import Comment, Generic, Keyword, Name, Number, String, Token

    classes = {
        Keyword: "keyword",
        String: "string",
        Number: "number",
        Comment: "comment",
        Generic.Error: "error",
        Generic.Traceback: "comment",
        Name.Builtin: "file",
    }
    for kind, word in PythonTracebackLexer(stripnl=False, ensurenl=False).get_tokens(text):
        shown = escape(visible(word))
        known = next((classes[one] for one in _upwards(kind, Token) if one in classes), None)
        yield Markup('<span class="h-{}">{}</span>').format(known, shown) if known and word.strip() else shown


def _upwards(kind: object, root: object) -> Iterator[object]:
    while kind is not None and kind is not root:
        yield kind
        kind = getattr(kind, "parent", None)
