"""Recovery: what a dead process left is shipped, once, by whoever comes first."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from otel_joblog import diagnostics
from otel_joblog.errors import ExportUnavailable
from otel_joblog.journal import locks, recovery
from otel_joblog.journal.cursors import CursorFile, cursor_names
from otel_joblog.journal.reader import Cursor
from otel_joblog.journal.recovery import being_shipped, dead_journals, ship_all_dead, ship_dead, tidy
from otel_joblog.records import Line, SpanStarted
from tests import processes

from .samples import Kept, fill, journal, named


def go_on(seconds: float) -> bool:
    return seconds == 0


def dead(root: Path, numbers: range, *exporters: str) -> Path:
    written = journal(root, *exporters)
    fill(written, numbers)
    folder = written.close()
    assert folder is not None
    return folder


def test_the_journal_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(3))
    sink = Kept()
    assert dead_journals(tmp_path) == []
    assert written.folder is not None
    assert not ship_dead(written.folder, sink, go_on)
    assert not sink.records
    written.close()
    assert len(dead_journals(tmp_path)) == 1


def test_a_dead_journal_is_shipped_and_deleted(tmp_path: Path) -> None:
    folder = dead(tmp_path, range(3000), "kept")
    sink = Kept()
    assert ship_dead(folder, sink, go_on)
    assert sink.numbers == list(range(3000))
    assert not folder.exists()


def test_it_stays_until_every_exporter_of_its_process_has_it(tmp_path: Path) -> None:
    folder = dead(tmp_path, range(3), "one", "two")
    one, two, stranger = Kept("one"), Kept("two"), Kept("stranger")
    assert ship_dead(folder, stranger, go_on)
    assert ship_dead(folder, one, go_on)
    assert ship_dead(folder, one, go_on)
    assert folder.exists()
    assert ship_dead(folder, two, go_on)
    assert not folder.exists()
    assert one.numbers == two.numbers == [0, 1, 2]
    assert not stranger.records


def test_shipping_goes_on_where_the_dead_process_stopped(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(5))
    middle = written.position()
    fill(written, range(5, 8))
    folder = written.close()
    assert folder is not None
    CursorFile("kept").save(folder, middle, b"memory")
    sink = Kept()
    assert ship_dead(folder, sink, go_on)
    assert sink.numbers == [5, 6, 7]
    assert sink.restored == [b"memory"]


def test_a_cursor_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    folder = dead(tmp_path, range(3), "kept")
    (folder / "kept.cursor").write_bytes(b"\xc1")
    sink = Kept()
    assert ship_dead(folder, sink, go_on)
    assert sink.numbers == [0, 1, 2]


def test_an_exporter_that_is_away_leaves_it_for_later(tmp_path: Path) -> None:
    folder = dead(tmp_path, range(3), "kept")
    sink = Kept("kept", ExportUnavailable("away"))
    assert not ship_dead(folder, sink, go_on)
    assert cursor_names(folder) == {"kept"}
    assert ship_dead(folder, sink, go_on)
    assert sink.numbers == [0, 1, 2]


def test_racing_recoverers_ship_each_journal_once(tmp_path: Path) -> None:
    for number in range(10):
        folder = dead(tmp_path, range(number * 10, number * 10 + 10), "kept")
        folder.rename(tmp_path / named(number))
    sinks = [Kept() for _ in range(4)]
    together = threading.Barrier(len(sinks))

    def recover(sink: Kept) -> None:
        together.wait()
        while dead_journals(tmp_path):
            ship_all_dead(tmp_path, sink, go_on)

    threads = [threading.Thread(target=recover, args=(sink,)) for sink in sinks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for sink in sinks for number in sink.numbers) == list(range(100))
    assert not dead_journals(tmp_path)


def test_a_dead_journal_on_which_somebody_is_at_work_is_told_from_one_that_waits(tmp_path: Path) -> None:
    folder = dead(tmp_path, range(3), "one", "two")
    assert not being_shipped(folder)
    with locks.held(folder / "two.ship", exclusive=True):
        assert being_shipped(folder)
    assert not being_shipped(folder)


def test_a_journal_that_another_ships_to_its_end_meanwhile_is_nobodys_concern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = dead(tmp_path, range(3), "kept")
    monkeypatch.setattr(recovery, "journal_folders", lambda _root: [folder])  # listed before it went
    monkeypatch.setattr(recovery, "cursor_names", lambda _folder: {"kept"})
    shutil.rmtree(folder)
    assert recovery.look(tmp_path) == ([], {})
    assert not being_shipped(folder)


def test_a_journal_that_cannot_be_read_does_not_keep_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "counts", diagnostics.Counter())
    bad = dead(tmp_path, range(3), "kept").rename(tmp_path / named(0))
    (bad / "00000002.seg").unlink()
    (bad / "00000002.seg").mkdir()
    dead(tmp_path, range(3), "kept")
    sink = Kept()
    ship_all_dead(tmp_path, sink, go_on)
    assert sink.numbers == [0, 1, 2]
    assert f"{named(0)} could not be shipped" in caplog.text


def test_a_batch_without_a_record_is_not_taken_for_the_end(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    for _ in range(2_500):  # records of a later version, more than a batch of them
        written.append(b"\x92\x63\x01")
    fill(written, [7])
    folder = written.close()
    assert folder is not None
    sink = Kept()
    assert ship_dead(folder, sink, go_on)
    assert sink.numbers == [7]


def test_folders_half_made_or_half_deleted_are_deleted_when_old(tmp_path: Path) -> None:
    making, gone, new = f".making-{named(0)}", f".gone-{named(1)}", f".making-{named(2)}"
    others = {".other", ".gone-fishing"}
    for name in (making, gone, new, *others):
        (tmp_path / name).mkdir()
    for name in (making, gone, *others):
        os.utime(tmp_path / name, (0, time.time() - recovery.STALE - 1))
    tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {new, *others}


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    with (
        locks.held(tmp_path / "lock", exclusive=True) as first,
        locks.held(tmp_path / "lock", exclusive=True) as second,
    ):
        assert (first, second) == (True, False)
    with locks.held(tmp_path / "lock", exclusive=True) as third:
        assert third


def test_no_folder_has_no_dead_journals(tmp_path: Path) -> None:
    assert dead_journals(tmp_path / "nothing") == []


def test_cursors_begin_at_the_beginning(tmp_path: Path) -> None:
    assert CursorFile("kept").load(tmp_path) == (Cursor(), b"")


def test_a_killed_process_leaves_its_last_line(tmp_path: Path) -> None:
    job = processes.start(
        """
        import logging, sys
        from otel_joblog import job
        with job("endless"):
            number = 0
            while True:
                logging.getLogger("x").info("line %d", number)
                sys.stdout.write(f"{number}\\n")  # said when the logging call has returned
                sys.stdout.flush()
                number += 1
        """,
        tmp_path,
        OTEL_JOBLOG_CAPTURE_OUTPUT="false",
    )
    assert job.stdout is not None
    for text in job.stdout:
        if int(text) == 500:
            break
    job.send_signal(signal.SIGKILL)
    rest = job.stdout.read()  # not by communicate(), which does not see what was read ahead
    job.communicate()
    whole = rest.splitlines() if rest.endswith("\n") else rest.splitlines()[:-1]
    said = max([500, *map(int, whole)])
    found = [record.seq for record in processes.journaled(tmp_path) if isinstance(record, Line)]
    assert found[: said + 1] == list(range(1, said + 2))
    assert len(found) - (said + 1) in {0, 1}  # the one whose call had not returned yet


def test_eight_threads_killed_leave_all_that_they_had_logged(tmp_path: Path) -> None:
    job = processes.start(
        """
        import logging, os, threading
        from otel_joblog import job
        def work(name):
            for number in range(1_000_000):
                logging.getLogger(name).info("%d", number)
                os.write(1, f"{name} {number}\\n".encode())
        with job("endless"):
            for name in "abcdefgh":
                threading.Thread(target=work, args=(name,), daemon=True).start()
            threading.Event().wait()
        """,
        tmp_path,
    )
    assert job.stdout is not None
    said: dict[str, int] = {}
    for _ in range(2_000):
        name, number = job.stdout.readline().split()
        said[name] = int(number)
    job.send_signal(signal.SIGKILL)
    job.communicate()
    found: dict[str, list[int]] = {}
    for record in processes.journaled(tmp_path):
        if isinstance(record, Line):
            found.setdefault(record.logger, []).append(int(record.message))
    for name, number in said.items():
        assert found[name] == list(range(len(found[name])))
        assert len(found[name]) > number


def test_forked_children_leave_their_lines_once_and_do_not_end_the_run(tmp_path: Path) -> None:
    done = processes.run(
        """
        import logging, os
        from otel_joblog import job, step
        log = logging.getLogger("x")
        with job("parent"):
            log.info("parent before")
            children = []
            for number in range(3):
                pid = os.fork()
                if pid == 0:
                    with step("in the child"):
                        log.info("child %d", number)
                    os._exit(0)
                children.append(pid)
            for pid in children:
                os.waitpid(pid, 0)
            log.info("parent after")
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    records = processes.journaled(tmp_path)
    lines = [record for record in records if isinstance(record, Line)]
    assert sorted(record.message for record in lines) == [
        *(f"child {number}" for number in range(3)),
        "parent after",
        "parent before",
    ]
    assert len({record.seq for record in lines}) == 5
    assert len({record.run for record in lines}) == 1
    jobs = {record.span_id for record in records if isinstance(record, SpanStarted) and record.kind == "job"}
    assert len(jobs) == 1
