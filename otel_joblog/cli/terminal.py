"""What the command line prints of others' words, made harmless.

Names, messages and stack traces come from jobs, and by OTLP from anybody. A terminal obeys escape sequences in them. So
everything is printed by :func:`console` or :func:`echo_json`, which let no control character of theirs through.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import click
import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ..web.terminal import visible

__all__ = ["OutputConsole", "TerminalBytes", "console", "echo_json", "one_line", "shown"]

_LINE_ENDS = {ord("\n"): "\\n", ord("\t"): "\\t"}
# Controls that JSON leaves as they are, in UTF-8: DEL and C1, which some terminals obey.
_JSON_CONTROLS = re.compile(rb"\x7f|\xc2[\x80-\x9f]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")


class OutputConsole(Console):
    """Rich's console, with the control characters of what it is given in sight, as ``\\x1b``."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text
            if segment.control or text.isprintable():
                yield segment
            else:
                yield Segment(visible(text), segment.style)

    def on_broken_pipe(self) -> NoReturn:
        raise  # noqa: PLE0704  (called where it was caught: what started the command decides)


def console(**options: Any) -> OutputConsole:
    """For stdout, without colours for numbers and the like."""
    return OutputConsole(highlight=False, **options)


def shown(text: str) -> str:
    """Others' words with their control characters in sight; line ends and tabs stay."""
    safe: str = visible(text.replace("\r\n", "\n"))
    return safe


def one_line(text: str) -> str:
    """Others' words for a place that has one line: line ends and tabs are in sight, too."""
    return shown(text).translate(_LINE_ENDS)


def echo_json(value: Any) -> None:
    """As JSON, in which no control character is left to a terminal."""
    encoded = msgspec.json.encode(value, enc_hook=str)
    click.echo(_JSON_CONTROLS.sub(lambda found: b"\\u00%02x" % found[0][-1], encoded))


class TerminalBytes(io.RawIOBase):
    """Bytes for a terminal, their control characters but tabs and line ends in sight."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._terminal.write(_CONTROLS.sub(lambda found: b"\\x%02x" % found[0][-1], bytes(data)))
        return len(data)
