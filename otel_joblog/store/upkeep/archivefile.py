"""Files of an archive: compressed, there whole or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

__all__ = ["free_path", "write_whole"]


def free_path(folder: Path, day: date) -> Path:
    """Where runs that began on a day go: ``joblog-2026-08-29.jsonl.gz``, or ``…-2.jsonl.gz`` where that is taken."""
    number = 1
    while True:
        path = folder / f"joblog-{day:%Y-%m-%d}{f'-{number}' if number > 1 else ''}.jsonl.gz"
        if not path.exists():
            return path
        number += 1


def write_whole(path: Path, lines: Iterable[bytes]) -> None:
    """Writes them under another name, and gives the file its own once the disk has it all. Raises OSError.

    It is this user's only, as is a folder that has to be made: logs tell a lot.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as compressed:
            compressed.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
