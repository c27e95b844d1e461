"""The writing end: one append-only journal per process.

Emitting a record is one frame and one ``write(2)``: no lock, so it may happen under anybody's locks and in a signal
handler. What would need one is arranged otherwise:

1. ``O_APPEND`` keeps the frames of several threads apart.
2. A full segment is replaced by swapping ``self._file``. A thread on its way into ``write`` still holds the old file
   object; the file closes when the last such thread lets go. A weak reference tells: dead means sealed.
3. Where the disk refuses (full, read-only, gone), the next segment lies in memory, with the same frames and the same
   readers, until the disk takes segments again. Where the journals have reached their cap, room is made, or the next
   segment takes no lines (:mod:`.room`).
4. Beginning a segment takes a lock. A signal handler that comes in the middle of that and must begin one itself leaves
   its frame for the rotation that it interrupted.
5. An exception may come from elsewhere at any place (:mod:`~otel_joblog.interruption`). What it interrupts is undone,
   or done by the next rotation: a file that was made and not listed is passed over. Frames of ours that somebody keeps,
   with their exceptions, hold no file: it would never be sealed.
"""

from __future__ import annotations

import errno
import os
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from zlib import crc32

from ..config import Fsync
from ..descriptors import Kept
from ..diagnostics import report
from ..interruption import foreign, forget_frames, suppress_own
from ..records import Process, Record, encode
from . import crash, living, locks
from .folders import create_folder, remove_folder
from .frames import SYNC, frame, pack_header
from .losses import AT_THE_CAP, Losses
from .ownsegments import OwnSegment, Rescued, end_of, nobody
from .room import Room
from .segments import (
    FIRST,
    DiskFile,
    MemoryFile,
    SegmentFile,
    SparingFile,
    WaitingFile,
    WatchedFile,
    close_unused,
    new_segment,
    next_number,
    segment_path,
    unused,
    write_file,
)
from .synced import SyncedSegments

__all__ = ["Journal"]

FIRST_SEGMENT_BYTES = 256 * 1024  # the first look at the cap comes soon: 500 processes may begin at once
SEGMENT_BYTES = 2 * 1024 * 1024
MEMORY_BYTES = 32 * 1024 * 1024  # lines beyond are counted and given up; starts and ends of spans never are
RETRY = 2.0  # seconds between attempts to leave memory for the disk, or to take lines again at the cap


