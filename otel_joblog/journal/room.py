"""The journal's cap: what all journals of a host may take, and how room is made.

The oldest lines go first, of whatever process: a sealed segment that no exporter has begun is replaced by what is left
of it without its lines, which are counted (:class:`Dropped`). Starts and ends of runs and steps always stay; where they
fill the room, because one exporter is away for good, another that keeps up gets its lines all the same. What waits for
none of the exporters of this configuration is not counted, and left alone.

What is left of segment 4 is segment 5: readers come from the one to the other by themselves, and a reader that had seen
the old one sees nothing anew but what the store knows already. A segment that a reader may be in is left alone.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..config import OnFull, Settings
from ..diagnostics import report
from ..interruption import suppress_own
from ..records import holds_lines, lines_of, run_of_line
from . import locks
from .claims import FROZEN, Claim
from .crash import ALIVE
from .cursors import CursorFile, cursor_names
from .folders import journal_folders
from .frames import frame, scan
from .living import goes_on
from .losses import AT_THE_CAP, dropped_frames
from .reader import Cursor
from .segments import (
    delete_segment,
    is_remainder,
    marked_sealed,
    next_number,
    remainder_of,
    segment_numbers,
    segment_path,
    write_file,
)
from .standby import ship_lock

__all__ = ["Room", "bytes_behind", "taken"]

LOCK = "room.lock"
LOOK = 0.1  # seconds for which a look at the disk holds good, for lines that wait for room
KEEPS_UP = 4  # an exporter does for which no more than one part in so many of the cap waits
MARGIN = 32  # when room is made, one part in so many more than is needed, so that it is not needed again at once


class Room:
    """The room below ``root`` for all journals of this host."""

    def __init__(self, root: Path, limit: int, on_full: OnFull, exporters: Iterable[str] | None = None) -> None:
        self.limit = limit
        self.on_full = on_full
        self.root = root
        self._exporters = None if exporters is None else frozenset(exporters)
        self._damaged = 0
        self._full = False
        self._look_at = 0.0

    @classmethod
    def of(cls, settings: Settings, exporters: Iterable[str]) -> Room:
        """``exporters`` are those of these settings: what waits for others alone does not count, and is left alone."""
        return cls(settings.journal_dir, settings.journal_max_bytes, settings.on_full, exporters)

    def taken(self) -> int:
        """Bytes of the journals that count. OSError where not even their names can be seen."""
        return taken(self._folders())

    def _folders(self) -> list[Path]:
        return [folder for folder in journal_folders(self.root) if self._counts(folder)]

    def _counts(self, folder: Path) -> bool:
        if self._exporters is None:
            return True
        with suppress_own(OSError):
            names = cursor_names(folder)
            return not names or not names.isdisjoint(self._exporters)
        return True

    def full(self) -> bool:
        """Whether the cap is reached; seen at most a tenth of a second ago."""
        if time.monotonic() >= self._look_at:
            with suppress_own(OSError):  # a look that fails tells nothing: what the last one saw holds good
                self._full = self.taken() >= self.limit
            self._look_at = time.monotonic() + LOOK
        return self._full

    def make(self) -> bool:
        """Make room, where that is what to do at the cap. False where it is reached all the same."""
        self._look_at = 0.0
        if not self.full():
            return True
        if self.on_full != "drop_oldest_logs" and not self._store_keeps_up():
            return False
        with suppress_own(OSError):  # another makes room, or it cannot be seen now what there is
            alone = Claim.take(self.root / LOCK, stale=FROZEN)
            try:
                self._give_up_oldest(alone)
            finally:
                alone.let_go()
        self._look_at = 0.0
        return not self.full() or self._somebody_takes()

    def _somebody_takes(self) -> bool:
        """Whether an exporter keeps up, where no lines are left to be given up: the others' debt costs it nothing."""
        return min(self._debts().values(), default=self.limit) < self.limit // KEEPS_UP

    def _store_keeps_up(self) -> bool:
        """Whether it is an OTLP endpoint alone that is away: for that no line is refused, and no job waits."""
        debts = [debt for name, debt in self._debts().items() if name.startswith("postgres-")]
        return bool(debts) and max(debts) < self.limit // KEEPS_UP

    def _debts(self) -> dict[str, int]:
        """The bytes that wait for each exporter that counts."""
        debts: Counter[str] = Counter(dict.fromkeys(self._exporters or (), 0))
        for folder in self._folders():
            with suppress_own(OSError):
                sizes = {number: segment_path(folder, number).stat().st_size for number in segment_numbers(folder)}
                for name in cursor_names(folder):
                    if self._exporters is None or name in self._exporters:
                        debts[name] += bytes_behind(CursorFile(name).load(folder)[0], sizes)
        return debts

    def _give_up_oldest(self, alone: Claim) -> None:
        wanted = self.taken() - self.limit + self.limit // MARGIN
        for segment in sorted(_segments_with_lines(self._folders())):
            if wanted <= 0 or not alone.holds():
                break
            with suppress_own(OSError), _undisturbed(segment) as free:
                if free:
                    wanted -= self._give_up_lines(segment)

    def report(self) -> None:
        """Tell what was found meanwhile, once no lock is held any more."""
        damaged, self._damaged = self._damaged, 0
        if damaged:
            report("damaged", "%d bytes of the journals were damaged and skipped", damaged)

    def _give_up_lines(self, segment: _Segment) -> int:
        """Replace a segment by what is left of it without lines; returns how many bytes that has freed."""
        data = segment_path(segment.folder, segment.number).read_bytes()
        found = scan(data, final=True, limit=len(data))
        self._damaged += found.damaged + found.cut
        lost: Counter[tuple[bytes, bytes]] = Counter()
        kept = []
        for payload in found.payloads:
            if holds_lines(payload[:2]):
                lost[run_of_line(payload)] += lines_of(payload)
            else:
                kept.append(frame(payload))
        remainder = b"".join([*kept, dropped_frames(lost, AT_THE_CAP)])
        # Before the other is deleted: whoever dies between the two leaves both, which the store takes as one.
        write_file(segment_path(segment.folder, remainder_of(segment.number)), remainder)
        delete_segment(segment.folder, segment.number)
        return len(data) - len(remainder)


