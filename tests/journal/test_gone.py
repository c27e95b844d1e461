"""Gone is not done: what cannot be seen, or is not certainly ours, is neither deleted nor counted as shipped."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_joblog.cli.main import main
from otel_joblog.journal.backlog import backlog, journal_state
from otel_joblog.journal.cursors import CursorFile, cursor_names
from otel_joblog.journal.folders import strangers
from otel_joblog.journal.recovery import dead_journals, look, ship_all_dead, ship_dead
from otel_joblog.journal.room import Room
from otel_joblog.journal.segments import FIRST, DiskSegments, segment_numbers, segment_path
from tests import processes
from tests.powers import without_powers

from .samples import Kept, fill, journal, named, read_all, unlimited


def go_on(seconds: float) -> bool:
    return seconds == 0


def dead(root: Path, *exporters: str) -> Path:
    written = journal(root, *exporters)
    fill(written, range(3))
    folder = written.close()
    assert folder is not None
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_at_the_limit_of_descriptors_no_journal_counts_as_shipped(tmp_path: Path) -> None:
    done = processes.run(
        """
        import os, pathlib, resource
        from otel_joblog.journal import recovery
        from tests.journal.samples import Kept, fill, journal
        root = pathlib.Path("journal")
        written = journal(root, "kept")
        fill(written, range(3))
        folder = written.close()
        sink = Kept()
        recovery.ship_dead(folder.with_name("none"), sink, bool)  # imports what it takes
        free = os.dup(0)
        os.close(free)
        for spare in range(8):  # however many there are left, it fails at another place
            resource.setrlimit(resource.RLIMIT_NOFILE, (free + spare, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            try:
                shipped = recovery.ship_dead(folder, sink, lambda seconds: not seconds)
            except OSError:
                shipped = False
            print(spare, shipped, folder.exists(), sink.numbers)
            if shipped:
                break
        """,
        tmp_path,
    )
    assert done.stderr == ""
    *before, last = (line.split(" ", 3)[1:] for line in done.stdout.splitlines())
    assert before
    assert all(told == ["False", "True", "[]"] for told in before)
    assert last == ["True", "False", "[0, 1, 2]"]


def test_a_copy_that_somebody_saved_is_neither_shipped_nor_deleted(tmp_path: Path) -> None:
    folder = dead(tmp_path, "kept")
    saved = tmp_path / f"{folder.name}.saved"
    shutil.copytree(folder, saved)
    before = contents(saved)
    sink = Kept()
    ship_all_dead(tmp_path, sink, go_on)
    assert sink.numbers == [0, 1, 2]
    assert not folder.exists()
    assert contents(saved) == before
    assert strangers(tmp_path) == [saved.name]


def test_a_journal_without_a_cursor_is_neither_shipped_nor_deleted_and_that_is_told(tmp_path: Path) -> None:
    folder = dead(tmp_path, "kept")
    (folder / "kept.cursor").unlink()
    (folder / "lock").unlink()
    before = contents(folder)
    ship_all_dead(tmp_path, Kept(), go_on)
    assert ship_dead(folder, Kept(), go_on), "nothing in it is for this exporter"
    assert contents(folder) == before
    assert look(tmp_path) == ([], {folder.name: "nothing in it names a destination"})


def test_a_folder_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    folder = dead(tmp_path / "elsewhere", "kept")
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / named(1)).symlink_to(folder)
    ship_all_dead(tmp_path / "journal", Kept(), go_on)
    assert folder.exists()


def test_what_one_exporter_has_done_is_not_taken_for_what_all_have(tmp_path: Path) -> None:
    folder = dead(tmp_path, "one", "two")
    CursorFile("one").finish(folder)
    assert ship_dead(folder, Kept("one"), go_on)
    assert cursor_names(folder) == {"two"}
    CursorFile("two").finish(folder)
    assert dead_journals(tmp_path) == [folder], "whoever died before it was deleted leaves that to the next one"
    ship_all_dead(tmp_path, Kept("one"), go_on)
    assert not folder.exists()


@pytest.fixture
def forbidden(tmp_path: Path) -> Path:
    """A journal that this user may not read, as one that root left, beside one that it may."""
    folder = dead(tmp_path / "state" / "journal", "kept").rename(tmp_path / "state" / "journal" / named(1))
    folder.chmod(0)
    return folder


def test_a_journal_that_may_not_be_read_does_not_keep_the_others_and_is_told(forbidden: Path) -> None:
    root = forbidden.parent
    dead(root, "kept")
    sink = Kept()
    with without_powers():
        ship_all_dead(root, sink, go_on)
        assert look(root).left_alone == {forbidden.name: "it cannot be read: Permission denied"}
        assert journal_state(unlimited(root)).left_alone == look(root).left_alone
    assert sink.numbers == [0, 1, 2]
    assert forbidden.exists()


def test_a_segment_that_may_not_be_read_is_not_taken_for_shipped(tmp_path: Path) -> None:
    folder = dead(tmp_path, "kept")
    segments = [segment_path(folder, number) for number in segment_numbers(folder)]
    for segment in segments:
        segment.chmod(0)
        os.utime(segment, (time.time() - 100, time.time() - 100))
    with without_powers():
        ship_all_dead(tmp_path, Kept(), go_on)
        [behind] = backlog(tmp_path)
    assert (behind.journals, behind.bytes) == (1, sum(segment.stat().st_size for segment in segments))
    assert behind.age is not None
    assert 100 <= behind.age < 200
    assert folder.exists()


def test_beside_folders_that_may_not_be_read_lines_go_to_the_disk(forbidden: Path) -> None:
    root = forbidden.parent
    (root / "lost+found").mkdir(mode=0)
    with without_powers():
        written = journal(root, "kept")
        written._room = unlimited(root)
        fill(written, range(6_000))  # several segments: each looks at the cap
        assert written.folder is not None
        assert not written.in_memory
        numbers, damaged = read_all(DiskSegments(written.folder))
    assert (numbers, damaged) == (list(range(6_000)), 0)
    written.remove()


def test_doctor_and_recover_tell_of_what_may_not_be_read(forbidden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (forbidden.parent / "lost+found").mkdir(mode=0)
    monkeypatch.setenv("OTEL_JOBLOG_STATE_DIR", str(forbidden.parent.parent))
    monkeypatch.setenv("OTEL_JOBLOG_DSN", "host=127.0.0.1 port=1")
    with without_powers():
        told = CliRunner().invoke(main, ["doctor"])
        recovered = CliRunner().invoke(main, ["recover"])
    assert isinstance(told.exception, SystemExit)
    assert f"{forbidden.name} in {forbidden.parent} is neither shipped nor deleted" in told.output
    assert "left alone, because they are not journals: lost+found" in told.output
    assert recovered.exit_code == 1
    assert f"neither shipped nor deleted: {forbidden.name} (it cannot be read: Permission denied)" in recovered.output


def test_a_journal_folder_that_may_not_be_read_at_all_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal").mkdir(mode=0)
    monkeypatch.setenv("OTEL_JOBLOG_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("OTEL_JOBLOG_DSN", "host=127.0.0.1 port=1")
    with without_powers():
        told = CliRunner().invoke(main, ["doctor"])
        state = journal_state(Room(tmp_path / "journal", 2**30, "drop_oldest_logs"))
    assert isinstance(told.exception, SystemExit)
    assert "it cannot be read: Permission denied" in told.output
    assert state.left_alone == {"journal": "it cannot be read: Permission denied"}


def test_a_cursor_that_cannot_be_seen_begins_nothing_anew(tmp_path: Path) -> None:
    folder = dead(tmp_path, "kept")
    (folder / "kept.cursor").chmod(0)
    sink = Kept()
    with without_powers(), pytest.raises(PermissionError):
        ship_dead(folder, sink, go_on)
    assert not sink.records


def test_segments_that_cannot_be_seen_are_not_taken_for_shipped(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(3))
    assert written.folder is not None
    segment = segment_path(written.folder, FIRST)
    written.shipped_to(written.position())
    fill(written, range(3, 6))
    written.folder.chmod(0)
    folder = written.folder
    with without_powers():
        written.remove()
    os.chmod(folder, 0o700)  # noqa: PTH101
    assert segment.exists()
