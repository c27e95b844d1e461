"""Who did what: a line of JSON each, in a file of the state folder.

A file, as the viewer's own login at the database may be read-only, and as what tells of misuse should not be lost with
what was misused. One write a line: several processes may append, and whatever ships log files can ship it.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ...diagnostics import report

__all__ = ["Audit"]

MOST_BYTES = 16 * 1024**2  # then it becomes ….1, in the place of the one before
_LONGEST = 500  # characters of a value: names come from whoever tries


class Audit:
    def __init__(self, path: Path | None) -> None:
        """None: nothing is written down."""
        self.path = path

    def say(self, what: str, **facts: str | int | None) -> None:
        """Appends a line. Where it cannot be written, that is reported, and what was asked for is done all the same."""
        if self.path is None:
            return
        shown = {key: fact[:_LONGEST] if isinstance(fact, str) else fact for key, fact in facts.items() if fact}
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "what": what, **shown}
        try:
            _append(self.path, msgspec.json.encode(line) + b"\n")
        except OSError as error:
            report("audit", "the audit file %s cannot be written: %s", self.path, error)


def _append(path: Path, line: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > MOST_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
