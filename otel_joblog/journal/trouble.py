"""The trouble of an exporter: written beside the journals while it takes nothing, for whoever asks why they wait.

An outage mends itself, and nobody is told of it in a job. But a destination that has never accepted a record may be a
mistake: each process says so once.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec

from ..descriptors import write_whole
from ..diagnostics import report

__all__ = ["EMBEDDED", "NOWHERE", "Trouble", "TroubleFile", "tell_of_trouble", "tell_unless_reached", "trouble_of"]

EVERY = 5.0  # seconds between two notes of the same trouble
NOWHERE = "postgres-unreadable"  # of a connection string that is none, of which the settings have told
EMBEDDED = "postgres-embedded"  # its server may be started after the jobs, as no job starts it


class Trouble(msgspec.Struct, frozen=True):
    since: float  # seconds since the epoch
    attempts: int
    error: str  # the last of them


class TroubleFile:
    """Kept by each who delivers to the exporter; any success of any of them ends the trouble."""

    def __init__(self, root: Path, exporter: str) -> None:
        self._path = _path(root, exporter)
        self._reached = _reached_path(root, exporter)
        self._known: Trouble | None = None
        self._note_at = 0.0
        self._checked = False  # that none is left from before

    def failed(self, error: Exception) -> None:
        known = self._known or Trouble(time.time(), 0, "")
        self._known = Trouble(known.since, known.attempts + 1, str(error))
        self._checked = False
        if time.monotonic() >= self._note_at:
            self._note_at = time.monotonic() + EVERY
            with contextlib.suppress(OSError):
                self._write(msgspec.json.encode(self._known))

    def worked(self) -> None:
        if self._checked:
            return
        self._known, self._checked, self._note_at = None, True, 0.0
        with contextlib.suppress(OSError):
            self._reached.touch(mode=0o600)
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _write(self, data: bytes) -> None:
        making = self._path.with_name(f".{self._path.name}")
        write_whole(making, data)
        making.replace(self._path)


def trouble_of(root: Path, exporter: str) -> Trouble | None:
    try:
        return msgspec.json.decode(_path(root, exporter).read_bytes(), type=Trouble)
    except (OSError, msgspec.DecodeError):
        return None


def tell_unless_reached(root: Path, exporter: str, why: str) -> None:
    """Say, once in this process, that it has never accepted a record."""
    with contextlib.suppress(OSError):
        if exporter != NOWHERE and not _reached_path(root, exporter).exists():
            kind = f"{exporter}: never reached"
            report(kind, "%s has never accepted a record: %s; records wait in the journal", exporter, why)


def tell_of_trouble(root: Path, exporter: str) -> bool:
    """The same of what others have met, at the end of a process that may have had no time for it. Whether they have."""
    trouble = trouble_of(root, exporter)
    if trouble is not None and exporter != EMBEDDED:
        tell_unless_reached(root, exporter, trouble.error)
    return trouble is not None


def _reached_path(root: Path, exporter: str) -> Path:
    return root / f"{exporter}.reached"


def _path(root: Path, exporter: str) -> Path:
    return root / f"{exporter}.trouble"
