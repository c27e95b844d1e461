"""What the command line prints of others' words, made harmless.

Names, messages and stack traces come from jobs, and by OTLP from anybody. A terminal obeys escape sequences in them.
So everything is printed by :func:`console`, :func:`echo_json` or :func:`.say.say`, which let no control character of
theirs through.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import click
import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ...visible import visible

__all__ = ["OutputConsole", "TerminalBytes", "console", "echo_json", "encoded_json"]

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

    @property
    def terminal_width(self) -> int:
        """Cells of a line there, whatever the width that this prints for."""
        return Console().width

    def print_plain(self, lines: Iterable[Text]) -> None:
        """The same where there is no terminal, and ten times faster."""
        self.file.writelines(f"{visible(line.plain)}\n" for line in lines)
        self.file.flush()

    def on_broken_pipe(self) -> NoReturn:
        raise  # noqa: PLE0704  (called where it was caught: what started the command decides)


def console(*, width: int | None = None) -> OutputConsole:
    """For stdout. In colours on a terminal and nowhere else; numbers get none. It cuts nothing."""
    return OutputConsole(highlight=False, soft_wrap=True, width=width, force_terminal=sys.stdout.isatty())


def echo_json(value: Any) -> None:
    """As JSON, in which no control character is left to a terminal."""
    click.echo(encoded_json(value))


def encoded_json(value: Any) -> bytes:
    encoded = msgspec.json.encode(value, enc_hook=str)
    return _JSON_CONTROLS.sub(lambda found: b"\\u00%02x" % found[0][-1], encoded)


class TerminalBytes(io.RawIOBase):
    """Bytes for a terminal, their control characters but tabs and line ends in sight."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._terminal.write(_CONTROLS.sub(lambda found: b"\\x%02x" % found[0][-1], bytes(data)))
        return len(data)
