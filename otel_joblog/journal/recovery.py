"""Journals that outlived their processes: found, claimed and shipped.

1. A journal whose ``lock`` can be taken belongs to a dead process. Whoever ships it holds that lock shared, so that
   exporters may work on it side by side, and no one mistakes it for a living one.
2. Each exporter is claimed by a lock of its own, so that two never ship the same records at once.
3. It is deleted when every exporter that its process had (the cursor files say which) has come to the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ..diagnostics import report
from .cursors import CursorFile, cursor_names
from .delivery import Deliverer, Sink
from .journal import remove_folder
from .reader import JournalReader
from .segments import DiskSegments

__all__ = ["dead_journals", "ship_dead"]

_END = ".end"


def dead_journals(root: Path) -> list[Path]:
    """Folders of journals that nobody writes any more, oldest first."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for folder in sorted(path for path in root.iterdir() if not path.name.startswith(".") and path.is_dir()):
            with _locked(folder / "lock", fcntl.LOCK_SH) as free:
                if free:
                    found.append(folder)
    return found


def ship_dead(folder: Path, sink: Sink, waits: Callable[[float], bool]) -> bool:
    """Ship what a dead process left for this exporter. True when nothing is left for it (or it never was to have any).

    ``waits`` is asked with 0 between batches, and with the seconds to wait after a failure; False gives up for now.
    """
    with _locked(folder / "lock", fcntl.LOCK_SH) as free:
        if not free:
            return False
        with _locked(folder / f"{sink.name}.ship", fcntl.LOCK_EX) as claimed:
            if not claimed:
                return False
            if sink.name in cursor_names(folder) and not (folder / f"{sink.name}{_END}").exists():
                if not _ship(folder, sink, waits):
                    return False
                (folder / f"{sink.name}{_END}").touch(mode=0o600)
        if all((folder / f"{name}{_END}").exists() for name in cursor_names(folder)):
            remove_folder(folder)
    return True


def _ship(folder: Path, sink: Sink, waits: Callable[[float], bool]) -> bool:
    cursor_file = CursorFile(sink.name)
    cursor, snapshot = cursor_file.load(folder)
    sink.restore(snapshot)
    reader = JournalReader(DiskSegments(folder), cursor)
    deliverer = Deliverer(sink, folder.parent, waits)
    while True:
        batch = reader.read()
        if batch.damaged:
            report("damaged", "%d bytes of journal %s were damaged and passed over", batch.damaged, folder.name)
        if not batch.records:
            return True
        if not waits(0) or not deliverer.deliver(batch.records, batch.process):
            return False
        reader.cursor = batch.end
        cursor_file.save(folder, batch.end, sink.snapshot())


@contextlib.contextmanager
def _locked(path: Path, mode: int) -> Iterator[bool]:
    """Whether the lock could be taken at once; it is held while the block runs."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
