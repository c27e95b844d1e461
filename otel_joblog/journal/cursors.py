"""Cursors on disk: how far an exporter has come in a journal, for whoever ships it on."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ..descriptors import write_whole
from ..interruption import foreign
from .frames import frame, scan
from .reader import Cursor

__all__ = ["CursorFile", "cursor_names", "done", "marked"]

_SUFFIX = ".cursor"
_DONE = ".done"


class _Saved(msgspec.Struct, array_like=True):
    segment: int
    offset: int
    snapshot: bytes  # what the exporter remembers of records before the cursor


class CursorFile:
    """The cursor of one exporter, by the exporter's name."""

    def __init__(self, name: str) -> None:
        self._name = name + _SUFFIX
        self._done = name + _DONE

    def save(self, folder: Path, cursor: Cursor, snapshot: bytes = b"") -> None:
        """Replace it in one step: a reader sees the old one or the new one, whole."""
        making = folder / f".{self._name}"
        write_whole(making, frame(msgspec.msgpack.encode(_Saved(*cursor, snapshot))))
        making.replace(folder / self._name)

    def finish(self, folder: Path) -> None:
        """The exporter has come to the end of this journal. To say so takes no room on the disk."""
        (folder / self._name).replace(folder / self._done)

    def load(self, folder: Path) -> tuple[Cursor, bytes]:
        """The cursor and the exporter's snapshot; from the beginning where there is none, or a damaged one.

        OSError where that cannot be seen.
        """
        try:
            (payload,) = scan((folder / self._name).read_bytes(), final=True, limit=1).payloads
            saved = msgspec.msgpack.decode(payload, type=_Saved)
        except (FileNotFoundError, ValueError) as error:
            if foreign(error):
                raise
            return Cursor(), b""
        return Cursor(saved.segment, saved.offset), saved.snapshot


def cursor_names(folder: Path) -> set[str]:
    """The exporters that are to ship this journal, none where it is gone. OSError where that cannot be seen."""
    return {name.removesuffix(_SUFFIX) for name in _files(folder) if name.endswith(_SUFFIX)}


def marked(folder: Path) -> bool:
    """Whether something in it says that it is a journal, on its way to exporters or at its end."""
    return any(name.endswith((_SUFFIX, _DONE)) for name in _files(folder))


def done(folder: Path) -> bool:
    """Whether every exporter that was to ship this journal says that it has. Nothing that says so is not enough."""
    names = _files(folder)
    return any(name.endswith(_DONE) for name in names) and not any(name.endswith(_SUFFIX) for name in names)


def _files(folder: Path) -> list[str]:
    # Not by Path.glob, which passes over every OSError: too many open files would look like an empty folder.
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208
    except FileNotFoundError as error:
        if foreign(error):
            raise
        return []
