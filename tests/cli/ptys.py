"""A command on a terminal of a given width."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Sequence

__all__ = ["on_terminal"]

_STYLES = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(
    command: list[str],
    environment: dict[str, str],
    width: int,
    encoding: str = "utf-8",
    answer: str = "",
    asked: Sequence[tuple[str, str]] = (),
) -> str:
    """What is seen there, without its colours; stdout and stderr as they come.

    ``answer`` is typed at once; ``asked`` are questions, each with what is typed when it is seen.
    """
    reading, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    plain = {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    with subprocess.Popen(
        command,
        env=plain | {"TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,  # with the terminal of whoever runs the tests it has nothing to do
    ) as process:
        os.close(terminal)
        os.write(reading, answer.encode())
        said, answered, questions = b"", 0, list(asked)
        with contextlib.suppress(OSError):  # what Linux says where the other end of a terminal is closed
            while piece := os.read(reading, 65_536):
                said += piece
                if questions and questions[0][0].encode() in said[answered:]:
                    answered = len(said)
                    os.write(reading, questions.pop(0)[1].encode())
        process.wait(60)
    os.close(reading)
    return _STYLES.sub("", said.decode(encoding).replace("\r\n", "\n"))
