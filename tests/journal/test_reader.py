"""The reading end: any interleaving of writing, rotating and reading gives every record once and in order."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_joblog.journal import journal as module
from otel_joblog.journal import reader as reading
from otel_joblog.journal.frames import frame
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.segments import FIRST, DiskSegments, segment_path
from otel_joblog.records import Line, Output, encode

from .samples import PROCESS, fill, journal, line, read_all


@pytest.fixture(autouse=True, scope="module")
def small_pieces() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEGMENT_BYTES", 1_000)
        patch.setattr(reading, "BATCH_BYTES", 300)
        yield


@given(st.lists(st.one_of(st.just("read"), st.just("clean"), st.integers(1, 30)), max_size=30))
def test_reading_while_it_is_written_gives_every_record_once_and_in_order(actions: list[str | int]) -> None:
    numbers = itertools.count()
    seen: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        written = journal(Path(folder))
        reader = JournalReader(written, Cursor())
        for action in [*actions, *["read"] * 300]:
            if isinstance(action, int):
                fill(written, [next(numbers) for _ in range(action)])
            elif action == "clean":
                written.shipped_to(reader.cursor)
            else:
                batch = reader.read()
                assert not batch.damaged
                seen += [record.seq for record in batch.records if isinstance(record, Line)]
                reader.cursor = batch.end
        written.close()
    assert seen == list(range(next(numbers)))


@given(st.integers(1, 60), st.data())
def test_damage_anywhere_costs_only_the_records_that_it_hits(count: int, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as root:
        written = journal(Path(root))
        fill(written, range(count))
        folder = written.close()
        assert folder is not None
        segments = DiskSegments(folder)
        path = segment_path(folder, data.draw(st.sampled_from(segments.numbers())))
        content = bytearray(path.read_bytes())
        for bit in data.draw(st.lists(st.integers(0, len(content) * 8 - 1), max_size=3)):
            content[bit // 8] ^= 1 << bit % 8
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut])
        expected = [number for number in range(count) if frame(encode(line(number))) in _bytes(folder)]
        assert read_all(segments)[0] == expected


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.seg")))


def test_a_journal_cut_at_any_byte_of_its_last_record_keeps_all_before(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, range(3))
    folder = written.close()
    assert folder is not None
    path = segment_path(folder, FIRST)
    content = path.read_bytes()
    for cut in range(1, len(frame(encode(line(2)))) + 1):
        path.write_bytes(content[:-cut])
        assert read_all(DiskSegments(folder)) == ([0, 1], 0)


def test_records_of_a_later_version_are_passed_over_and_counted(tmp_path: Path) -> None:
    written = journal(tmp_path)
    unknown = b"\x92\x63\x01"  # a record with tag 99
    for _ in range(300):  # more than a batch: one without any record that is known
        written.append(unknown)
    fill(written, [7])
    numbers, damaged = read_all(written)
    assert numbers == [7]
    assert damaged == 300 * len(frame(unknown))
    written.close()


def test_every_batch_says_who_wrote_it(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, range(40))
    reader = JournalReader(written, Cursor(FIRST + 2, 0))
    assert reader.read().process == PROCESS
    written.close()


def test_reading_again_without_moving_on_gives_the_same(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, range(3))
    reader = JournalReader(written, Cursor())
    assert reader.read() == reader.read()
    written.close()


def test_a_batch_is_bounded_in_lines_and_no_record_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_LINES", 20)
    written = journal(tmp_path)
    counts = [8, 8, 8, 1, 50, 19, 1, 1, 2, 2]  # of 50 there is no less
    seq = 1
    for count in counts:
        written.append(encode(Output(b"t" * 16, b"r" * 8, 1, seq, count, 9, 1, "\n" * (count - 1))))
        seq += count
    reader = JournalReader(written, Cursor())
    sizes, numbers = [], []
    while (batch := reader.read()).end != reader.cursor:
        found = [record.seq for record in batch.records if isinstance(record, Line)]
        sizes.append(len(found))
        numbers += found
        reader.cursor = batch.end
    assert numbers == list(range(1, seq))
    assert max(sizes) == 50
    assert all(size <= 20 for size in sizes if size != 50)
    written.close()


def test_a_damaged_length_does_not_make_the_reader_ask_for_gigabytes(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, range(3))
    folder = written.close()
    assert folder is not None
    path = segment_path(folder, FIRST)
    with path.open("ab") as file:
        file.write(b"\xa7\xff\xff\xff\xff" + bytes(4) + bytes(1000) + frame(encode(line(3))))
    numbers, damaged = read_all(DiskSegments(folder))
    assert numbers == [0, 1, 2, 3]
    assert damaged == 1009
