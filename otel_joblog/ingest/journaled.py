"""Keeping what comes in in a journal of this process's own (``OTEL_JOBLOG_INGEST_ACKNOWLEDGE=journal``).

It is the journal that jobs have (:mod:`otel_joblog.journal`): appended to without waiting for PostgreSQL, read back and
shipped by a thread, and by the next process, an agent or a viewer where this one dies. At its cap, and where the disk
takes nothing, senders are told to come again.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence

from ..config import Settings
from ..errors import StoreUnavailable
from ..export.postgres import PostgresSpanExporter
from ..journal.crash import boot_id
from ..journal.journal import Journal
from ..journal.room import Room
from ..journal.shipper import Shipper
from ..records import Line, Process, Record, SpanEnded, Told, encode

__all__ = ["Journaled"]

TOLD = 100  # records in one: what the database refuses is set aside by so many


class Journaled:
    """A :class:`~.lanes.Keeper` for any number of lanes."""

    def __init__(self, settings: Settings) -> None:
        sink = PostgresSpanExporter(settings)
        host, name = socket.gethostname(), "otel-joblog ingest"
        process = Process(os.urandom(16), time.time_ns(), os.getpid(), host, boot_id(), name, {"service.name": name})
        self._room = Room.of(settings, [sink.name])
        self._timeout = settings.exit_timeout
        self._journal = Journal(settings.journal_dir, process, [sink.name], self._room, settings.fsync)
        self._shipper = Shipper(self._journal, [sink])

    def start(self) -> None:
        self._shipper.start()

    def write(self, records: Sequence[Record], /) -> None:
        """Append the records. Raises :class:`StoreUnavailable` where they would not outlive this process."""
        if self._room.full():
            raise StoreUnavailable(f"the journals have reached their cap of {self._room.limit:,} bytes")
        if self._journal.in_memory:  # a small record tries the disk again: the request comes again, as often as it must
            self._append(self._journal.process)
        for told in _told(records):
            self._append(told)

    def _append(self, record: Record) -> None:
        self._journal.append(encode(record))
        if self._journal.in_memory:
            raise StoreUnavailable(f"the journal cannot be written: {self._journal.trouble}")

    def close(self) -> None:
        """Nothing: other lanes go on."""

    def stop(self) -> None:
        """Ship what can be shipped in the time for that; the rest waits for the next process."""
        if self._shipper.shutdown(self._timeout):
            self._journal.remove()
        else:
            self._journal.spill(ending=True)
            self._journal.close()


def _told(records: Sequence[Record]) -> Iterator[Told]:
    speaker: Process | None = None
    told: list[Line | SpanEnded] = []
    for record in records:
        if speaker is not None and told and (isinstance(record, Process) or len(told) == TOLD):
            yield Told(speaker, told)
            told = []
        if isinstance(record, Process):
            speaker = record
        elif isinstance(record, Line | SpanEnded):
            told.append(record)
    if speaker is not None and told:
        yield Told(speaker, told)
