"""Reading a journal back: batches of records behind a cursor."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import msgspec

from ..diagnostics import report
from ..records import Journaled, Output, Process, Record, decode
from .frames import HEADER_SIZE, Scan, scan
from .segments import Segments

__all__ = ["Batch", "Cursor", "JournalReader"]

BATCH_BYTES = 512 * 1024
BATCH_RECORDS = 2_000
BATCH_LINES = 10_000  # of which many may be one record


class Cursor(NamedTuple):
    """A place in a journal: everything before it has been dealt with."""

    segment: int = 0
    offset: int = 0


class Batch(NamedTuple):
    records: list[Record]
    process: Process | None  # who wrote this journal
    end: Cursor  # the place after the last of the records
    damaged: int  # bytes passed over because they belong to no good record
    cut: int  # bytes at the ends of segments that look like the beginning of a record


class JournalReader:
    """Reads records in the order in which they were appended, from any cursor on."""

    def __init__(self, segments: Segments, cursor: Cursor) -> None:
        self.cursor = cursor
        self._segments = segments
        self._process: Process | None = None

    def read(self) -> Batch:
        """The records that follow the cursor, none at the end: about half a megabyte and 10,000 lines at most. Does not
        move on.
        """
        at = self.cursor
        damaged = cut = 0
        for number in self._segments.numbers():
            if number < at.segment:
                continue
            if number > at.segment:
                at = Cursor(number, 0)
            # Asked before reading: a segment sealed by then has no byte that this read does not see.
            sealed = self._segments.sealed(number)
            found = self._scan(at, final=sealed)
            at = Cursor(number, at.offset + found.consumed)
            damaged += found.damaged
            cut += found.cut
            if found.cut:
                report("cut", "%d bytes of an unfinished record end a segment of the journal", found.cut, outage=True)
            if found.payloads:
                records, bad = self._decode(found.payloads)
                return Batch(records, self._known_process(number), at, damaged + bad, cut)
            if not sealed:
                break
        return Batch([], self._process, at, damaged, cut)

    def _scan(self, at: Cursor, *, final: bool) -> Scan:
        size = BATCH_BYTES
        while True:
            data = self._segments.read(at.segment, at.offset, size)
            whole = len(data) < size  # nothing more there
            found = scan(data, final=final and whole, limit=BATCH_RECORDS)
            if found.payloads or whole or found.consumed:
                if data.count(b"\n") + len(found.payloads) > BATCH_LINES:
                    few = _few_lines(found.payloads)
                    if few < len(found.payloads):  # read anew, for the place where they end
                        return scan(data, final=final and whole, limit=few)
                return found
            # One record larger than the read: take it whole. A length that was damaged asks for what is not there.
            size = max(size * 2, found.wanted)

    def _decode(self, payloads: list[bytes]) -> tuple[list[Record], int]:
        with contextlib.suppress(msgspec.DecodeError):
            return _lines_apart([decode(payload) for payload in payloads]), 0
        records: list[Journaled] = []
        bad = 0
        for payload in payloads:
            try:
                records.append(decode(payload))
            except msgspec.DecodeError:  # sound bytes that this version does not understand
                bad += HEADER_SIZE + len(payload)
        return _lines_apart(records), bad

    def _known_process(self, number: int) -> Process | None:
        if self._process is None:
            head = self._segments.read(number, 0, BATCH_BYTES)
            records, _ = self._decode(scan(head, final=False, limit=1).payloads)
            if records and isinstance(records[0], Process):
                self._process = records[0]
        return self._process


def _few_lines(payloads: list[bytes]) -> int:
    """How many of these, at least one, hold as many lines as a batch may. A newline is the same byte in MessagePack."""
    lines = 0
    for number, payload in enumerate(payloads):
        lines += 1 + payload.count(b"\n")
        if number and lines > BATCH_LINES:
            return number
    return len(payloads)


def _lines_apart(records: list[Journaled]) -> list[Record]:
    """The same with every line for itself."""
    apart: list[Record] = []
    for record in records:
        if isinstance(record, Output):
            apart += record.lines()
        else:
            apart.append(record)
    return apart
