"""What the faults of ``make faults`` have found, each on its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from otel_joblog.errors import StoreUnavailable
from otel_joblog.journal import agent, locks
from otel_joblog.journal.agent import Agent
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.segments import DiskSegments
from otel_joblog.journal.shipper import Shipper
from otel_joblog.journal.standby import agent_lock
from otel_joblog.records import Process, Record

from .samples import Kept, fill, journal, read_all, unlimited


class Away(Kept):
    """Away until it is told otherwise."""

    away = True

    def ship(self, records: Sequence[Record], process: Process | None) -> None:
        if self.away:
            raise StoreUnavailable("away")
        super().ship(records, process)


def in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Journal:
    """A journal of ten lines: five on the disk, which then takes no more, and five in memory."""
    written = journal(tmp_path, "kept")
    fill(written, range(5))
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "_disk_file", lambda *_: None)
        written._rotate(written._file, to_memory=True)
        fill(written, range(5, 10))
    assert written.in_memory
    return written


def test_what_lies_in_memory_is_tried_until_the_exit_budget_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = in_memory(monkeypatch, tmp_path)
    monkeypatch.setattr(Journal, "spill", lambda *_: None)
    sink = Away()
    shipping = Shipper(written, [sink])
    shipping.start()
    threading.Timer(0.7, lambda: setattr(sink, "away", False)).start()
    assert shipping.shutdown(10)
    assert sink.numbers == list(range(10))


def test_what_lies_on_the_disk_keeps_no_process_from_ending(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    shipping = Shipper(written, [Away()])
    shipping.start()
    begun = time.monotonic()
    assert not shipping.shutdown(30)
    assert time.monotonic() - begun < 15


def test_what_lay_in_memory_moves_to_the_disk_when_that_takes_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = in_memory(monkeypatch, tmp_path)
    written.spill(ending=True)
    assert not written.in_memory
    folder = written.close()
    assert folder is not None
    assert read_all(DiskSegments(folder)) == (list(range(10)), 0)


def test_a_disk_that_is_still_full_leaves_memory_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError

    written = in_memory(monkeypatch, tmp_path)
    monkeypatch.setattr("otel_joblog.journal.journal.write_file", full)
    written.spill(ending=True)
    assert written.in_memory
    assert read_all(written)[0] == list(range(10))


def test_memory_that_is_still_written_to_stays_while_the_process_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = in_memory(monkeypatch, tmp_path)
    written.spill()
    assert written.in_memory
    fill(written, range(10, 12))
    assert read_all(written)[0] == list(range(12))
    written.close()


def test_an_agent_whose_exporter_never_answers_stops_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "STOP", 0.2)
    asked, answer = threading.Event(), threading.Event()

    class Silent(Kept):
        def ship(self, records: Sequence[Record], process: Process | None) -> None:
            asked.set()
            answer.wait(60)

    fill(written := journal(tmp_path, "kept"), range(3))
    with Agent(tmp_path, [Silent()], unlimited(tmp_path), lost_after=900):
        assert asked.wait(10)
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    with locks.held(agent_lock(tmp_path, "kept"), exclusive=True) as free:
        assert free
    answer.set()
    written.close()
