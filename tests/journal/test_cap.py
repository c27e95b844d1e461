"""The journal's cap: the journals stay below it, and every line given up is counted."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import pytest

from otel_joblog.config import OnFull
from otel_joblog.conventions import SpanKind
from otel_joblog.journal import journal as module
from otel_joblog.journal.cursors import CursorFile
from otel_joblog.journal.folders import journal_folders
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.locks import held
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.room import Room, taken
from otel_joblog.journal.segments import DiskSegments, LivingSegments
from otel_joblog.records import Line, Output, SpanStarted, encode, run_of_line

from .samples import PROCESS, fill, line, lines_dropped, read_all

CAP = 100_000
SEGMENT = CAP // 16


def started(number: int) -> SpanStarted:
    return SpanStarted(SpanKind.STEP, b"t" * 16, b"%08d" % number, None, b"r" * 8, None, number, "step", number, {})


def capped(root: Path, *exporters: str, on_full: OnFull = "drop_oldest_logs") -> Journal:
    return Journal(root, PROCESS, exporters or ("kept",), Room(root, CAP, on_full))


@pytest.fixture(autouse=True)
def looks_hold_no_longer_than_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)


def test_the_oldest_lines_go_and_are_counted(tmp_path: Path) -> None:
    written = capped(tmp_path)
    fill(written, range(5_000), "x" * 50)
    assert taken(journal_folders(tmp_path)) < CAP + SEGMENT
    numbers, damaged = read_all(written)
    assert not damaged
    first = next(number for number in numbers if number + 1 not in numbers) + 1  # those of a segment one may be reading
    assert first < 100
    assert numbers == [*range(first), *range(5_000 - len(numbers) + first, 5_000)]
    assert lines_dropped(written) == 5_000 - len(numbers)
    folder = written.close()
    assert folder is not None
    assert read_all(DiskSegments(folder))[0] == numbers
    assert lines_dropped(DiskSegments(folder)) == 5_000 - len(numbers)


@pytest.mark.parametrize("on_full", ["drop_oldest_logs", "drop_new_logs"])
def test_lines_that_came_many_at_once_are_counted_each(tmp_path: Path, on_full: OnFull) -> None:
    written = capped(tmp_path, on_full=on_full)
    for number in range(300):
        text = "\n".join(f"{each:04d} {'x' * 50}" for each in range(20))
        written.append(encode(Output(b"t" * 16, b"r" * 8, 1, number * 20 + 1, 20, 9, 1, text)))
    written.append(encode(started(1)))  # with what is not given up it is told what was
    folder = written.close()
    assert folder is not None
    assert taken(journal_folders(tmp_path)) < CAP + SEGMENT + 2_000
    reader = JournalReader(DiskSegments(folder), Cursor())
    numbers = []
    while (batch := reader.read()).end != reader.cursor:
        numbers += [record.seq for record in batch.records if isinstance(record, Line)]
        reader.cursor = batch.end
    dropped = lines_dropped(DiskSegments(folder))
    assert dropped > 0
    assert len(set(numbers)) + dropped == 6_000


def test_starts_and_ends_are_never_given_up(tmp_path: Path) -> None:
    written = capped(tmp_path)
    for number in range(200):
        written.append(encode(started(number)))
        fill(written, range(number * 20, number * 20 + 20), "x" * 50)
    assert lines_dropped(written) > 0
    reader = JournalReader(written, Cursor())
    seen = []
    while (batch := reader.read()).end != reader.cursor:
        seen += [record.seq for record in batch.records if isinstance(record, SpanStarted)]
        reader.cursor = batch.end
    assert seen == list(range(200))
    written.close()


@pytest.mark.parametrize("of_the_same_process", [True, False])
def test_a_reader_in_the_middle_meets_every_line_or_its_count(tmp_path: Path, of_the_same_process: bool) -> None:
    """Whatever it has read stays read, whatever was given up behind it is told, and nothing comes twice."""
    written = capped(tmp_path)
    fill(written, range(300), "x" * 50)
    folder = written.folder
    assert folder is not None
    reader = JournalReader(written if of_the_same_process else LivingSegments(folder), Cursor())
    numbers: list[int] = []
    dropped = 0
    at = 300
    while (batch := reader.read()).end != reader.cursor or at < 10_000:
        numbers += [record.seq for record in batch.records if isinstance(record, Line)]
        dropped += sum(getattr(record, "lines", 0) for record in batch.records if not isinstance(record, SpanStarted))
        reader.cursor = batch.end
        CursorFile("kept").save(folder, batch.end)
        if at < 10_000:
            fill(written, range(at, at + 1_000), "x" * 50)
            at += 1_000
        if not of_the_same_process:
            written.mark_sealed()
    assert numbers == sorted(set(numbers))
    assert dropped > 0
    assert len(numbers) + dropped == at
    written.close()


def test_what_dead_processes_left_goes_before_anything_newer(tmp_path: Path) -> None:
    dead = capped(tmp_path)
    fill(dead, range(500), "x" * 50)
    folder = dead.close()
    assert folder is not None
    living = Journal(tmp_path, PROCESS, ["kept"], Room(tmp_path, CAP, "drop_oldest_logs"))
    living._folders = 1  # another name
    fill(living, range(1_000, 1_500), "x" * 50)
    assert read_all(living)[0] == list(range(1_000, 1_500))
    kept = read_all(DiskSegments(folder))[0]
    assert kept == list(range(500 - len(kept), 500))
    assert lines_dropped(DiskSegments(folder)) == 500 - len(kept) > 0
    living.close()


def test_a_dead_journal_that_is_being_shipped_is_left_alone(tmp_path: Path) -> None:
    dead = capped(tmp_path)
    fill(dead, range(700), "x" * 50)
    folder = dead.close()
    assert folder is not None
    with held(folder / "kept.ship", exclusive=True):
        Room(tmp_path, 1_000, "drop_oldest_logs").make()
        assert read_all(DiskSegments(folder))[0] == list(range(700))
    Room(tmp_path, 1_000, "drop_oldest_logs").make()
    assert read_all(DiskSegments(folder)) == ([], 0)
    assert lines_dropped(DiskSegments(folder)) == 700


def test_an_exporter_that_has_shipped_a_segment_misses_nothing(tmp_path: Path) -> None:
    """One exporter is through, the other never began: what is given up is given up for the other alone."""
    written = capped(tmp_path, "quick", "slow")
    fill(written, range(500), "x" * 50)
    folder = written.folder
    assert folder is not None
    reader = JournalReader(written, Cursor())
    numbers: list[int] = []
    for at in range(500, 5_000, 100):
        while (batch := reader.read()).end != reader.cursor:
            numbers += [record.seq for record in batch.records if isinstance(record, Line)]
            reader.cursor = batch.end
            CursorFile("quick").save(folder, batch.end)
        fill(written, range(at, at + 100), "x" * 50)
    assert numbers == list(range(len(numbers)))
    assert lines_dropped(written) > 0
    written.close()


def test_new_lines_go_where_that_is_asked_for_and_come_again_when_there_is_room(tmp_path: Path) -> None:
    written = capped(tmp_path, on_full="drop_new_logs")
    fill(written, range(3_000), "x" * 50)
    assert taken(journal_folders(tmp_path)) < CAP + SEGMENT
    kept = read_all(written)[0]
    assert kept == list(range(len(kept)))
    last = written.position()
    written.shipped_to(last)
    time.sleep(0.15)  # a look at the disk holds good for a tenth of a second
    fill(written, [3_000], "x" * 50)  # looks for room
    fill(written, range(3_001, 3_100), "x" * 50)
    numbers = read_all(written)[0]
    assert numbers[-99:] == list(range(3_001, 3_100))
    gc.collect()
    assert lines_dropped(written) in {3_000 - len(kept), 3_001 - len(kept)}
    written.close()


def test_lines_wait_for_room_where_that_is_asked_for(tmp_path: Path) -> None:
    written = capped(tmp_path, on_full="block")
    writing = threading.Thread(target=fill, args=(written, range(3_000), "x" * 50), daemon=True)
    writing.start()
    reader = JournalReader(written, Cursor())
    numbers: list[int] = []
    waited = False
    while len(numbers) < 3_000:
        if taken(journal_folders(tmp_path)) < CAP and writing.is_alive():
            time.sleep(0.01)
            continue
        waited = waited or writing.is_alive()
        written.append(encode(started(1)))  # never waits
        while (batch := reader.read()).end != reader.cursor:
            numbers += [record.seq for record in batch.records if isinstance(record, Line)]
            reader.cursor = batch.end
        written.shipped_to(reader.cursor)
    assert waited
    assert numbers == list(range(3_000))
    written.close()


def test_the_run_of_a_line_is_read_off_its_bytes() -> None:
    emitted = line(1)
    assert run_of_line(encode(emitted)) == (emitted.trace_id, emitted.run)
