"""What programs print, made fit for a page: colours as classes, control characters in sight, all else escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from ..visible import visible
from .format import count, size

__all__ = ["Folded", "fold", "in_sight", "painted", "plain"]

FOLD_LINES = 20
FOLD_CHARACTERS = 2_000
SLACK = 1.25  # what is barely longer than the fold is shown whole

# A whole CSI sequence (its parameters and its final letter), an OSC with its terminator, or a two-character escape.
# A broken one matches nothing: its ESC is then shown as \x1b and what follows stays readable.
_ESCAPE = re.compile(
    r"\x1b\[([0-?]{0,64})[ -/]{0,8}([@-~])|\x1b\][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)|\x1b[ -/]{0,4}[0-OQ-WYZ\\`-~]"
)
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_STYLES = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
_STYLE_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",)}


class Folded(NamedTuple):
    """A message in two parts: what is seen at once, and the rest with the words that offer it."""

    head: Markup
    rest: Markup = Markup()
    offer: str = ""


def in_sight(value: Any) -> Any:
    """Text with its control and direction-changing characters in sight; anything else, markup too, as it is."""
    return visible(value) if type(value) is str else value


def fold(message: str) -> Folded:
    """The message as safe markup, folded after 20 lines or 2,000 characters. Nothing is left out."""
    message = message.replace("\r\n", "\n")
    pen = _Pen()
    cut = _cut(message)
    if cut is None:
        return Folded(pen.write(message))
    lines = f"{count(message.count(chr(10)) + 1, 'line')}, " if "\n" in message else ""
    offer = f"Show all {lines}{size(len(message))}"
    return Folded(pen.write(message[:cut]), pen.write(message[cut:]), offer)


def painted(text: str) -> Markup:
    """The whole text as safe markup, not folded."""
    return _Pen().write(text.replace("\r\n", "\n"))


def plain(text: str) -> str:
    """The text without its colours, its other control characters in sight."""
    return visible(_ESCAPE.sub("", text.replace("\r\n", "\n")))


def _cut(message: str) -> int | None:
    """Where to fold, or None where it is not worth it."""
    at = -1
    for _ in range(FOLD_LINES):
        at = message.find("\n", at + 1)
        if at < 0:
            break
    too_many_lines = at >= 0 and message.count("\n", at + 1) > FOLD_LINES * (SLACK - 1)
    if too_many_lines and at <= FOLD_CHARACTERS:
        return at + 1
    return _outside_sequences(message, FOLD_CHARACTERS) if len(message) > FOLD_CHARACTERS * SLACK else None


def _outside_sequences(message: str, place: int) -> int:
    """The place itself, or the start of the escape sequence that it would cut in two."""
    start = message.rfind("\x1b", 0, place)
    sequence = _ESCAPE.match(message, start) if start >= 0 else None
    return start if sequence and sequence.end() > place else place


class _Pen:
    """Writes text as markup and keeps the colour and weight that the last escape sequence asked for."""

    def __init__(self) -> None:
        self._colour = ""
        self._styles: set[str] = set()

    def write(self, text: str) -> Markup:
        return Markup().join(self._pieces(text))

    def _pieces(self, text: str) -> Iterator[Markup]:
        at = 0
        for sequence in _ESCAPE.finditer(text):
            yield self._span(text[at : sequence.start()])
            if sequence[2] == "m":
                self._obey(sequence[1])
            at = sequence.end()
        yield self._span(text[at:])

    def _span(self, text: str) -> Markup:
        shown = escape(visible(text))
        classes = " ".join(f"a-{name}" for name in sorted({self._colour, *self._styles} - {""}))
        return Markup('<span class="{}">{}</span>').format(classes, shown) if classes and text else shown

    def _obey(self, parameters: str) -> None:
        codes = iter([int(code) if code.isdigit() else 0 for code in re.split("[;:]", parameters)])
        for code in codes:
            if code == 0:
                self._colour, self._styles = "", set()
            elif code in _STYLES:
                self._styles.add(_STYLES[code])
            elif code in _STYLE_ENDS:
                self._styles.difference_update(_STYLE_ENDS[code])
            elif code in {38, 48}:
                self._skip_palette(codes)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._colour = _COLOURS[code % 10]
            elif code == 39:
                self._colour = ""

    @staticmethod
    def _skip_palette(codes: Iterator[int]) -> None:
        """Past the arguments of 256 and true colours: a page of two themes has no use for those."""
        for _ in range({5: 1, 2: 3}.get(next(codes, 0), 0)):
            next(codes, None)
