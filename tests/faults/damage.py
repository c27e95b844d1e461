"""Journals that were damaged on the disk: cut off in their last record, and with a bit flipped anywhere."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired
from typing import NamedTuple

import psycopg

from otel_joblog.journal.frames import HEADER_SIZE, frame, scan
from otel_joblog.journal.recovery import dead_journals
from otel_joblog.journal.segments import FIRST, segment_path
from otel_joblog.records import Line, Process, Record, SpanEnded, SpanStarted, decode

from .agents import close_door, open_door
from .bench import Bench, Hang, Room, new_name
from .tally import STATUSES, Tally

LINES = 40
FLIPS = 500
PATIENCE = 600.0  # seconds for a thousand journals

STORED = "select message, count(*) from joblog.job_log where logger = 'fault' group by message"
RUNS = "select name, status, lines, coalesce(lines_emitted, lines) from joblog.job_run where name <> ''"


class Lying(NamedTuple):
    """A record, and where it lies in its segment."""

    record: Record
    start: int
    end: int


class Pattern:
    """The journal of a real job that died (``sigkill``) or that ended (``end``), to be copied with other ids."""

    def __init__(self, room: Room, ending: str) -> None:
        worker = room.work(ending, lines=LINES)
        worker.end()
        room.workers.clear()
        (self.folder,) = dead_journals(room.state / "journal")
        self.name = worker.name
        self.payloads = scan(segment_path(self.folder, FIRST).read_bytes(), final=True, limit=10_000).payloads
        records = [decode(payload) for payload in self.payloads]
        (process,) = (record for record in records if isinstance(record, Process))
        run = next(record for record in records if isinstance(record, SpanStarted))
        self.ended = any(isinstance(record, SpanEnded) and record.span_id == run.span_id for record in records)
        self._process_id = process.process_id
        self._trace_id = run.trace_id
        self.folder = self.folder.rename(room.folder / f"pattern-{ending}")

    def copy(self, root: Path) -> Copy:
        """Another process's journal with another run: the same bytes but for ids and the job's name."""
        name, process_id, trace_id = new_name(), os.urandom(16), os.urandom(16)
        folder = root / f"20260101000000-4711-{process_id.hex()[:12]}"
        shutil.copytree(self.folder, folder)
        segment = bytearray()
        lying = []
        for payload in self.payloads:
            own = (
                payload.replace(self._process_id, process_id)
                .replace(self._trace_id, trace_id)
                .replace(self.name.encode(), name.encode())
            )
            start = len(segment)
            segment += frame(own)
            lying.append(Lying(decode(own), start, len(segment)))
        segment_path(folder, FIRST).write_bytes(segment)
        return Copy(name, folder, lying, self.ended)


@dataclass
class Copy:
    name: str
    folder: Path
    lying: list[Lying]
    ended: bool
    touched: Record | None = None

    @property
    def segment(self) -> Path:
        return segment_path(self.folder, FIRST)

    def cut(self, size: int) -> None:
        """Leave so many bytes of the last record."""
        last = self.lying[-1]
        os.truncate(self.segment, last.start + size)
        self.touched = last.record

    def flip(self, bit: int) -> None:
        flip(self.segment, bit)
        (self.touched,) = (lying.record for lying in self.lying if lying.start <= bit // 8 < lying.end)

    def messages(self) -> Iterator[str]:
        """The lines that must be stored: all but the one that was hit."""
        for lying in self.lying:
            if isinstance(lying.record, Line) and lying.record is not self.touched:
                yield lying.record.message

    @property
    def status(self) -> str:
        """What is to become of its run. A journal says its start twice, so that one of them may be hit."""
        hit = self.touched
        return "success" if self.ended and not (isinstance(hit, SpanEnded) and hit.kind == "job") else "lost"

    @property
    def missing(self) -> int:
        """How many lines the store must know to be missing. Of a last line that was hit nobody knows any more."""
        hit = self.touched
        return isinstance(hit, Line) and (self.ended or hit is not self.lying[-1].record)


def flip(path: Path, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))


def patterns(room: Room) -> list[Pattern]:
    close_door(room)
    return [Pattern(room, "sigkill"), Pattern(room, "end")]


def journal_truncated(bench: Bench, tally: Tally) -> None:
    """a journal cut off after every byte of its last record"""
    room = bench.room()
    root = room.state / "journal"
    copies = []
    for pattern in patterns(room):
        size = HEADER_SIZE + len(pattern.payloads[-1])
        step = 1 if bench.scale >= 1 else 7
        for left in range(1, size, step):
            copies.append(copy := pattern.copy(root))
            copy.cut(left)
    settle(bench, tally, room, copies)


def journal_bit_flipped(bench: Bench, tally: Tally) -> None:
    """one random bit of a journal flipped; and each bit of a cursor"""
    room = bench.room()
    root = room.state / "journal"
    killed, ended = patterns(room)
    copies = []
    for number in bench.times(FLIPS):
        copies.append(copy := (killed, ended)[number % 2].copy(root))
        copy.flip(random.randrange(8 * copy.segment.stat().st_size))
    (cursor,) = ended.folder.glob("*.cursor")
    for bit in range(0, 8 * cursor.stat().st_size, 1 if bench.scale >= 1 else 7):
        copies.append(copy := ended.copy(root))
        flip(copy.folder / cursor.name, bit)
    settle(bench, tally, room, copies)


def settle(bench: Bench, tally: Tally, room: Room, copies: list[Copy]) -> None:
    """One recoverer for all; then everything but what was touched must be there once, and the damage told of."""
    open_door(bench, room)
    try:
        code = room.command("recover").wait(PATIENCE)
    except TimeoutExpired:
        raise Hang("recover does not come to an end") from None
    said = (room.folder / "recover.log").read_text()
    left = dead_journals(room.state / "journal")
    tally.expect(code == 0 and not left, f"recover ended with {code}, {len(left)} journals are left: {said[-1500:]}")
    tally.expect("Traceback" not in said and "could not be" not in said, f"recover stumbled: {said[-1500:]}")
    tally.expect(not (room.state / "journal" / "dead-letters.jsonl").exists(), "there are dead letters")
    with psycopg.connect(room.direct) as connection:
        stored = dict(connection.execute(STORED).fetchall())
        runs = {name: (STATUSES[status], lines, all_) for name, status, lines, all_ in connection.execute(RUNS)}
    wanted = {message for copy in copies for message in copy.messages()}
    tally.times += len(copies)
    tally.emitted += len(wanted)
    tally.stored += len(stored)
    tally.duplicated += sum(stored.values()) - len(stored)
    tally.lost += len(wanted - stored.keys())
    tally.expect(not stored.keys() - wanted, f"lines that were damaged: {sorted(stored.keys() - wanted)[:3]}")
    touched: Counter[str] = Counter()
    for copy in copies:
        check(tally, copy, runs.get(copy.name), said)
        if copy.touched is not None:
            touched[type(copy.touched).__name__] += 1
    tally.remarks.append("touched: " + ", ".join(f"{count} {kind}" for kind, count in touched.most_common()))


def check(tally: Tally, copy: Copy, run: tuple[str, int, int] | None, said: str) -> None:
    if copy.touched is not None:
        tally.expect(copy.folder.name in said, f"the damage of {copy.name} ({copy.touched}) was not told of")
    if run is None:
        tally.problems.append(f"{copy.name}: its run is not stored, though {copy.touched} was hit")
        return
    status, lines, emitted = run
    tally.verdicts[status] += 1
    tally.expect(status == copy.status, f"{copy.name} is {status}, though {copy.touched} was hit")
    missing = emitted - lines
    tally.expect(missing == copy.missing, f"{copy.name}: {missing} lines said to be missing, {copy.missing} were hit")


CASES = (journal_truncated, journal_bit_flipped)
