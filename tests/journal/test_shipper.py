"""The shipper: every record reaches every exporter, each at its own pace."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from otel_joblog import diagnostics
from otel_joblog.errors import ExportUnavailable, RecordRefused
from otel_joblog.journal import delivery, pace, shipper
from otel_joblog.journal import journal as journals
from otel_joblog.journal.cursors import CursorFile
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.shipper import Shipper
from otel_joblog.records import Line, Process, Record, encode

from .samples import Kept, fill, journal, named, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shipper, "POLL", 0.01)
    monkeypatch.setattr(delivery, "MAX_BACKOFF", 0.01)
    monkeypatch.setattr(diagnostics, "counts", diagnostics.Counter())
    return iter([None])


def shipped(tmp_path: Path, *sinks: Kept) -> tuple[Journal, Shipper]:
    written = journal(tmp_path, *(sink.name for sink in sinks))
    shipping = Shipper(written, sinks)
    shipping.start()
    return written, shipping


def test_everything_is_shipped_and_the_journal_is_removed(tmp_path: Path) -> None:
    sinks = Kept("one"), Kept("two")
    written, shipping = shipped(tmp_path, *sinks)
    fill(written, range(1000))
    assert shipping.shutdown(10)
    written.remove()
    assert [sink.numbers for sink in sinks] == [list(range(1000))] * 2
    assert all(sink.closed for sink in sinks)
    assert {path.name for path in tmp_path.iterdir()} == {"one.reached", "two.reached"}


def test_segments_that_are_shipped_are_deleted_while_the_process_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 1_000)
    sink = Kept()
    written, shipping = shipped(tmp_path, sink)
    fill(written, range(500))
    assert shipping.flush(10)
    assert sink.numbers == list(range(500))
    until(lambda: len(written.numbers()) == 1)
    shipping.shutdown(10)
    written.remove()


def test_an_exporter_that_is_away_does_not_hold_up_another_and_gets_all_later(tmp_path: Path) -> None:
    away = Kept("away", *[ExportUnavailable("away")] * 5)
    there = Kept("there")
    written, shipping = shipped(tmp_path, away, there)
    fill(written, range(10))
    assert shipping.flush(10)
    assert away.numbers == there.numbers == list(range(10))
    assert not away.troubles
    shipping.shutdown(10)
    written.remove()


def test_a_fault_of_the_exporters_own_is_treated_like_an_outage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Kept("faulty", ZeroDivisionError("a fault"))
    written, shipping = shipped(tmp_path, sink)
    fill(written, range(3))
    assert shipping.flush(10)
    assert sink.numbers == [0, 1, 2]
    assert "a fault" in caplog.text
    shipping.shutdown(10)
    written.remove()


class Picky(Kept):
    """Refuses for ever whatever holds line 5."""

    def ship(self, records, process):  # type: ignore[no-untyped-def]
        if any(isinstance(record, Line) and record.seq == 5 for record in records):
            raise RecordRefused("no fives")
        super().ship(records, process)


def test_a_refused_record_is_set_aside_and_blocks_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = Picky("picky")
    written, shipping = shipped(tmp_path, sink)
    fill(written, range(20))
    assert shipping.flush(10)
    assert sink.numbers == [number for number in range(20) if number != 5]
    letter = json.loads((tmp_path / "dead-letters.jsonl").read_text())
    assert (letter["exporter"], letter["reason"], letter["fields"]["seq"]) == ("picky", "no fives", 5)
    assert "set aside" in caplog.text
    shipping.shutdown(10)
    written.remove()


def test_a_refused_record_that_json_cannot_say_is_set_aside_all_the_same(tmp_path: Path) -> None:
    sink = Picky("picky")
    written, shipping = shipped(tmp_path, sink)
    written.append(encode(Line(b"", b"", b"", 0, 5, 9, 0, "", "five", {"pairs": {(1, 2): 3}})))
    fill(written, [6])
    assert shipping.flush(10)
    assert sink.numbers == [6]
    assert "five" in (tmp_path / "dead-letters.jsonl").read_text()
    shipping.shutdown(10)
    written.remove()


def test_ending_while_an_exporter_is_away_leaves_its_records_and_its_cursor(tmp_path: Path) -> None:
    away = Kept("away", *[ExportUnavailable("away")] * 1000)
    written, shipping = shipped(tmp_path, away)
    fill(written, range(10))
    assert not shipping.shutdown(0.5)
    folder = written.close()
    assert folder is not None
    assert CursorFile("away").load(folder) == ((0, 0), b"")
    assert not away.closed


def test_ending_without_a_record_has_nothing_left(tmp_path: Path) -> None:
    written = journal(tmp_path)
    assert Shipper(written, [Kept()]).shutdown(1)


def test_many_threads_may_start_it_at_once(tmp_path: Path) -> None:
    written = journal(tmp_path)
    shipping = Shipper(written, [Kept(str(number)) for number in range(20)])
    together = threading.Barrier(8)
    troubles: list[BaseException] = []

    def begin() -> None:
        together.wait()
        try:
            shipping.start()
        except BaseException as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert shipping.shutdown(10)


def test_waiting_for_an_exporter_takes_nothing_from_the_jobs_random_numbers() -> None:
    random.seed(42)
    expected = random.random()
    random.seed(42)
    for failures in range(1, 20):
        assert 0 < delivery.backoff(failures) <= delivery.MAX_BACKOFF
    assert random.random() == expected


def test_a_lane_has_no_run_of_the_jobs_in_its_context(tmp_path: Path) -> None:
    from otel_joblog import current_run, job
    from otel_joblog.testing import recording

    found: list[object] = []

    class Asking(Kept):
        def ship(self, records, process):  # type: ignore[no-untyped-def]
            found.append(current_run())

    with recording(), job("starts the shipper"):
        written, shipping = shipped(tmp_path, Asking())
        fill(written, [1])
        assert shipping.flush(10)
    assert found == [None]
    shipping.shutdown(10)
    written.remove()


def test_cursors_are_written_with_what_the_exporter_remembers(tmp_path: Path) -> None:
    sink = Kept("kept", *[ExportUnavailable("away")] * 0)
    written, shipping = shipped(tmp_path, sink)
    fill(written, range(4))
    position = written.position()
    assert shipping.flush(10)
    assert written.folder is not None
    assert CursorFile("kept").load(written.folder) == (position, sink.snapshot())
    shipping.shutdown(10)
    written.remove()


def test_recovery_that_the_processs_own_records_interrupt_goes_on_when_it_is_silent_again(tmp_path: Path) -> None:
    class Interrupted(Kept):
        def ship(self, records: Sequence[Record], process: Process | None) -> None:
            super().ship(records, process)
            if self.numbers[-1] < 100:
                fill(written, [100 + self.numbers[-1]])

    for number in range(3):
        dead = journal(tmp_path, "kept")
        fill(dead, [number])
        folder = dead.close()
        assert folder is not None
        folder.rename(tmp_path / named(number))
    written = journal(tmp_path, "kept")
    shipping = Shipper(written, [sink := Interrupted()])
    shipping.start()
    fill(written, [200])
    until(lambda: sorted(sink.numbers) == [0, 1, 2, 100, 101, 102, 200])
    assert shipping.shutdown(10)
    written.remove()


HOURS = 10_000.0  # whoever waits for that long fails the test


def burst(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sink: Kept) -> tuple[Journal, Shipper]:
    """Ten batches in a journal whose lane looks at once, and then only for a reason."""
    monkeypatch.setattr(shipper, "FIRST_LOOK", 0.0)
    monkeypatch.setattr(shipper, "POLL", HOURS)
    written = journal(tmp_path, sink.name)
    fill(written, range(20_000))
    shipping = Shipper(written, [sink])
    shipping.start()
    return written, shipping


def test_a_lane_ships_while_there_is_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "BUSY", HOURS * 1e9)
    written, shipping = burst(monkeypatch, tmp_path, sink := Kept())
    until(lambda: len(sink.numbers) > 19_000)
    assert shipping.shutdown(10)
    written.remove()


def test_whoever_flushes_waits_for_no_pause_between_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "BUSY", -1.0)
    written, shipping = burst(monkeypatch, tmp_path, sink := Kept())
    assert shipping.flush(20)
    assert sink.numbers == list(range(20_000))
    assert shipping.shutdown(10)
    written.remove()


def test_a_job_that_does_nothing_but_log_keeps_its_processor_until_much_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "BUSY", -1.0)
    monkeypatch.setattr(pace, "FAR", 1_000_000)
    written, shipping = burst(monkeypatch, tmp_path, sink := Kept())
    until(lambda: shipping._lanes[0].cursor.offset >= written.position().offset - pace.FAR)
    assert len(sink.numbers) < 19_000
    assert shipping.shutdown(10)
    assert sink.numbers == list(range(20_000))
    written.remove()
