"""The last lines that a command wrote to its stderr: where it failed, they mostly say why."""

from __future__ import annotations

import re

__all__ = ["LastWords"]

LINES = 10
LONGEST = 1_000  # characters of a line

# Colours and titles of terminals (CSI, OSC).
_ESCAPES = re.compile(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)")


class LastWords:
    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, lines: bytes) -> None:
        """Whole lines, with newlines between them."""
        if spoken := lines.rstrip():
            new = spoken.rsplit(b"\n", LINES)[-LINES:]
            self._lines = [*self._lines, *(line[: 4 * LONGEST] for line in new)][-LINES:]

    @property
    def lines(self) -> list[str]:
        """Ten lines at most, of a thousand characters at most, without colours; the last one is not empty."""
        found = [_ESCAPES.sub("", line.decode("utf-8", "backslashreplace")) for line in self._lines]
        found = [line.replace("\x1b", "\\x1b") for line in found]
        while found and not found[-1].strip():
            found.pop()
        return [line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in found]
