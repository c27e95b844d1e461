"""The folders of journals: one below the root for each process, made and deleted in one step."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..descriptors import Kept
from ..interruption import foreign, suppress_own
from ..records import Process
from . import crash, living, locks
from .cursors import CursorFile
from .reader import Cursor

__all__ = ["create_folder", "discard", "half_folders", "journal_folders", "make_root", "remove_folder", "strangers"]

MAKING, GONE = ".making-", ".gone-"  # before the name of a folder that is half made or half deleted

_NAME = re.compile(r"\d{14}-\d+-[0-9a-f]{12}(-\d+)?")  # as create_folder gives it


def journal_folders(root: Path) -> list[Path]:
    """Folders of all journals below ``root``, known by their names, oldest first. OSError where the look fails."""
    return [root / name for name in _folders(root) if _NAME.fullmatch(name)]


def strangers(root: Path) -> list[str]:
    """Names of the folders below ``root`` that we did not make: lost+found, a copy that somebody saved."""
    return [name for name in _folders(root) if not name.startswith(".") and not _NAME.fullmatch(name)]


def half_folders(root: Path) -> Iterator[Path]:
    """What processes left that died while they made or deleted a journal's folder."""
    for name in _folders(root):
        if any(name.startswith(state) and _NAME.fullmatch(name.removeprefix(state)) for state in (MAKING, GONE)):
            yield root / name


def _folders(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError as error:
        if foreign(error):
            raise
        return []


def make_root(root: Path) -> None:
    """The folder of all journals and the state folder around it, for this user alone."""
    # Asked first: where a folder is there already, Path.mkdir passes over any OSError, also one from elsewhere.
    if not os.access(root.parent, os.F_OK):
        root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(root, os.F_OK):
        root.mkdir(mode=0o700, exist_ok=True)


def create_folder(root: Path, process: Process, exporters: Sequence[str], count: int) -> tuple[Path, Kept]:
    """A journal's folder and its lock, held. It appears under its name only when complete, with the lock held."""
    make_root(root)
    started = time.strftime("%Y%m%d%H%M%S", time.gmtime(process.started / 1e9))
    name = f"{started}-{process.pid}-{process.process_id.hex()[:12]}" + (f"-{count}" if count > 1 else "")
    folder, making = root / name, root / f"{MAKING}{name}"
    lock = None
    try:
        making.mkdir(mode=0o700)
        lock = locks.acquire(making / crash.ALIVE, exclusive=True)
        living.say_that_it_lives(lock)
        for exporter in exporters:
            CursorFile(exporter).save(making, Cursor())
        making.rename(folder)
        return folder, lock
    except BaseException:
        if lock is not None:
            locks.release(lock)
        discard(making)
        raise


def remove_folder(folder: Path) -> None:
    """Delete a journal's folder; of several that try, one does."""
    gone = folder.with_name(f"{GONE}{folder.name}")
    with suppress_own(OSError):
        folder.rename(gone)
        discard(gone)


def discard(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
