"""For tests of your own jobs: what they record, in memory, without a database or a file.

::

    from otel_joblog.testing import recording

    def test_import_reports_its_rows():
        with recording() as recorded:
            nightly_import()
        run = recorded.runs[0]
        assert run.status == "success"
        assert "loaded 120 rows" in recorded.messages
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from . import setup
from .capture import identifiers
from .config import Settings
from .conventions import SpanKind
from .journal.journal import Journal
from .journal.shipper import Shipper
from .provider import find_or_make_provider
from .records import Line, Output, Process, Progress, Record, Sample, SpanEnded, SpanStarted, decode

__all__ = ["Recorded", "recording"]

EPOCH = 1_700_000_000_000_000_000  # where the fixed clock begins: 2023-11-14 22:13:20 UTC
TICK = 1_000_000  # one millisecond a record


class Recorded:
    """Everything that was recorded, in order. The records are those of :mod:`otel_joblog.records`."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    @property
    def runs(self) -> list[SpanEnded]:
        """Runs that have ended, in the order of their ends."""
        return [record for record in self.records if isinstance(record, SpanEnded) and record.kind is SpanKind.JOB]

    @property
    def steps(self) -> list[SpanEnded]:
        """Steps that have ended, in the order of their ends."""
        return [record for record in self.records if isinstance(record, SpanEnded) and record.kind is SpanKind.STEP]

    @property
    def started(self) -> list[SpanStarted]:
        return [record for record in self.records if isinstance(record, SpanStarted)]

    @property
    def lines(self) -> list[Line]:
        return [record for record in self.records if isinstance(record, Line)]

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]

    @property
    def progress(self) -> list[Progress]:
        return [record for record in self.records if isinstance(record, Progress)]


@contextlib.contextmanager
def recording(*, fixed: bool = False) -> Iterator[Recorded]:
    """Record in memory while the block runs, whatever the environment says; afterwards all is as before.

    ``fixed`` makes ids and times the same at every run: ids from a fixed seed, and a clock that begins at
    2023-11-14 22:13:20 UTC and is a millisecond later with each record.
    """
    recorded = Recorded()
    before, ids = setup._runtime, identifiers._random  # noqa: SLF001
    with TemporaryDirectory(prefix="otel-joblog-testing-") as folder:
        runtime = setup.Runtime(Settings.from_environment({}, state_dir=Path(folder), otlp="off"))
        runtime.journal = _Memory(runtime.process, recorded, fixed=fixed)
        runtime.shipper = _Nobody(runtime.journal, [])
        setup._runtime = runtime  # noqa: SLF001
        if fixed:
            identifiers._random = random.Random(0)  # noqa: S311, SLF001
        try:
            yield recorded
        finally:
            setup._runtime, identifiers._random = before, ids  # noqa: SLF001
            if before is not None:  # spans of other instrumentations go to it again
                find_or_make_provider(before.emit, setup.SCOPE)


class _Memory(Journal):
    def __init__(self, process: Process, recorded: Recorded, *, fixed: bool) -> None:
        super().__init__(Path(), process, [])
        self._recorded = recorded
        self._fixed = fixed

    def append(self, payload: bytes) -> None:
        record = decode(payload)
        assert not isinstance(record, Output)  # that is what commands write
        if self._fixed:
            record = _at(record, EPOCH + TICK * len(self._recorded.records), self._recorded.started)
        self._recorded.records.append(record)

    def holds(self, payload: bytes) -> bool:
        return decode(payload) in self._recorded.records


class _Nobody(Shipper):
    def start(self) -> None:
        self.started = True


def _at(record: Record, now: int, started: Sequence[SpanStarted]) -> Record:
    if isinstance(record, SpanEnded):
        start = next((begun.start for begun in started if begun.span_id == record.span_id), now)
        events = [msgspec.structs.replace(event, time=now) for event in record.events]
        return msgspec.structs.replace(record, start=start, end=now, events=events)
    if isinstance(record, SpanStarted):
        return msgspec.structs.replace(record, start=now)
    if isinstance(record, Line | Progress | Sample):
        return msgspec.structs.replace(record, time=now)
    return record
