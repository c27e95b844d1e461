"""Segments: the pieces a journal is made of, on disk or, where the disk refuses, in memory.

They have even numbers, from 2. The odd number after one is for what is left of it when its lines have been given up.
"""

from __future__ import annotations

import errno
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from ..descriptors import Kept, opened, write_whole
from ..interruption import at_once, foreign, suppress_own
from ..records import holds_lines
from .frames import HEADER_SIZE
from .losses import Losses

__all__ = [
    "FIRST",
    "DiskFile",
    "DiskSegments",
    "LivingSegments",
    "MemoryFile",
    "SegmentFile",
    "Segments",
    "SparingFile",
    "WaitingFile",
    "close_unused",
    "WatchedFile",
    "delete_segment",
    "delete_segments",
    "is_remainder",
    "mark_sealed",
    "marked_sealed",
    "new_segment",
    "next_number",
    "read_file",
    "remainder_of",
    "segment_numbers",
    "segment_path",
    "write_file",
]

FIRST = 2
WAIT = 0.05  # seconds between looks of a line that waits for room

_NAME = re.compile(r"(\d{8})\.seg")


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.seg"


def next_number(number: int) -> int:
    return number + 2


def remainder_of(number: int) -> int:
    return number + 1


def is_remainder(number: int) -> bool:
    return number % 2 == 1


def segment_numbers(folder: Path) -> Iterator[int]:
    for path in folder.iterdir():
        if match := _NAME.fullmatch(path.name):
            yield int(match[1])


def new_segment(path: Path) -> Kept:
    """A new file for appending, mode 0600."""
    return Kept.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL)


unused: dict[Kept, None] = {}  # of files that nobody writes to any more


def close_unused() -> None:
    """Close them, each by one thread. May be interrupted, and goes on the next time."""
    held: list[tuple[Kept, None]] = []
    try:
        with suppress_own(KeyError):  # another thread has the rest
            held.extend(map(dict.popitem, [unused] * len(unused)))
        while held:
            with suppress_own(OSError):
                held[-1][0].close()
            held.pop()
    except BaseException:
        unused.update(held)
        raise


class DiskFile(io.FileIO):
    """A segment that is appended to. Every ``write`` is one ``write(2)`` with ``O_APPEND``.

    It is closed when the last thread lets go of it. The program may have closed it before: ``lost``.
    """

    _kept: Kept = None  # type: ignore[assignment]  # of one that was interrupted as it was made

    def __init__(self, kept: Kept, path: Path) -> None:
        self._kept = kept
        self._path = path
        super().__init__(kept.number, "ab", closefd=False)

    @at_once
    def __del__(self) -> None:
        if self._kept is not None:
            unused[self._kept] = None  # no call: an exception from elsewhere that came in it would be lost

    @property
    def lost(self) -> bool:
        """Whether somebody else has closed its descriptor."""
        return not self.closed and not self._kept.ours

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes; empty at its end."""
        with suppress_own(OSError):  # it may be closed as we look
            if self._kept.ours:
                return _read(self._kept.number, offset, size)
        return read_file(self._path, offset, size)

    @property
    def size(self) -> int:
        return (self._kept.status() or self._path.stat()).st_size

    @property
    def deleted(self) -> bool:
        """Whether somebody has deleted it: what is written then is nowhere to be found."""
        status = self._kept.status()
        return status is not None and status.st_nlink == 0


class WatchedFile(DiskFile):
    """Where the number of the descriptor might be given to a file of the program: looked at before each write.

    Ours are marked by O_NONBLOCK: that is seen in 0.2 us, and no other thread is let in meanwhile.
    """

    def write(self, frame: bytes, /) -> int:  # type: ignore[override]
        number = self._kept.number
        if os.get_blocking(number):
            raise OSError(errno.EBADF, "the program closed the journal's file")
        return os.write(number, frame)


class SparingFile(WatchedFile):
    """At the journal's cap: takes everything but lines, which it counts."""

    def __init__(self, kept: Kept, path: Path, losses: Losses) -> None:
        super().__init__(kept, path)
        self._losses = losses

    def write(self, frame: bytes, /) -> int:  # type: ignore[override]
        if _of_lines(frame):
            self._losses.count(frame[HEADER_SIZE:], super().write)
            return len(frame)
        self._losses.tell(super().write)
        return super().write(frame)


class WaitingFile(WatchedFile):
    """At the journal's cap: lines wait until there is room."""

    def __init__(self, kept: Kept, path: Path, full: Callable[[], bool]) -> None:
        super().__init__(kept, path)
        self._full = full

    def write(self, frame: bytes, /) -> int:  # type: ignore[override]
        if _of_lines(frame):
            while self._full():
                time.sleep(WAIT)
        return super().write(frame)


class SegmentFile(Protocol):
    """Where frames are written: :class:`DiskFile` and its kind, or :class:`MemoryFile`."""

    def write(self, frame: bytes, /) -> int | None: ...


class MemoryFile:
    """Stands in for a segment's file where the disk refuses. ``bytearray`` operations are atomic under the GIL."""

    __slots__ = ("__weakref__", "_data", "_has_room", "_losses")

    def __init__(self, data: bytearray, has_room: Callable[[], bool], losses: Losses) -> None:
        self._data = data
        self._has_room = has_room
        self._losses = losses

    def write(self, frame: bytes, /) -> int:
        if _of_lines(frame) and not self._has_room():
            self._losses.count(frame[HEADER_SIZE:], self._add)
        else:
            self._losses.tell(self._add)
            self._add(frame)
        return len(frame)

    def _add(self, frames: bytes) -> int:
        self._data += frames
        return len(frames)


def _of_lines(frame: bytes) -> bool:
    return holds_lines(frame[HEADER_SIZE : HEADER_SIZE + 2])


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
        return is_remainder(number) or marked_sealed(self._folder, number)


def marked_sealed(folder: Path, number: int) -> bool:
    return _seal_path(folder, number).exists()


def mark_sealed(folder: Path, number: int) -> None:
    """Let readers in other processes know that nothing will be added to this segment."""
    with suppress_own(OSError):
        write_whole(
            _seal_path(folder, number), b""
        )  # not Path.touch, which has its own way with an OSError from elsewhere


def delete_segments(folder: Path, *, before: int) -> None:
    """Delete the sealed segments before this number: every exporter is done with them."""
    for number in list(segment_numbers(folder)):
        if number < before:
            delete_segment(folder, number)


def delete_segment(folder: Path, number: int) -> None:
    segment_path(folder, number).unlink(missing_ok=True)
    _seal_path(folder, number).unlink(missing_ok=True)


def _seal_path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.sealed"


def write_file(path: Path, data: bytes | bytearray) -> None:
    """A whole segment in one step; OSError, and nothing left of it, where there is no room."""
    making = path.with_name(f".{path.name}")
    try:
        write_whole(making, data)
        making.replace(path)
    except BaseException:
        making.unlink(missing_ok=True)
        raise


def read_file(path: Path, offset: int, size: int) -> bytes:
    """Up to ``size`` bytes of a file; empty where it is gone."""
    try:
        with opened(path, os.O_RDONLY) as descriptor:
            return _read(descriptor, offset, size)
    except FileNotFoundError as error:
        if foreign(error):
            raise
        return b""


def _read(descriptor: int, offset: int, size: int) -> bytes:
    # Never more than is there: a damaged length must not make pread allocate gigabytes.
    return os.pread(descriptor, max(0, min(size, os.fstat(descriptor).st_size - offset)), offset)
