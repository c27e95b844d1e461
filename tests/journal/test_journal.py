"""The writing end: what was appended is there, once and in order, whatever the disk does."""

from __future__ import annotations

import gc
import itertools
import os
import resource
import shutil
import signal
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_joblog.journal import journal as module
from otel_joblog.journal.frames import frame
from otel_joblog.journal.locks import held
from otel_joblog.journal.reader import Cursor
from otel_joblog.journal.segments import DiskSegments
from otel_joblog.records import encode

from .samples import PROCESS, fill, journal, line, lines_dropped, read_all


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 2_000)


def test_nothing_is_created_before_the_first_record(tmp_path: Path) -> None:
    journal(tmp_path / "root").close()
    assert not (tmp_path / "root").exists()


def test_folders_and_files_are_the_users_own(tmp_path: Path) -> None:
    written = journal(tmp_path / "root", "exporter")
    fill(written, range(100))
    folder = written.folder
    assert folder is not None
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "root", folder)} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    written.remove()
    assert not folder.exists()


def test_records_come_back_across_segments_from_memory_and_from_disk(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, range(200))
    assert len(written.numbers()) > 3
    assert read_all(written) == (list(range(200)), 0)
    folder = written.close()
    assert folder is not None
    assert read_all(DiskSegments(folder)) == (list(range(200)), 0)


