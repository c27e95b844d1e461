"""The folders of journals: one below the root for each process, made and deleted in one step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from ..records import Process
from . import crash, locks
from .cursors import CursorFile
from .reader import Cursor

__all__ = ["create_folder", "discard", "journal_folders", "make_root", "remove_folder"]


def journal_folders(root: Path) -> list[Path]:
    """Folders of all journals below ``root``, oldest first."""
    try:
        return sorted(path for path in root.iterdir() if not path.name.startswith(".") and path.is_dir())
    except FileNotFoundError:
        return []


def make_root(root: Path) -> None:
    """The folder of all journals and the state folder around it, for this user alone."""
    root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.mkdir(mode=0o700, exist_ok=True)


def create_folder(root: Path, process: Process, exporters: Sequence[str], count: int) -> tuple[Path, int]:
    """A journal's folder and its lock, held. It appears under its name only when complete, with the lock held."""
    make_root(root)
    started = time.strftime("%Y%m%d%H%M%S", time.gmtime(process.started / 1e9))
    name = f"{started}-{process.pid}-{process.process_id.hex()[:12]}" + (f"-{count}" if count > 1 else "")
    making = root / f".making-{name}"
    making.mkdir(mode=0o700)
    descriptor = None
    try:
        descriptor = locks.acquire(making / crash.ALIVE, exclusive=True)
        for exporter in exporters:
            CursorFile(exporter).save(making, Cursor())
        making.rename(root / name)
    except OSError:
        if descriptor is not None:
            locks.release(descriptor)
        discard(making)
        raise
    return root / name, descriptor


def remove_folder(folder: Path) -> None:
    """Delete a journal's folder; of several that try, one does."""
    gone = folder.with_name(f".gone-{folder.name}")
    with contextlib.suppress(OSError):
        folder.rename(gone)
        discard(gone)


def discard(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
