"""Where the command line prints: a terminal of any encoding, or a pipe that closes early."""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
from typing import NoReturn

__all__ = ["die_of_broken_pipe", "print_anywhere"]

# Our own signs on a terminal that has no such characters; others' are then shown as \u2713.
_PLAIN = str.maketrans(
    "○▶✓»◌✗⧖†…—·“”\u2019▁▂▃▄▅▆▇█",
    'o>+>ox!!~-.""\'_.,-=+*#',
)
_ERRORS = "otel_joblog.plain"


def print_anywhere() -> None:
    """Lets stdout and stderr take what their encoding does not have, instead of raising UnicodeEncodeError."""
    codecs.register_error(_ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors=_ERRORS)


def die_of_broken_pipe() -> NoReturn:
    """Ends by SIGPIPE, as ``cat`` does when ``head`` has read enough: no message, and 141 for a shell."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
    raise SystemExit(128 + signal.SIGPIPE)  # where the signal is blocked


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    plain = signs.translate(_PLAIN)
    return plain.encode("ascii", "backslashreplace").decode(), error.end
