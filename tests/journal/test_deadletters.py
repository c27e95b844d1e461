"""Records that were refused for ever: kept whole or not at all, and sent again or given up by command."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from otel_joblog.cli.main import main
from otel_joblog.config import Settings
from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.errors import RecordRefused
from otel_joblog.export.targets import postgres_name
from otel_joblog.journal.deadletter import dead_letters, letters_file, remove, set_aside
from otel_joblog.journal.delivery import Deliverer
from otel_joblog.records import Line, Record, SpanEnded

from .samples import PROCESS, Kept, line

REFUSAL = RecordRefused("no fives")


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Files of this process grow to that many bytes at most while the block runs: a write past it is cut short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_letter_is_the_record_as_it_was(tmp_path: Path) -> None:
    set_aside(tmp_path, "kept", line(5), PROCESS, REFUSAL)
    (kept,) = dead_letters(tmp_path)
    assert kept.letter is not None
    assert kept.letter.contents() == (line(5), PROCESS)
    assert (kept.letter.exporter, kept.letter.reason, kept.letter.record) == ("kept", "no fives", "Line")


def test_a_letter_that_the_disk_cuts_short_is_not_kept(tmp_path: Path) -> None:
    set_aside(tmp_path, "kept", line(1), PROCESS, REFUSAL)
    before = letters_file(tmp_path).read_bytes()
    with disk_full_after(len(before) + 50), pytest.raises(OSError, match="File too large"):
        set_aside(tmp_path, "kept", line(2), PROCESS, REFUSAL)
    assert letters_file(tmp_path).read_bytes() == before


def test_a_record_that_cannot_be_set_aside_is_not_done_with(tmp_path: Path) -> None:
    asked: list[float] = []

    def gives_up_at_second(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) < 2

    deliverer = Deliverer(Kept("kept", *[REFUSAL] * 3), tmp_path, gives_up_at_second)
    with disk_full_after(50):
        assert not deliverer.deliver([line(5)], PROCESS)
    assert len(asked) == 2
    assert not dead_letters(tmp_path)
    assert deliverer.deliver([line(5)], PROCESS)
    assert len(dead_letters(tmp_path)) == 1


def test_a_pipe_in_the_place_of_the_file_takes_no_letter_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(letters_file(tmp_path))
    with pytest.raises(OSError, match="is not a file"):
        set_aside(tmp_path, "kept", line(1), PROCESS, REFUSAL)
    with pytest.raises(OSError, match="is not a file"):
        dead_letters(tmp_path)


def test_whoever_died_as_they_wrote_spoils_no_other_letter(tmp_path: Path) -> None:
    set_aside(tmp_path, "kept", line(1), PROCESS, REFUSAL)
    with letters_file(tmp_path).open("ab") as file:
        file.write(b'{"time": 1')
    set_aside(tmp_path, "kept", line(2), None, REFUSAL)
    letters = [kept.letter for kept in dead_letters(tmp_path)]
    assert [letter is not None and letter.contents()[0] for letter in letters] == [line(1), False, line(2)]


def test_what_comes_while_others_are_taken_out_stays(tmp_path: Path) -> None:
    for number in range(3):
        set_aside(tmp_path, "kept", line(number), PROCESS, REFUSAL)
    first, second, third = dead_letters(tmp_path)
    remove(tmp_path, {first.mark, third.mark})
    assert dead_letters(tmp_path) == [second]
    remove(tmp_path, {second.mark})
    assert not letters_file(tmp_path).exists()


@pytest.fixture
def root(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OTEL_JOBLOG_DSN", dsn)
    monkeypatch.setenv("OTEL_JOBLOG_STATE_DIR", str(tmp_path))
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal"


def here() -> str:
    return postgres_name(Settings.from_environment())


def records() -> list[Record]:
    now = time.time_ns()
    trace, span = b"t" * 16, b"r" * 8
    ended = SpanEnded(
        kind=SpanKind.JOB,
        trace_id=trace,
        span_id=span,
        parent_id=None,
        run=span,
        parent_run=None,
        start=now,
        name="refused",
        seq=0,
        attributes={},
        end=now + 1,
        status=RunStatus.SUCCESS,
        message="",
        events=[],
        links=[],
        otel_kind=0,
        scope="otel_joblog",
        sampled=True,
        lines=1,
        steps=0,
    )
    return [Line(trace, span, span, now, 1, 9, 0, "log", "hello"), ended]


def called(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["dead-letters", *words])
    return done.exit_code, done.output


def test_letters_are_listed_and_sent_again(root: Path, dsn: str) -> None:
    for record in records():
        set_aside(root, here(), record, PROCESS, REFUSAL)
    code, told = called("list")
    assert code == 0
    assert told.count("no fives") == 2
    assert "Line: no fives" in told
    assert called("send") == (0, "2 of 2 records sent.\n")
    assert called("list") == (0, "No record was refused.\n")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select name, lines from joblog.job_run").fetchall() == [("refused", 1)]
        assert connection.execute("select message from joblog.job_log").fetchall() == [("hello",)]


def test_letters_for_elsewhere_stay_unless_they_are_to_go_here(root: Path, dsn: str) -> None:
    set_aside(root, "postgres-old@elsewhere:5432", records()[1], PROCESS, REFUSAL)
    (kept,) = dead_letters(root)
    code, told = called("send")
    assert code == 1
    assert f"{kept.mark} stays: it is for postgres-old@elsewhere:5432, which nothing here ships to" in told
    assert called("send", kept.mark, "--here") == (0, "1 of 1 record sent.\n")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select name from joblog.job_run").fetchall() == [("refused",)]


def test_letters_are_given_up_by_name_or_all_of_them(root: Path) -> None:
    for number in range(3):
        set_aside(root, here(), line(number), PROCESS, REFUSAL)
    first, *others = dead_letters(root)
    assert called("drop")[0] == 2
    assert called("drop", "nothing")[0] == 1
    assert called("drop", first.mark) == (0, "1 record dropped.\n")
    assert dead_letters(root) == others
    assert called("drop", "--all") == (0, "2 records dropped.\n")
    assert not dead_letters(root)


def test_doctor_tells_of_letters(root: Path) -> None:
    set_aside(root, here(), line(1), PROCESS, REFUSAL)
    told = CliRunner().invoke(main, ["doctor"]).output
    assert "1 record refused and set aside: `otel-joblog dead-letters list` says why" in told
