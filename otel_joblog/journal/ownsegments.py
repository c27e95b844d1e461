"""The segments of the journal that this process writes to, for those who read and ship them."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..descriptors import Kept
from ..interruption import foreign, suppress_own
from .reader import Cursor
from .segments import (
    FIRST,
    DiskFile,
    SegmentFile,
    close_unused,
    delete_segment,
    is_remainder,
    mark_sealed,
    read_file,
    segment_numbers,
    segment_path,
)

__all__ = ["MemoryOf", "OwnSegment", "OwnSegments", "Rescued", "end_of", "nobody"]


LAST_BYTES = 1024 * 1024  # of a segment, in which a record that was just written lies


class OwnSegment(NamedTuple):
    number: int
    file: Callable[[], SegmentFile | None]  # a weak reference: None when no thread writes to it any more
    path: Path  # where it lies, if it lies on disk
    memory: bytearray | None  # what it holds, where it is not on disk


class Rescued:
    """In the place of the reference to a file that somebody has deleted. A thread that was about to write to it does so
    all the same, when what it held is in memory already: so that is read once more when the last one has let go.
    """

    def __init__(self, file: DiskFile, memory: bytearray) -> None:
        self._file = weakref.ref(file)
        self._memory = memory
        self._copy: _Copy | None = None
        with suppress_own(OSError):  # too many open files: then what there was has to do
            self._copy = _Copy(Kept(os.dup(file.fileno())))
        memory[:] = file.read_at(0, file.size)

    def __call__(self) -> SegmentFile | None:
        file, copy = self._file(), self._copy
        if file is None and copy is not None:
            if copy.kept.ours:
                self._memory[:] = os.pread(copy.kept.number, os.fstat(copy.kept.number).st_size, 0)
            self._copy = None
        return file


class _Copy:
    """Closed when nobody has it any more."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    def __del__(self) -> None:
        self.kept.close()


class OwnSegments:
    """What :class:`~.journal.Journal` has written, as readers of it need it: some on disk, some in memory."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.trouble: str | None = None  # why records are kept in memory, while they are
        self._segments: list[OwnSegment] = []
        self._retry_at: float | None = None  # when to try for the disk, or for room, again; None while there is both
        self._marked: set[int] = set()  # segments that others were told will not be written to any more
        self._shipped: Cursor | None = None
        self._rotating = threading.RLock()

    @property
    def in_memory(self) -> bool:
        """Whether a part of it lies in memory, where no other process can read it."""
        return any(segment.memory is not None for segment in self._segments)

    def position(self) -> Cursor:
        """The place after the last record that was appended before this call."""
        segments = self._segments
        if not segments:
            return Cursor()
        last = segments[-1]
        if last.memory is not None:
            return Cursor(last.number, len(last.memory))
        file = last.file()
        return Cursor(last.number, file.size if isinstance(file, DiskFile) else 0)

    def numbers(self) -> list[int]:
        numbers = [segment.number for segment in self._segments]
        return sorted([*numbers, *self._remainders()]) if len(numbers) > 1 else numbers

    def _remainders(self) -> list[int]:
        """What is left of segments whose lines were given up, by this process or another."""
        try:
            return [number for number in segment_numbers(self.folder) if is_remainder(number)] if self.folder else []
        except FileNotFoundError as error:
            if foreign(error):
                raise
            return []

    def sealed(self, number: int) -> bool:
        segments = self._segments
        if not segments or number >= segments[-1].number:
            return False
        return all(segment.file() is None for segment in segments if segment.number == number)

    def read(self, number: int, offset: int, size: int) -> bytes:
        for segment in self._segments:
            if segment.number == number:
                if segment.memory is not None:
                    return bytes(segment.memory[offset : offset + size])
                file = segment.file()
                if isinstance(file, DiskFile):
                    return self._read_open(file, offset, size)
                return read_file(segment.path, offset, size)
        return read_file(segment_path(self.folder, number), offset, size) if self.folder else b""

    def _read_open(self, file: DiskFile, offset: int, size: int) -> bytes:
        """Through its own descriptor: what was written is there even where somebody has deleted the file."""
        data = file.read_at(offset, size)
        if not data and self.trouble is None and (file.lost or file.deleted):
            self.trouble = "the program closed its file" if file.lost else "its folder was deleted"
            self._retry_at = 0.0  # the next record begins another
        return data

    def holds(self, payload: bytes) -> bool:
        """Whether this record is among the last that were written."""
        return any(payload in self._end(segment.number) for segment in self._segments[-2:])

    def _end(self, number: int) -> bytes:
        for segment in self._segments:
            if segment.number == number:
                file = segment.file()
                end = file.size if isinstance(file, DiskFile) else end_of([segment]).offset
                return self.read(number, max(0, end - LAST_BYTES), LAST_BYTES)
        return b""

    def shipped_to(self, cursor: Cursor) -> None:
        """Every exporter has come this far: delete the segments that all are done with."""
        close_unused()
        self._shipped = cursor
        with self._rotating:
            done = [
                segment for segment in self._segments if segment.number < cursor.segment and self.sealed(segment.number)
            ]
            self._segments = [segment for segment in self._segments if segment not in done]
        for segment in done:
            if segment.memory is None:
                self._marked.discard(segment.number)
                with suppress_own(OSError):
                    delete_segment(segment.path.parent, segment.number)
        if cursor.segment > FIRST and self.folder is not None:
            for number in self._remainders():
                if number < cursor.segment:
                    with suppress_own(OSError):
                        delete_segment(self.folder, number)

    def mark_sealed(self) -> None:
        """Let others know which segments will not be written to any more."""
        for segment in self._segments:
            if segment.memory is None and segment.number not in self._marked and self.sealed(segment.number):
                mark_sealed(segment.path.parent, segment.number)
                self._marked.add(segment.number)


def nobody() -> None:
    """In the place of the reference to a file that was never written to."""


class MemoryOf:
    """The segments of a journal that lie in memory, for a reader of nothing else."""

    def __init__(self, journal: OwnSegments) -> None:
        self._journal = journal
        self.read = journal.read
        self.sealed = journal.sealed

    def numbers(self) -> list[int]:
        return [segment.number for segment in self._journal._segments if segment.memory is not None]  # noqa: SLF001


def end_of(segments: Sequence[OwnSegment]) -> Cursor:
    """The place after the last record of segments that nobody writes to any more."""
    if not segments:
        return Cursor()
    last = segments[-1]
    if last.memory is not None:
        return Cursor(last.number, len(last.memory))
    try:
        return Cursor(last.number, last.path.stat().st_size)
    except FileNotFoundError as error:
        if foreign(error):
            raise
        return Cursor(last.number, 0)
    except OSError as error:  # it cannot be seen: then it may hold anything
        if foreign(error):
            raise
        return Cursor(last.number, sys.maxsize)