class _Segment(NamedTuple):
    written_at: float
    folder: Path
    number: int


def bytes_behind(cursor: Cursor, sizes: dict[int, int]) -> int:
    """Of segments with these sizes."""
    later = sum(size for number, size in sizes.items() if number > cursor.segment)
    return later + max(0, sizes.get(cursor.segment, 0) - cursor.offset)


def taken(folders: Iterable[Path]) -> int:
    """Bytes that journals take, as far as they can be read."""
    total = 0
    for folder in folders:
        with suppress_own(OSError):
            for number in list(segment_numbers(folder)):
                with suppress_own(FileNotFoundError):
                    total += segment_path(folder, number).stat().st_size
    return total


def _segments_with_lines(folders: Iterable[Path]) -> Iterator[_Segment]:
    for folder in folders:
        with suppress_own(OSError):
            for number in list(segment_numbers(folder)):
                if not is_remainder(number):
                    with suppress_own(FileNotFoundError):
                        yield _Segment(segment_path(folder, number).stat().st_mtime, folder, number)


@contextlib.contextmanager
def _undisturbed(segment: _Segment) -> Iterator[bool]:
    """Whether nobody writes to the segment any more, and no reader is in it or comes to it while the block runs."""
    folder, number = segment.folder, segment.number
    names = cursor_names(folder)
    with locks.held(folder / ALIVE, exclusive=False) as free, contextlib.ExitStack() as claims:
        if free and not goes_on(folder):
            claimed = [claims.enter_context(locks.held(ship_lock(folder, name), exclusive=True)) for name in names]
            at = [CursorFile(name).load(folder)[0].segment for name in names]
            yield all(claimed) and number not in at
        else:
            # A reader's cursor is written down after each batch, and a batch is of one segment: with a whole segment
            # between, it cannot be here.
            at = [CursorFile(name).load(folder)[0].segment for name in names]
            begun = any(cursor <= number < next_number(next_number(cursor)) for cursor in at)
            yield marked_sealed(folder, number) and not begun
