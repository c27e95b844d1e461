"""The writing end: one append-only journal per process.

Emitting a record is one frame and one ``write(2)``: no lock, so it may happen under anybody's locks and in a signal
handler. What would need one is arranged otherwise:

1. ``O_APPEND`` keeps the frames of several threads apart.
2. A full segment is replaced by swapping ``self._file``. A thread on its way into ``write`` still holds the old file
   object; the file closes when the last such thread lets go. A weak reference tells: dead means sealed.
3. Where the disk refuses (full, read-only, gone), the next segment lies in memory, with the same frames and the same
   readers, until the disk takes segments again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..diagnostics import report
from ..records import Process, encode
from .cursors import CursorFile
from .frames import frame
from .reader import Cursor
from .segments import MemoryFile, SegmentFile, open_segment, read_file, segment_path

__all__ = ["Journal"]

SEGMENT_BYTES = 8 * 1024 * 1024
MEMORY_BYTES = 32 * 1024 * 1024  # lines beyond are counted and given up; starts and ends of spans never are
DISK_RETRY = 2.0  # seconds between attempts to leave memory for the disk


class _Segment(NamedTuple):
    number: int
    file: weakref.ref[SegmentFile]
    memory: bytearray | None  # what it holds, where it is not on disk


class Journal:
    """This process's journal below ``root``. Nothing is created before the first record."""

    def __init__(self, root: Path, process: Process, exporters: Sequence[str]) -> None:
        self.process = process
        self.exporters = exporters  # names of those that are to ship it, by this process or, after its death, another
        self.folder: Path | None = None
        self.trouble: str | None = None  # why records are kept in memory, while they are
        self.dropped = 0  # lines given up because the memory that stands in for the disk was full
        self.root = root
        self._lock_descriptor: int | None = None
        self._segments: list[_Segment] = []
        self._file: SegmentFile | None = None
        self._size = 0
        self._disk_retry_at = 0.0
        self._rotating = threading.Lock()
        self._stray: deque[bytes] = deque()  # frames that found no file to go to

    def append(self, payload: bytes) -> None:
        """Append one record (its encoded form). Returns when the kernel has it."""
        data = frame(payload)
        file = self._file or self._rotate(None)
        try:
            done = file is not None and file.write(data) == len(data)
        except (OSError, ValueError) as error:
            # As text: an exception holds its frames, they hold the file, and the segment would never count as sealed.
            self.trouble = str(error)
            done = False
        if not done:
            # A frame cut short is passed over by the readers; it is written anew, whole, to the next segment.
            self._stray.append(data)
            self._rotate(file, to_memory=True)
        size = self._size = self._size + len(data)
        if size >= SEGMENT_BYTES or (self.trouble is not None and time.monotonic() >= self._disk_retry_at):
            self._rotate(file)
        if self._stray:
            self._rotate(file)

    def position(self) -> Cursor:
        """The place after the last record that was appended before this call."""
        segments = self._segments
        if not segments:
            return Cursor()
        last = segments[-1]
        if last.memory is not None:
            return Cursor(last.number, len(last.memory))
        try:
            return Cursor(last.number, self._path(last.number).stat().st_size)
        except OSError:
            return Cursor(last.number, 0)

    def close(self) -> Path | None:
        """Let go of everything; returns the folder. What it holds stays for whoever ships it."""
        folder, self.folder = self.folder, None
        self._file = None
        self._segments = []
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None
        return folder

    def remove(self) -> None:
        """Close and delete the journal: everything in it has been dealt with."""
        folder = self.close()
        if folder is not None:
            remove_folder(folder)

    # Segments, for readers

    def numbers(self) -> list[int]:
        return [segment.number for segment in self._segments]

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
                return read_file(self._path(number), offset, size)
        return b""

    def drop_before(self, number: int) -> None:
        """Delete the sealed segments before ``number``: every exporter is done with them."""
        with self._rotating:
            done = [segment for segment in self._segments if segment.number < number and self.sealed(segment.number)]
            self._segments = [segment for segment in self._segments if segment not in done]
        for segment in done:
            if segment.memory is None:
                with contextlib.suppress(OSError):
                    self._path(segment.number).unlink()

    # Writing

    def _rotate(self, outgrown: SegmentFile | None, *, to_memory: bool = False) -> SegmentFile | None:
        """Begin the next segment, unless another thread just did; returns the file to write to.

        Never waits: a signal handler that logs may have interrupted this very method. Where somebody is at it already,
        the file in use is returned; what finds none is left in ``_stray``, for the next to write.
        """
        if not self._rotating.acquire(blocking=False):
            return self._file
        try:
            if self._file is None or self._file is outgrown:
                self._next_segment(to_memory=to_memory)
            file = self._file
            assert file is not None
            while self._stray:
                file.write(self._stray.popleft())
        finally:
            self._rotating.release()
        if self.trouble is not None:
            # Not under the lock: what is reported is logged, and what is logged may come back here.
            report("journal", "the journal cannot be written (%s): records are kept in memory meanwhile", self.trouble)
        return file

    def _next_segment(self, *, to_memory: bool) -> None:
        number = self._segments[-1].number + 1 if self._segments else 1
        file: SegmentFile | None = None if to_memory else self._disk_file(number)
        memory = None
        if file is None:
            self.trouble = self.trouble or os.strerror(errno.ENOSPC)  # a write cut short says nothing
            memory = bytearray(frame(encode(self.process)))
            file = MemoryFile(memory, self._has_room, self._give_up)
            self._disk_retry_at = time.monotonic() + DISK_RETRY
        # Listed before it is written to, so that position() never lies before a record that append() has taken.
        self._segments = [*self._segments, _Segment(number, weakref.ref(file), memory)]
        self._size = 0
        self._file = file

    def _disk_file(self, number: int) -> io.FileIO | None:
        try:
            if self.folder is None:
                self.folder, self._lock_descriptor = create_folder(self.root, self.process, self.exporters)
            path = self._path(number)
            file = open_segment(path)
            head = frame(encode(self.process))
            if file.write(head) != len(head):
                file.close()
                path.unlink()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError as error:
            self.trouble = str(error)
            return None
        self.trouble = None
        return file

    def _has_room(self) -> bool:
        return sum(len(segment.memory) for segment in self._segments if segment.memory is not None) < MEMORY_BYTES

    def _give_up(self) -> None:
        self.dropped += 1

    def _path(self, number: int) -> Path:
        assert self.folder is not None
        return segment_path(self.folder, number)


def create_folder(root: Path, process: Process, exporters: Sequence[str]) -> tuple[Path, int]:
    """A journal's folder and its lock, held. It appears under its name only when complete, with the lock held."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    started = time.strftime("%Y%m%d%H%M%S", time.gmtime(process.started / 1e9))
    name = f"{started}-{process.pid}-{process.process_id.hex()[:12]}"
    making = root / f".making-{name}"
    making.mkdir(mode=0o700)
    descriptor = os.open(making / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for exporter in exporters:
            CursorFile(exporter).save(making, Cursor())
        making.rename(root / name)
    except OSError:
        os.close(descriptor)
        raise
    return root / name, descriptor


def remove_folder(folder: Path) -> None:
    """Delete a journal's folder; of several that try, one does."""
    import shutil

    gone = folder.with_name(f".gone-{folder.name}")
    with contextlib.suppress(OSError):
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