class Journal(SyncedSegments):
    """This process's journal below ``root``. Nothing is created before the first record."""

    def __init__(
        self,
        root: Path,
        process: Process,
        exporters: Sequence[str],
        room: Room | None = None,
        fsync: Fsync = "never",
        encoder: Callable[[Record], bytes] = encode,
    ) -> None:
        super().__init__(root, fsync)
        self.process = process
        self.exporters = exporters  # names of those that are to ship it, by this process or, after its death, another
        self.open: dict[bytes, Callable[[], Record]] = {}  # by span id, what gives the start of each span that goes on
        self._encode = encoder  # for the records that every segment begins with
        self._lock: Kept | None = None
        self._file: SegmentFile | None = None
        self._size = 0
        self._limit = 0  # of the current segment's size
        self._room = room
        self._at_cap = Losses(AT_THE_CAP)
        self._nowhere = Losses("dropped: the disk could not be written, and the memory kept for that was full")
        self._folders = 0  # begun so far
        self._traced: Path | None = None  # the folder that violent ends are noted in
        self._in_rotation = False
        self._left: deque[bytes] = deque()  # frames of signal handlers that interrupted a rotation

    @property
    def limit(self) -> int:
        """The cap of all journals together, in bytes."""
        return sys.maxsize if self._room is None else self._room.limit

    def append(self, payload: bytes) -> None:
        """Append one record (its encoded form). Returns when the kernel has it."""
        length = len(payload)
        data = pack_header(SYNC, length, crc32(payload, length)) + payload  # frame(), without a call
        file: SegmentFile | None = None
        try:
            file = self._file or self._rotate(None)
            while file is not None:
                try:
                    if file.write(data) == len(data):
                        break
                except (OSError, ValueError) as error:
                    if foreign(error):
                        raise
                    self.trouble = str(error)  # as text: an exception holds its frames
                # A frame cut short is passed over by the readers; it is written anew, whole, to the next segment.
                file = self._rotate(file, to_memory=True)
            else:
                self._left.append(data)
                return
            if self._sync_each and isinstance(file, DiskFile):
                self._sync_written(file)
            size = self._size = self._size + len(data)
            if size >= self._limit or (self._retry_at is not None and time.monotonic() >= self._retry_at):
                self._rotate(file)
        except BaseException as error:  # from elsewhere
            forget_frames(error)
            raise
        finally:
            file = None

    def show_life(self) -> None:
        """Move on the time of the lock file: should this process be killed, that is when it was last alive."""
        lock = self._lock
        if lock is not None:
            with suppress_own(OSError):
                if lock.ours:
                    os.utime(lock.number)
                else:
                    self._lock_again()

    def spill(self, *, ending: bool = False) -> None:
        """Move what lies in memory to the disk, where that takes it again: it outlives the process there.

        ``ending`` takes the segment that is being written, too: nothing more is to come.
        """
        folder = self.folder
        if folder is None or not self.in_memory:
            return
        if ending:
            self._let_go()
        for segment in self._segments:
            sealed = self.sealed(segment.number)  # asked in any case: that completes what was Rescued
            if segment.memory is None or not (sealed or ending):
                continue
            path = segment_path(folder, segment.number)
            try:
                write_file(path, segment.memory)
            except OSError as error:
                if foreign(error):
                    raise
                return
            moved = segment._replace(path=path, memory=None)
            with self._rotating:
                self._segments = [moved if known.number == moved.number else known for known in self._segments]

    def close(self) -> Path | None:
        """Let go of everything; returns the folder. What it holds stays for whoever ships it."""
        if self.fsync != "never":
            self.sync()
        folder, self.folder = self.folder, None
        self._file = None
        close_unused()
        self._marked = set()
        self._segments = []
        lock, self._lock = self._lock, None
        if folder is not None and lock is not None and locks.release(lock):
            living.withdraw(folder)
        return folder

    def remove(self) -> None:
        """Close and delete the journal: everything in it has been dealt with.

        Where another thread has appended more since it was last :meth:`shipped_to` its end, it stays, for the next
        process.
        """
        segments = self._segments
        settled = self._let_go()
        more = self._shipped is not None and (not settled or end_of(segments) > self._shipped)
        folder = self.close()
        if folder is not None and not more:
            remove_folder(folder)

    def _let_go(self) -> bool:
        """Write no more to the current segment; False where another thread does not come out of writing to it."""
        file, self._file = self._file, None
        if file is None:
            return True
        self._tell_losses(file)
        writing = weakref.ref(file)
        del file
        for _ in range(100):
            if writing() is None:
                return True
            time.sleep(0.001)
        return False

    def _rotate(self, outgrown: SegmentFile | None, *, to_memory: bool = False) -> SegmentFile | None:
        """Begin the next segment, unless another thread just did; returns the file to write to.

        None where this very thread is in the middle of it: a signal handler, or a handler of what we report.
        """
        try:
            with self._rotating:
                if self._in_rotation:
                    return None
                try:
                    self._in_rotation = True
                    file = self._file
                    if file is None or file is outgrown:
                        file = self._begin(outgrown, to_memory=to_memory)
                finally:
                    self._in_rotation = False
                    self._write_left()
            close_unused()
            self._report()  # not before: handlers of the application may want locks that wait for this one
            return file
        finally:
            file = outgrown = None

    def _write_left(self) -> None:
        """Write what was left by signal handlers; what cannot be written waits for the next rotation."""
        with suppress_own(OSError, ValueError):
            while self._left and self._file is not None and self._file.write(self._left[0]) == len(self._left[0]):
                self._left.popleft()

    def _report(self) -> None:
        room = self._room
        if self.trouble is not None:
            report("journal", "the journal cannot be written (%s): records are kept in memory until then", self.trouble)
        elif self._retry_at is not None and room is not None:
            what = "wait for room" if room.on_full == "block" else "are given up"
            report("cap", "the journals have reached their cap of %d bytes: lines %s", room.limit, what)
        if room is not None:
            room.report()

    def _begin(self, outgrown: SegmentFile | None, *, to_memory: bool) -> SegmentFile:
        file: SegmentFile | None = None
        try:
            if isinstance(outgrown, DiskFile):
                if outgrown.lost:  # nothing ails the disk
                    outgrown, to_memory = None, False
                    self.show_life()
                elif outgrown.deleted:
                    self._keep(outgrown)
                    outgrown = None
            number = self._next_number()
            if not to_memory:
                file = self._disk_file(number, outgrown)
            if file is not None:
                return file if file is outgrown else self._listed(number, file, self._path(number), None)
            self.trouble = self.trouble or os.strerror(errno.ENOSPC)  # a write cut short says nothing
            self._retry_at = time.monotonic() + RETRY
            if isinstance(outgrown, MemoryFile) and self._size < SEGMENT_BYTES:
                return outgrown  # no better than what there is
            memory = bytearray(self._head())
            return self._listed(number, MemoryFile(memory, self._has_room, self._nowhere), Path(), memory)
        finally:
            file = outgrown = None

    def _listed(self, number: int, file: SegmentFile, path: Path, memory: bytearray | None) -> SegmentFile:
        """Have this file written to from now on."""
        try:
            segment = OwnSegment(number, weakref.ref(file), path, memory)
            # Listed before it is written to, so that position() never lies before a record that append() has taken; and
            # no call between the two, in which an exception might come.
            self._segments = [*self._segments, segment]
            self._size = 0
            self._file = file
            self._tell_losses(file)
            return file
        finally:
            del file

    def _next_number(self) -> int:
        self._limit = SEGMENT_BYTES if self._segments else min(FIRST_SEGMENT_BYTES, SEGMENT_BYTES)
        if self._room is not None:
            self._limit = min(self._limit, self._room.limit // 16)
        number = next_number(self._segments[-1].number) if self._segments else FIRST
        while self.folder is not None and os.access(self._path(number), os.F_OK):
            # Made by a rotation that an exception interrupted before it was listed. A reader may be in it.
            self._segments = [*self._segments, OwnSegment(number, nobody, self._path(number), None)]
            number = next_number(number)
        return number

    def _disk_file(self, number: int, outgrown: SegmentFile | None) -> DiskFile | None:
        try:
            if self.folder is None or not os.access(self.folder, os.F_OK):
                self._create_folder()
            if self.folder is not None and self._traced != self.folder:
                crash.leave_traces(self.folder)
                self._traced = self.folder
            at_cap = bool(self._segments) and not self.make_room()
            self._retry_at = time.monotonic() + RETRY if at_cap else None
            if at_cap and isinstance(outgrown, SparingFile | WaitingFile) and outgrown.size < self._limit:
                self._size = outgrown.size
                return outgrown  # no better than what there is
            file = self._new_file(self._path(number), at_cap=at_cap)
            try:
                head = self._head()
                if file.write(head) != len(head):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
            except OSError as error:
                if not foreign(error):
                    self._path(number).unlink()
                raise
            if self._sync_each:
                self._sync_names()
            self.trouble = None
            return file
        except OSError as error:
            if foreign(error):
                raise
            self.trouble = str(error)
            return None
        finally:
            file = outgrown = None  # type: ignore[assignment]

    def make_room(self) -> bool:
        """Whether the journals are below their cap, room being made where that is what to do."""
        if self._room is None:
            return True
        self.mark_sealed()
        return self._room.make()

    def _new_file(self, path: Path, *, at_cap: bool) -> DiskFile:
        kept = new_segment(path)
        try:
            if not at_cap or self._room is None:
                return (DiskFile if kept.safe else WatchedFile)(kept, path)
            if self._room.on_full == "block":
                return WaitingFile(kept, path, self._room.full)
            return SparingFile(kept, path, self._at_cap)
        except BaseException:
            unused[kept] = None
            raise

    def _tell_losses(self, file: SegmentFile) -> None:
        def write(frames: bytes) -> int:
            return file.write(frames) or 0

        if not isinstance(file, SparingFile):  # that one tells what it gives up itself
            self._at_cap.tell(write)
        if not isinstance(file, MemoryFile):
            self._nowhere.tell(write)

    def _head(self) -> bytes:
        """What every segment begins with, so that it can be read alone: who speaks, and what goes on."""
        records = [self.process, *(start() for start in list(self.open.values()))]
        return b"".join(frame(self._encode(record)) for record in records)

    def _keep(self, deleted: DiskFile) -> None:
        """Keep what somebody has deleted before it was shipped."""
        memory = bytearray()
        rescued = Rescued(deleted, memory)
        self._segments = [
            segment._replace(file=rescued, memory=memory) if segment.file() is deleted else segment
            for segment in self._segments
        ]

    def _create_folder(self) -> None:
        """Once, as a rule; again where it was deleted, or where a record comes after :meth:`close`."""
        if self._lock is not None:
            locks.release(self._lock)
            self._lock = None
        self._folders += 1
        self.folder, self._lock = create_folder(self.root, self.process, self.exporters, self._folders)

    def _lock_again(self) -> None:
        """The program has closed what holds the lock, and the rest of ours. OSError where somebody looks at it."""
        with self._rotating:
            lock, folder = self._lock, self.folder
            if folder is not None and lock is not None and not lock.ours:
                self._lock = locks.acquire(folder / crash.ALIVE, exclusive=True)
                locks.release(lock)
                crash.leave_traces(folder)

    def _has_room(self) -> bool:
        return sum(len(segment.memory) for segment in self._segments if segment.memory is not None) < MEMORY_BYTES

    def _path(self, number: int) -> Path:
        assert self.folder is not None
        return segment_path(self.folder, number)
