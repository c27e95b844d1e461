"""What is to outlive a power cut, not the process only: segments, and the names that they lie under."""

from __future__ import annotations

import os
from pathlib import Path

from ..config import Fsync
from ..descriptors import opened
from ..diagnostics import report
from ..interruption import foreign, suppress_own
from .ownsegments import OwnSegments
from .segments import FIRST, DiskFile, next_number

__all__ = ["SyncedSegments"]


class SyncedSegments(OwnSegments):
    """Segments below ``root`` that are synced as :class:`~.journal.Journal` is told to."""

    def __init__(self, root: Path, fsync: Fsync) -> None:
        super().__init__()
        self.root = root
        self.fsync = fsync
        self._sync_each = fsync == "always"
        self._sync_from = FIRST  # the first segment that may hold what was not synced

    def sync(self) -> None:
        """Have what was appended before this call outlive a power cut, as far as it is on disk."""
        try:
            for segment in self._segments:
                if segment.memory is None and segment.number >= self._sync_from:
                    sealed = self.sealed(segment.number)
                    with suppress_own(FileNotFoundError):  # shipped meanwhile
                        _sync(segment.path, os.O_RDONLY)
                    if sealed:
                        self._sync_from = next_number(segment.number)
            with suppress_own(FileNotFoundError):
                self._sync_names()
        except OSError as error:
            if foreign(error):
                raise
            report("fsync", "the journal could not be synced: %s", error)

    def _sync_written(self, file: DiskFile) -> None:
        try:
            if not file.lost:
                os.fdatasync(file.fileno())
        except OSError as error:
            if foreign(error):
                raise
            report("fsync", "the journal could not be synced: %s", error)

    def _sync_names(self) -> None:
        if self.folder is not None:
            _sync(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            _sync(self.root, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    with opened(path, flags) as descriptor:
        os.fdatasync(descriptor)
