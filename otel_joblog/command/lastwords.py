"""The last lines that a command wrote to its stderr: where it failed, they mostly say why."""

from __future__ import annotations

import re
from collections import deque

__all__ = ["LastWords"]

LINES = 10
LONGEST = 1_000  # characters of a line
LONG = 16 * 1024  # bytes: of what is longer only the last lines are held

# Colours and titles of terminals (CSI, OSC).
_ESCAPES = re.compile(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)")


class LastWords:
    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: deque[bytes] = deque(maxlen=LINES)  # each of a line or more, not of white space alone

    def add(self, lines: bytes) -> None:
        """Whole lines, with newlines between them."""
        if lines and not lines.isspace():
            self._said.append(lines if len(lines) <= LONG else b"\n".join(_last(lines)))

    @property
    def lines(self) -> list[str]:
        """Ten lines at most, of a thousand characters at most, without colours; the last one is not empty."""
        found = [_plain(line) for line in _last(b"\n".join(self._said))]
        while found and not found[-1].strip():
            found.pop()
        return found


def _last(lines: bytes) -> list[bytes]:
    return [line[: 4 * LONGEST] for line in lines.rstrip().rsplit(b"\n", LINES)[-LINES:]]


def _plain(line: bytes) -> str:
    text = _ESCAPES.sub("", line.decode("utf-8", "backslashreplace")).replace("\x1b", "\\x1b")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
