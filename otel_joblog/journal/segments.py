"""Segments: the pieces a journal is made of, on disk or, where the disk refuses, in memory."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from ..records import is_line
from .frames import HEADER_SIZE

__all__ = [
    "DiskFile",
    "DiskSegments",
    "LivingSegments",
    "MemoryFile",
    "SegmentFile",
    "Segments",
    "delete_segments",
    "mark_sealed",
    "read_file",
    "segment_path",
    "write_file",
]

_NAME = re.compile(r"(\d{8})\.seg")


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.seg"


def segment_numbers(folder: Path) -> Iterator[int]:
    for path in folder.iterdir():
        if match := _NAME.fullmatch(path.name):
            yield int(match[1])


class DiskFile(io.FileIO):
    """A new segment for appending, mode 0600. Every ``write`` is one ``write(2)`` with ``O_APPEND``.

    It is closed when the last thread lets go of it; ``io.FileIO`` would warn of that.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "ab")

    def __del__(self) -> None:
        self.close()

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes; empty at its end."""
        return _read(self.fileno(), offset, size)

    @property
    def size(self) -> int:
        return os.fstat(self.fileno()).st_size

    @property
    def deleted(self) -> bool:
        """Whether somebody has deleted it: what is written then is nowhere to be found."""
        return os.fstat(self.fileno()).st_nlink == 0


class SegmentFile(Protocol):
    """Where frames are written: :class:`DiskFile`, or :class:`MemoryFile`."""

    def write(self, frame: bytes, /) -> int | None: ...


class MemoryFile:
    """Stands in for a segment's file where the disk refuses. ``bytearray`` operations are atomic under the GIL."""

    __slots__ = ("__weakref__", "_data", "_give_up", "_has_room")

    def __init__(self, data: bytearray, has_room: Callable[[], bool], give_up: Callable[[], None]) -> None:
        self._data = data
        self._has_room = has_room
        self._give_up = give_up

    def write(self, frame: bytes, /) -> int:
        if is_line(frame[HEADER_SIZE : HEADER_SIZE + 2]) and not self._has_room():
            self._give_up()
        else:
            self._data += frame
        return len(frame)


class Segments(Protocol):
    """What a reader needs of a journal, be it this process's own or that of a dead one."""

    def numbers(self) -> list[int]:
        """The segments there are, ascending."""

    def read(self, number: int, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes of a segment; empty at its end."""

    def sealed(self, number: int) -> bool:
        """Whether nothing will ever be added to this segment."""


class DiskSegments:
    """The segments of a journal whose process is dead: nothing will be added to any."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def numbers(self) -> list[int]:
        return sorted(segment_numbers(self._folder))

    def read(self, number: int, offset: int, size: int) -> bytes:
        return read_file(segment_path(self._folder, number), offset, size)

    def sealed(self, number: int) -> bool:  # noqa: ARG002
        return True


class LivingSegments(DiskSegments):
    """The segments of another process that lives. It says itself which of them it will not write to any more."""

    def sealed(self, number: int) -> bool:
        return _seal_path(self._folder, number).exists()


def mark_sealed(folder: Path, number: int) -> None:
    """Let readers in other processes know that nothing will be added to this segment."""
    with contextlib.suppress(OSError):
        _seal_path(folder, number).touch(mode=0o600)


def delete_segments(folder: Path, *, before: int) -> None:
    """Delete the sealed segments before this number: every exporter is done with them."""
    for number in list(segment_numbers(folder)):
        if number < before:
            segment_path(folder, number).unlink(missing_ok=True)
            _seal_path(folder, number).unlink(missing_ok=True)


def _seal_path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.sealed"


def write_file(path: Path, data: bytes | bytearray) -> None:
    """A whole segment in one step; OSError, and nothing left of it, where there is no room."""
    making = path.with_name(f".{path.name}")
    try:
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        making.replace(path)
    except OSError:
        making.unlink(missing_ok=True)
        raise


def read_file(path: Path, offset: int, size: int) -> bytes:
    """Up to ``size`` bytes of a file; empty where it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return _read(descriptor, offset, size)
    finally:
        os.close(descriptor)


def _read(descriptor: int, offset: int, size: int) -> bytes:
    # Never more than is there: a damaged length must not make pread allocate gigabytes.
    return os.pread(descriptor, max(0, min(size, os.fstat(descriptor).st_size - offset)), offset)
