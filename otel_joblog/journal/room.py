"""The journal's cap: what all journals of a host may take, and how room is made.

The oldest lines go first, of whatever process: a sealed segment that no exporter has begun is replaced by what is left
of it without its lines, which are counted (:class:`Dropped`). Starts and ends of runs and steps always stay.

What is left of segment 4 is segment 5: readers come from the one to the other by themselves, and a reader that had seen
the old one sees nothing anew but what the store knows already. A segment that a reader may be in is left alone.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..config import OnFull, Settings
from ..diagnostics import report
from ..records import holds_lines, lines_of, run_of_line
from . import locks
from .claims import FROZEN, Claim
from .crash import ALIVE
from .cursors import CursorFile, cursor_names
from .folders import journal_folders
from .frames import frame, scan
from .losses import AT_THE_CAP, dropped_frames
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

__all__ = ["Room", "taken"]

LOCK = "room.lock"
LOOK = 0.1  # seconds for which a look at the disk holds good, for lines that wait for room
MARGIN = 32  # when room is made, one part in so many more than is needed, so that it is not needed again at once


class Room:
    """The room below ``root`` for all journals of this host."""

    def __init__(self, root: Path, limit: int, on_full: OnFull) -> None:
        self.limit = limit
        self.on_full = on_full
        self.root = root
        self._damaged = 0
        self._full = False
        self._look_at = 0.0

    @classmethod
    def of(cls, settings: Settings) -> Room:
        return cls(settings.journal_dir, settings.journal_max_bytes, settings.on_full)

    def full(self) -> bool:
        """Whether the cap is reached; seen at most a tenth of a second ago."""
        if time.monotonic() >= self._look_at:
            with contextlib.suppress(OSError):  # a look that fails tells nothing: what the last one saw holds good
                self._full = taken(self.root) >= self.limit
            self._look_at = time.monotonic() + LOOK
        return self._full

    def make(self) -> bool:
        """Make room, where that is what to do at the cap. False where it is reached all the same."""
        self._look_at = 0.0
        if not self.full():
            return True
        if self.on_full != "drop_oldest_logs":
            return False
        with contextlib.suppress(OSError):  # another makes room, or it cannot be seen now what there is
            alone = Claim.take(self.root / LOCK, stale=FROZEN)
            try:
                self._give_up_oldest(alone)
            finally:
                alone.let_go()
        self._look_at = 0.0
        return not self.full()

    def _give_up_oldest(self, alone: Claim) -> None:
        wanted = taken(self.root) - self.limit + self.limit // MARGIN
        for segment in sorted(_segments_with_lines(self.root)):
            if wanted <= 0 or not alone.holds():
                break
            with contextlib.suppress(OSError), _undisturbed(segment) as free:
                if free:
                    wanted -= self._give_up_lines(segment)

    def report(self) -> None:
        """Tell what was found meanwhile, once no lock is held any more."""
        damaged, self._damaged = self._damaged, 0
        if damaged:
            report("damaged", "%d bytes of the journals were damaged and passed over", damaged)

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


def taken(root: Path) -> int:
    """Bytes that all journals take, as far as they can be read. OSError where not even their names can."""
    total = 0
    for folder in journal_folders(root):
        with contextlib.suppress(OSError):
            for number in list(segment_numbers(folder)):
                with contextlib.suppress(FileNotFoundError):
                    total += segment_path(folder, number).stat().st_size
    return total


def _segments_with_lines(root: Path) -> Iterator[_Segment]:
    for folder in journal_folders(root):
        with contextlib.suppress(OSError):
            for number in list(segment_numbers(folder)):
                if not is_remainder(number):
                    with contextlib.suppress(FileNotFoundError):
                        yield _Segment(segment_path(folder, number).stat().st_mtime, folder, number)


@contextlib.contextmanager
def _undisturbed(segment: _Segment) -> Iterator[bool]:
    """Whether nobody writes to the segment any more, and no reader is in it or comes to it while the block runs."""
    folder, number = segment.folder, segment.number
    names = cursor_names(folder)
    with locks.held(folder / ALIVE, exclusive=False) as dead, contextlib.ExitStack() as claims:
        if dead:
            claimed = [claims.enter_context(locks.held(folder / f"{name}.ship", exclusive=True)) for name in names]
            at = [CursorFile(name).load(folder)[0].segment for name in names]
            yield all(claimed) and number not in at
        else:
            # A reader's cursor is written down after each batch, and a batch is of one segment: with a whole segment
            # between, it cannot be here.
            at = [CursorFile(name).load(folder)[0].segment for name in names]
            begun = any(cursor <= number < next_number(next_number(cursor)) for cursor in at)
            yield marked_sealed(folder, number) and not begun
