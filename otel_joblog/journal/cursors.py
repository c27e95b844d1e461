"""Cursors on disk: how far an exporter has come in a journal, for whoever ships it on."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec

from .frames import frame, scan
from .reader import Cursor

__all__ = ["CursorFile", "cursor_names"]

_SUFFIX = ".cursor"


class _Saved(msgspec.Struct, array_like=True):
    segment: int
    offset: int
    snapshot: bytes  # what the exporter remembers of records before the cursor


class CursorFile:
    """The cursor of one exporter, by the exporter's name."""

    def __init__(self, name: str) -> None:
        self._name = name + _SUFFIX

    def save(self, folder: Path, cursor: Cursor, snapshot: bytes = b"") -> None:
        """Replace it in one step: a reader sees the old one or the new one, whole."""
        making = folder / f".{self._name}"
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            data = frame(msgspec.msgpack.encode(_Saved(*cursor, snapshot)))
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(making))
        finally:
            os.close(descriptor)
        making.replace(folder / self._name)

    def delete(self, folder: Path) -> None:
        """The exporter has come to the end of this journal."""
        (folder / self._name).unlink(missing_ok=True)

    def load(self, folder: Path) -> tuple[Cursor, bytes]:
        """The cursor and the exporter's snapshot. From the beginning where there is none, or none that can be read."""
        try:
            (payload,) = scan((folder / self._name).read_bytes(), final=True, limit=1).payloads
            saved = msgspec.msgpack.decode(payload, type=_Saved)
        except (OSError, ValueError):
            return Cursor(), b""
        return Cursor(saved.segment, saved.offset), saved.snapshot


def cursor_names(folder: Path) -> set[str]:
    """The exporters that are to ship this journal."""
    return {path.name.removesuffix(_SUFFIX) for path in folder.glob(f"[!.]*{_SUFFIX}")}
