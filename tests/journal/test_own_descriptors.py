"""A job closes descriptors that are not its own and opens files: nothing of ours goes into them, nothing is lost."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from otel_joblog.descriptors import Kept, opened
from otel_joblog.journal import locks
from otel_joblog.journal.folders import journal_folders
from otel_joblog.journal.living import lives
from otel_joblog.journal.recovery import dead_journals
from otel_joblog.records import Line, SpanEnded
from tests import processes

from .samples import fill, journal

CLOSING = {
    "a daemon's": "os.closerange(3, 256)",
    "all": "os.closerange(3, 20_000)",
    "each that is listed": """
for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
    if number > 2:
        with contextlib.suppress(OSError):
            os.close(number)
""",
    "another in the place of each": """
null = os.open("swallowed", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
    if number > 2:
        with contextlib.suppress(OSError):
            os.dup2(null, number)
""",
}
LIMITS = {"at the limit": (1024, 1024), "past the limit": (1024, 4096), "far below the limit": (20_000, 20_000)}

SCRIPT = """
import contextlib, logging, os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_NOFILE, {limits})
from otel_joblog import job
log = logging.getLogger("x")
with job("daemon"):
    log.warning("before")
    {before}
    exec({closing!r})
    files = [open(f"file {{number}}", "wb", 0) for number in range(300)]
    for number in range(3_000):
        log.warning("line %d", number)
    for number, file in enumerate(files):
        assert file.write(b"mine") == 4, number
    {after}
assert resource.getrlimit(resource.RLIMIT_NOFILE) == {limits}
for number, file in enumerate(files):
    file.close()
    assert open(f"file {{number}}", "rb").read() == b"mine", number
assert not os.path.exists("swallowed") or not os.path.getsize("swallowed")
"""


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("closing", CLOSING.values(), ids=CLOSING)
def test_no_frame_goes_into_a_file_of_the_job_and_no_line_is_lost(
    closing: str, limits: tuple[int, int], tmp_path: Path
) -> None:
    source = SCRIPT.format(closing=closing, limits=limits, before="", after="")
    done = processes.run(source, tmp_path, OTEL_JOBLOG_DSN="host=127.0.0.1 port=1", OTEL_JOBLOG_CAPTURE_OUTPUT="false")
    assert (done.returncode, done.stdout) == (0, "")
    told = [line for line in done.stderr.splitlines() if "otel_joblog" in line]
    assert all("has never accepted a record" in line for line in told), told
    records = processes.journaled(tmp_path)
    lines = [record.message for record in records if isinstance(record, Line)]
    assert lines == ["before", *(f"line {number}" for number in range(3_000))]
    (end,) = (record for record in records if isinstance(record, SpanEnded))
    assert (end.name, end.status) == ("daemon", "success")


@pytest.mark.parametrize("closing", CLOSING.values(), ids=CLOSING)
def test_whoever_looks_meanwhile_does_not_take_the_run_for_lost(closing: str, tmp_path: Path) -> None:
    source = SCRIPT.format(
        closing=closing,
        limits=(1024, 4096),
        before="",
        after="os.write(1, b'closed\\n'); sys.stdin.readline()",
    )
    job = processes.start(source, tmp_path, OTEL_JOBLOG_DSN="host=127.0.0.1 port=1")
    assert job.stdout
    assert job.stdin
    assert job.stdout.readline() == "closed\n"
    (folder,) = journal_folders(tmp_path / "state" / "journal")
    assert lives(folder)
    assert dead_journals(tmp_path / "state" / "journal") == []
    job.kill()
    job.communicate()
    assert dead_journals(tmp_path / "state" / "journal") == [folder], "and once it has died it is dead"


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_captured_descriptors_go_on(limits: tuple[int, int], tmp_path: Path) -> None:
    source = SCRIPT.format(
        closing=CLOSING["a daemon's"],
        limits=limits,
        before="print('first', flush=True)",
        after="print('last', flush=True)",
    ).replace('job("daemon")', 'job("daemon", capture_output="fd")')
    done = processes.run(source, tmp_path, OTEL_JOBLOG_DSN="host=127.0.0.1 port=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "first\nlast\n"
    printed = [record.message for record in processes.journaled(tmp_path) if isinstance(record, Line)]
    assert {"first", "last"} <= set(printed)


def test_what_a_job_puts_on_its_stdout_stays_there(tmp_path: Path) -> None:
    done = processes.run(
        """
        import os
        from otel_joblog import job
        with job("daemon", capture_output="fd"):
            os.write(1, b"captured\\n")
            os.dup2(os.open("log", os.O_WRONLY | os.O_CREAT), 1)
            os.write(1, b"in the job\\n")
        os.write(1, b"after it\\n")
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout, (tmp_path / "log").read_text()) == ("captured\n", "in the job\nafter it\n")


def test_a_lock_that_was_closed_is_taken_again(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(3))
    folder, lock = written.folder, written._lock
    assert folder is not None
    assert lock is not None
    os.close(lock.number)
    with (tmp_path / "mine").open("wb", 0) as mine:
        os.dup2(mine.fileno(), lock.number)
        assert not locks.is_held(folder / "lock")
        written.show_life()
        assert locks.is_held(folder / "lock")
        written.remove()
        assert os.fstat(lock.number).st_ino == os.fstat(mine.fileno()).st_ino, "what is not ours is not closed"
        os.close(lock.number)
    assert (tmp_path / "mine").read_bytes() == b""


def test_a_process_that_is_done_with_its_journal_does_not_keep_it_from_others(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(3))
    folder = written.close()
    assert folder is not None
    assert not lives(folder)


def test_a_program_that_takes_the_place_of_another_is_not_the_same_process(tmp_path: Path) -> None:
    job = processes.start(
        """
        import os, sys
        from otel_joblog import job
        with job("gone"):
            os.execv(sys.executable, [sys.executable, "-c", "print('other', flush=True); input()"])
        """,
        tmp_path,
        OTEL_JOBLOG_DSN="host=127.0.0.1 port=1",
    )
    assert job.stdout
    assert job.stdout.readline() == "other\n"
    assert len(dead_journals(tmp_path / "state" / "journal")) == 1
    job.communicate("\n")


def test_a_number_is_not_given_to_another_of_ours_while_somebody_may_hold_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    first = Kept.open(tmp_path / "file", os.O_RDONLY)
    os.close(first.number)
    second = Kept.open(tmp_path / "file", os.O_RDONLY)
    with opened(tmp_path / "file", os.O_RDONLY) as brief:
        assert len({first.number, second.number, brief}) == 3
    assert min(first.number, second.number, brief) >= min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    second.close()


def test_a_descriptor_that_the_program_closed_at_once_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "ours").touch()
    with (tmp_path / "theirs").open("wb", 0) as theirs:
        with pytest.raises(OSError, match="the program closed it"):
            Kept(theirs.fileno(), tmp_path / "ours")
        theirs.write(b"mine")
    assert (tmp_path / "theirs").read_bytes() == b"mine"
