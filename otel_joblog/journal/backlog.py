"""What waits in the journals, exporter by exporter: seen from the disk, so that any process of this user may ask."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ..records import Journaled, Line, Output, Progress, SpanEnded, decode
from .cursors import CursorFile, cursor_names
from .figures import Figures, figures
from .folders import journal_folders
from .frames import scan
from .reader import Cursor
from .recovery import look
from .room import Room, bytes_behind
from .segments import read_file, segment_numbers, segment_path
from .trouble import Trouble, trouble_of

__all__ = ["Backlog", "JournalState", "backlog", "journal_state"]

FIRST_BYTES = 64 * 1024  # read behind a cursor to learn the age of what waits there


class Backlog(msgspec.Struct, frozen=True):
    """What one exporter has still to ship."""

    exporter: str
    journals: int  # that hold something for it
    bytes: int
    age: float | None  # seconds since the oldest record that waits was emitted; None where none waits
    trouble: Trouble | None  # why, while it does not take anything


class JournalState(msgspec.Struct, frozen=True):
    """The journals of a host, and what the exporters of this process have done since it began."""

    bytes: int  # of what counts for the cap
    limit: int  # the cap, in bytes
    exporters: list[Backlog]
    shipped: dict[str, Figures]
    left_alone: dict[str, str]  # names of folders that are neither shipped nor deleted, and why


def journal_state(room: Room) -> JournalState:
    """Looks at the disk: milliseconds, with hundreds of journals tens of them."""
    try:
        left_alone = look(room.root).left_alone
        return JournalState(room.taken(), room.limit, backlog(room.root), dict(figures), left_alone)
    except OSError as error:
        why = f"it cannot be read: {error.strerror}"
        return JournalState(0, room.limit, [], dict(figures), {room.root.name: why})


def backlog(root: Path, folders: Iterable[Path] | None = None) -> list[Backlog]:
    """The backlog of every exporter that a journal below ``root`` waits for; of ``folders`` only, where given."""
    waiting: dict[str, list[tuple[int, float | None]]] = {}
    for folder in journal_folders(root) if folders is None else folders:
        with contextlib.suppress(OSError):  # shipped meanwhile; or it cannot be read, which `look` tells
            sizes = {number: segment_path(folder, number).stat().st_size for number in segment_numbers(folder)}
            for name in cursor_names(folder):
                cursor, _ = CursorFile(name).load(folder)
                waiting.setdefault(name, []).append((bytes_behind(cursor, sizes), _emitted(folder, cursor, sizes)))
    now = time.time()
    found = []
    for name, journals in sorted(waiting.items()):
        behind = [(size, emitted) for size, emitted in journals if size]
        times = [emitted for _, emitted in behind if emitted is not None]
        age = max(0.0, now - min(times)) if times else None
        found.append(Backlog(name, len(behind), sum(size for size, _ in behind), age, trouble_of(root, name)))
    return found


def _emitted(folder: Path, cursor: Cursor, sizes: dict[int, int]) -> float | None:
    """When the first record behind the cursor was emitted, in seconds since the epoch."""
    for number in sorted(sizes):
        offset = cursor.offset if number == cursor.segment else 0
        if number >= cursor.segment and sizes[number] > offset:
            return _first_emitted(segment_path(folder, number), offset)
    return None


def _first_emitted(segment: Path, offset: int) -> float | None:
    """Of one that may not be read, which waits all the same, when it was last written."""
    try:
        data = read_file(segment, offset, FIRST_BYTES)
    except OSError:
        return segment.stat().st_mtime
    times = [_time(decode(payload)) for payload in scan(data, final=False, limit=100).payloads]
    return next((emitted / 1e9 for emitted in times if emitted is not None), None)


def _time(record: Journaled) -> int | None:
    """None for what a segment's head repeats."""
    if isinstance(record, Line | Output | Progress):
        return record.time
    if isinstance(record, SpanEnded):
        return record.end
    return None