def test_ten_threads_at_once_lose_nothing_and_keep_their_order(tmp_path: Path) -> None:
    written = journal(tmp_path)
    threads = [threading.Thread(target=fill, args=(written, range(t * 1000, t * 1000 + 300))) for t in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers, damaged = read_all(written)
    assert not damaged
    assert sorted(numbers) == [t * 1000 + n for t in range(10) for n in range(300)]
    for t in range(10):
        own = [number for number in numbers if number // 1000 == t]
        assert all(before < after for before, after in itertools.pairwise(own))
    written.remove()


def test_a_signal_handler_may_append_at_any_moment(tmp_path: Path) -> None:
    written = journal(tmp_path)
    marks = itertools.count(1_000_000)
    handled: list[int] = []

    def handle(*_: object) -> None:
        mark = next(marks)
        fill(written, [mark])
        handled.append(mark)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        number = 0
        while len(handled) < 100:
            fill(written, [number])
            number += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    numbers, damaged = read_all(written)
    assert not damaged
    assert sorted(numbers) == [*range(number), *sorted(handled)]
    written.remove()


def test_a_record_that_comes_while_the_first_segment_is_begun_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = journal(tmp_path)
    create = module.create_folder

    def interrupted(*args: object) -> object:
        fill(written, [1])  # as a signal handler would
        return create(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "create_folder", interrupted)
    fill(written, [2])
    assert read_all(written) == ([1, 2], 0)
    written.remove()


def test_a_segment_given_up_is_closed_without_a_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        written = journal(tmp_path)
        fill(written, range(100))
        written.remove()
        gc.collect()
    assert not caught


def test_a_folder_that_cannot_be_written_is_stood_in_for_by_memory(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file where the folder should be")
    written = journal(tmp_path / "root")
    fill(written, range(100))
    assert written.trouble
    assert written.folder is None
    assert read_all(written) == (list(range(100)), 0)
    assert written.position() > Cursor()


def test_the_disk_is_taken_again_when_it_is_there_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = tmp_path / "root"
    blocker.write_text("")
    written = journal(blocker)
    fill(written, range(10))
    blocker.unlink()
    monkeypatch.setattr(written, "_retry_at", 0.0)
    fill(written, range(10, 30))
    assert written.trouble is None
    assert written.folder is not None
    assert read_all(written) == (list(range(30)), 0)
    written.remove()


def test_waiting_for_the_disk_takes_no_more_memory_than_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root").write_text("")
    monkeypatch.setattr(module, "RETRY", 0.0)
    written = journal(tmp_path / "root")
    fill(written, range(20))  # each tries the disk again
    assert len(written.numbers()) <= 2


def test_lines_beyond_the_memory_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root").write_text("")
    monkeypatch.setattr(module, "MEMORY_BYTES", 1_000)
    written = journal(tmp_path / "root")
    fill(written, range(100))
    numbers, _ = read_all(written)
    assert numbers == list(range(len(numbers)))
    assert 0 < len(numbers) < 100
    written.append(encode(PROCESS))  # anything but a line
    assert lines_dropped(written) == 100 - len(numbers)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_loses_nothing_and_is_used_again_when_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = journal(small_disk / "root", "exporter")
    ballast = small_disk / "ballast"
    fill(written, range(50))
    with ballast.open("wb") as file:
        while True:
            try:
                os.write(file.fileno(), bytes(1024))
            except OSError:
                break
    fill(written, range(50, 400), "x" * 100)
    assert written.trouble
    ballast.unlink()
    monkeypatch.setattr(written, "_retry_at", 0.0)
    fill(written, range(400, 410))
    assert written.trouble is None
    assert read_all(written)[0] == list(range(410))
    written.remove()


def test_a_disk_full_from_the_start_is_used_when_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(64 * 1024))
    written = journal(small_disk / "root", "exporter")
    fill(written, range(10))
    assert written.trouble
    ballast.unlink()
    monkeypatch.setattr(written, "_retry_at", 0.0)
    fill(written, range(10, 20))
    assert written.trouble is None
    assert read_all(written)[0] == list(range(20))
    written.remove()


def test_a_write_cut_short_is_written_anew(tmp_path: Path) -> None:
    # The limit on a file's size cuts a write short without an error, as a disk does that has a little room left.
    written = journal(tmp_path)
    fill(written, [0])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (written.position().offset + 20, before[1]))
    try:
        fill(written, range(1, 5))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert written.trouble
    assert read_all(written)[0] == [0, 1, 2, 3, 4]


def test_a_folder_deleted_under_a_running_process_loses_nothing(tmp_path: Path) -> None:
    written = journal(tmp_path / "root")
    fill(written, range(5))
    shutil.rmtree(tmp_path / "root")
    fill(written, range(5, 10))
    assert read_all(written) == (list(range(10)), 0)  # an idle reader notices
    fill(written, range(10, 20))
    assert read_all(written) == (list(range(20)), 0)
    folder = written.close()
    assert folder is not None
    assert read_all(DiskSegments(folder)) == (list(range(11, 20)), 0)


def test_what_another_thread_writes_to_a_deleted_file_meanwhile_is_kept(tmp_path: Path) -> None:
    written = journal(tmp_path / "root")
    fill(written, range(5))
    shutil.rmtree(tmp_path / "root")
    read_all(written)  # an idle reader notices
    elsewhere = written._file  # a thread that is about to write
    fill(written, [5])
    assert elsewhere is not None
    assert elsewhere is not written._file
    assert read_all(written) == ([0, 1, 2, 3, 4, 5], 0)
    elsewhere.write(frame(encode(line(6))))
    del elsewhere
    fill(written, [7])
    assert read_all(written) == ([0, 1, 2, 3, 4, 5, 6, 7], 0)


def test_a_record_that_comes_after_the_end_begins_another_journal(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, [1])
    first = written.close()
    fill(written, [2])
    second = written.close()
    assert first is not None
    assert second is not None
    assert [read_all(DiskSegments(folder))[0] for folder in (first, second)] == [[1], [2]]


def test_what_came_after_everything_was_shipped_is_not_removed(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, [1])
    written.shipped_to(written.position())
    fill(written, [2])
    folder = written.folder
    written.remove()
    assert folder is not None
    assert read_all(DiskSegments(folder))[0] == [1, 2]


def test_segments_are_deleted_when_every_exporter_is_done_with_them(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, range(100))
    last = written.numbers()[-1]
    written.shipped_to(Cursor(last, 0))
    assert written.numbers() == [last]
    assert written.folder is not None
    assert len(list(written.folder.glob("*.seg"))) == 1
    written.remove()


def test_a_forked_child_does_not_hold_its_parents_lock(tmp_path: Path) -> None:
    written = journal(tmp_path)
    fill(written, [1])
    folder = written.folder
    assert folder is not None
    begun, say_begun = os.pipe()
    end, say_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(say_begun, b".")
        os.close(say_end)
        os.read(end, 1)
        os._exit(0)
    try:
        os.read(begun, 1)
        with held(folder / "lock", exclusive=False) as free:
            assert not free
        written.close()
        with held(folder / "lock", exclusive=False) as free:
            assert free
    finally:
        for descriptor in (begun, say_begun, end, say_end):
            os.close(descriptor)
        os.waitpid(child, 0)


def test_a_message_of_50_megabytes_comes_back_whole(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.append(encode(line(1, "x" * 50_000_000)))
    fill(written, [2])
    assert read_all(written) == ([1, 2], 0)
    written.remove()
