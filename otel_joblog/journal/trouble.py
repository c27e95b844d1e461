"""The trouble of an exporter: written beside the journals while it takes nothing, for whoever asks why they wait."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec

__all__ = ["Trouble", "TroubleFile", "trouble_of"]

EVERY = 5.0  # seconds between two notes of the same trouble


class Trouble(msgspec.Struct, frozen=True):
    since: float  # seconds since the epoch
    attempts: int
    error: str  # the last of them


class TroubleFile:
    """Kept by each who delivers to the exporter; any success of any of them ends the trouble."""

    def __init__(self, root: Path, exporter: str) -> None:
        self._path = _path(root, exporter)
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
            self._path.unlink()

    def _write(self, data: bytes) -> None:
        making = self._path.with_name(f".{self._path.name}")
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
        making.replace(self._path)


def trouble_of(root: Path, exporter: str) -> Trouble | None:
    try:
        return msgspec.json.decode(_path(root, exporter).read_bytes(), type=Trouble)
    except (OSError, msgspec.DecodeError):
        return None


def _path(root: Path, exporter: str) -> Path:
    return root / f"{exporter}.trouble"
