"""Records, processes and sinks for tests of the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from otel_joblog.journal.journal import Journal
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.room import Room
from otel_joblog.journal.segments import Segments
from otel_joblog.records import Dropped, Line, Process, Record, encode

PROCESS = Process(
    bytes(range(16)), 1_700_000_000_000_000_000, 4711, "host", "boot", "service", {"service.name": "service"}
)


def named(number: int) -> str:
    """A name such as folders of journals have."""
    return f"{number:014d}-4711-000102030405"


def line(number: int, message: str = "") -> Line:
    return Line(b"t" * 16, b"r" * 8, b"r" * 8, number, number, 9, 0, "log", message or f"line {number}")


def unlimited(root: Path) -> Room:
    return Room(root, 2**40, "drop_oldest_logs")


def journal(root: Path, *exporters: str) -> Journal:
    return Journal(root, PROCESS, exporters)


def fill(journal: Journal, numbers: Sequence[int], message: str = "") -> None:
    for number in numbers:
        journal.append(encode(line(number, message)))


def read_all(segments: Segments) -> tuple[list[int], int]:
    """The numbers of all lines in a journal, in the order in which they are read, and how many bytes were damaged."""
    reader = JournalReader(segments, Cursor())
    numbers: list[int] = []
    damaged = 0
    while (batch := reader.read()).end != reader.cursor:
        numbers += [record.seq for record in batch.records if isinstance(record, Line)]
        damaged += batch.damaged
        reader.cursor = batch.end
    return numbers, damaged


def lines_dropped(segments: Segments) -> int:
    """How many lines a journal says were given up."""
    reader = JournalReader(segments, Cursor())
    lines = 0
    while (batch := reader.read()).end != reader.cursor:
        lines += sum(record.lines for record in batch.records if isinstance(record, Dropped))
        reader.cursor = batch.end
    return lines


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)


class Kept:
    """A sink that keeps what it gets, or raises the next of ``troubles`` instead."""

    def __init__(self, name: str = "kept", *troubles: Exception) -> None:
        self.name = name
        self.troubles = list(troubles)
        self.records: list[Record] = []
        self.restored: list[bytes] = []
        self.closed = False

    @property
    def numbers(self) -> list[int]:
        return [record.seq for record in self.records if isinstance(record, Line)]

    def prepare(self) -> None:
        pass

    def ship(self, records: Sequence[Record], process: Process | None) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.records += records

    def snapshot(self) -> bytes:
        return b"%d" % len(self.records)

    def restore(self, snapshot: bytes) -> None:
        self.restored.append(snapshot)

    def fresh(self) -> Kept:
        return self

    def beat(self, process_ids: list[bytes]) -> None:
        pass

    def forget(self, process_ids: list[bytes]) -> None:
        pass

    def settle(self, lost_after: float) -> None:
        pass

    def close(self) -> None:
        self.closed = True
