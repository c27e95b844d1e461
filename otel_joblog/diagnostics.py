"""What goes wrong in telemetry itself: told once on the logger ``otel_joblog``, counted every time, never raised."""

from __future__ import annotations

from collections import Counter

from .interruption import suppress_own
from .visible import CONTROLS

__all__ = ["LOGGER_NAME", "counts", "report"]

LOGGER_NAME = "otel_joblog"  # capture leaves lines of this logger alone

counts: Counter[str] = Counter()  # how often each kind of trouble was met in this process; ``doctor`` shows it


def report(kind: str, message: str, *args: object, outage: bool = False) -> None:
    """Count a trouble of this ``kind``; the first of its kind in this process is logged.

    As a warning, which Python prints by default; an ``outage``, which mends itself and loses nothing, as INFO only: a
    cron job must not send mail because a database was restarted.
    """
    counts[kind] += 1
    if counts[kind] == 1:
        with suppress_own(Exception):  # at the end of the recursion limit, or of the interpreter
            import logging

            from .background import in_background, unlist

            level = logging.INFO if outage else logging.WARNING
            said = ("otel_joblog: " + message) % args if args else "otel_joblog: " + message
            # An error of a database quotes what it was given, and a terminal obeys what is in that.
            logging.getLogger(LOGGER_NAME).log(level, "%s", said.translate(CONTROLS))
            if in_background():
                unlist()
