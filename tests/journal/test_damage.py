"""Recovery of journals that were damaged: what is sound is shipped, what is not is told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_joblog import diagnostics, job
from otel_joblog.journal.cursors import CursorFile
from otel_joblog.journal.reader import Cursor
from otel_joblog.journal.recovery import ship_all_dead, ship_dead
from otel_joblog.journal.segments import FIRST, segment_path
from otel_joblog.records import SpanEnded, encode
from otel_joblog.testing import recording

from .samples import Kept, fill, journal, named


def dead(root: Path, number: int) -> Path:
    written = journal(root, "kept")
    fill(written, range(3))
    folder = written.close()
    assert folder is not None
    return folder.rename(root / named(number))


def at_once(seconds: float) -> bool:
    return seconds == 0


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_every_damaged_journal_is_told_of_be_it_in_its_middle_or_at_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "counts", diagnostics.Counter())
    middle, end, cut, sound = (segment_path(dead(tmp_path, number), FIRST) for number in range(4))
    size = sound.stat().st_size
    flip(middle, size * 4)
    flip(end, size * 8 - 1)
    cut.write_bytes(cut.read_bytes()[:-1])
    sink = Kept()
    ship_all_dead(tmp_path, sink, at_once)
    assert len(sink.numbers) == 3 * 4 - 3
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 3
    assert all(any(f"journal {named(number)} " in message for message in told) for number in range(3))


def test_runs_of_a_process_that_the_damage_made_unknown_are_closed_all_the_same(tmp_path: Path) -> None:
    with recording() as recorded, job("doomed"):
        start = recorded.started[0]
    written = journal(tmp_path, "kept")
    written.append(encode(start))
    folder = written.close()
    assert folder is not None
    flip(segment_path(folder, FIRST), 100)  # the first record says whose journal it is
    sink = Kept()
    assert ship_dead(folder, sink, at_once)
    (end,) = (record for record in sink.records if isinstance(record, SpanEnded))
    assert (end.name, end.status) == ("doomed", "lost")
    assert not folder.exists()


def test_a_cursor_with_a_flipped_bit_begins_anew_and_never_further_on(tmp_path: Path) -> None:
    cursors = CursorFile("kept")
    cursors.save(tmp_path, Cursor(1, 700), b"snapshot")
    (path,) = tmp_path.iterdir()
    sound = path.read_bytes()
    assert cursors.load(tmp_path) == (Cursor(1, 700), b"snapshot")
    for bit in range(len(sound) * 8):
        path.write_bytes(sound)
        flip(path, bit)
        assert cursors.load(tmp_path) == (Cursor(), b"")
