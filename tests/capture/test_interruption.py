"""Exceptions from elsewhere reach the job, wherever in our code they come, and what they interrupt stays sound.

Each sweep strikes at every place of ours where Python looks for them (:mod:`tests.interrupting`), by a signal handler
that raises and by ``PyThreadState_SetAsyncExc``. ``make faults`` has the same in storms, over longer ways.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from otel_joblog import current_run, job, progress, setup, step
from otel_joblog.capture import installation
from otel_joblog.capture.context import get_current
from otel_joblog.config import OnFull, Settings
from otel_joblog.conventions import CONTEXT_KEY
from otel_joblog.journal import journal as journals
from otel_joblog.journal import locks
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.room import LOCK, Room
from otel_joblog.journal.segments import segment_numbers
from otel_joblog.journal.shipper import Shipper
from otel_joblog.records import Line, Process, Record, SpanEnded, SpanStarted, encode
from tests.interrupting import Strike, Struck, StruckByClass, by_class, by_signal, strikes

log = logging.getLogger("tests.interruption")
PROCESS = Process(b"p" * 16, 0, os.getpid(), "host", "boot", "service", {})


class Unshipped(Shipper):
    def start(self) -> None:
        self.started = True


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[setup.Runtime]:
    """A runtime with a journal on disk that nobody ships."""
    made = setup.Runtime(Settings.from_environment({}, state_dir=tmp_path, otlp="off"))
    made.shipper = Unshipped(made.journal, [])
    monkeypatch.setattr(setup, "_runtime", made)
    monkeypatch.setattr(log, "level", logging.DEBUG)
    with job("what is imported and made once"), step("s"):
        log.info("logged")
        print("printed")
    with contextlib.suppress(ValueError), job("also of what fails"):
        raise ValueError
    yield made
    made.journal.close()


def written(runtime: setup.Runtime) -> list[Record]:
    return _written(runtime.journal)


def _written(journal: Journal) -> list[Record]:
    reader = JournalReader(journal, Cursor())
    records: list[Record] = []
    while (batch := reader.read()).end != reader.cursor:
        records += batch.records
        reader.cursor = batch.end
    return records


@pytest.fixture(params=[by_signal, by_class], ids=["signal", "class"])
def strike(request: pytest.FixtureRequest) -> Strike:
    chosen: Strike = request.param
    return chosen


def reached(where: str, raised: BaseException | None) -> None:
    assert type(raised) in {Struck, StruckByClass}, f"lost at {where}: {raised!r}"


def sound(runtime: setup.Runtime) -> None:
    """Nothing is held, left installed or left in the context."""
    assert get_current().get(CONTEXT_KEY) is None
    assert not installation._runs
    assert installation._installed is bool(installation._left), "an exception that is kept may carry its context"
    assert not runtime.journal.open
    assert not runtime.journal._in_rotation
    assert all(map(unlocked, (runtime.journal._rotating, installation._lock, setup._lock)))


def say_log(word: str) -> None:
    log.warning(word)


def say_error(word: str) -> None:
    try:
        raise ValueError(word)
    except ValueError:
        log.exception("%s", word)


def say_print(word: str) -> None:
    print(word)


def lines_of(runtime: setup.Runtime, name: str) -> tuple[SpanEnded, list[Line]]:
    records = written(runtime)
    (ended,) = [record for record in records if isinstance(record, SpanEnded) and record.name == name]
    return ended, [record for record in records if isinstance(record, Line) and record.run == ended.run]


@pytest.mark.parametrize("say", [say_log, say_error], ids=["warning", "exception"])
def test_a_log_line_is_kept_or_counted(runtime: setup.Runtime, strike: Strike, say: Callable[[str], None]) -> None:
    taken: list[int] = []
    with job("x") as run:
        for number, (where, raised) in enumerate(strikes(lambda: say(f"struck {len(taken)}"), strike)):
            reached(where, raised)
            taken.append(run._active.lines_so_far)
            say(f"after {number}")
    sound(runtime)
    ended, lines = lines_of(runtime, "x")
    stored = {line.seq: line.message for line in lines}
    assert len(stored) == len(lines)
    assert set(stored.values()) >= {f"after {number}" for number in range(len(taken))}
    assert len(taken) > 30
    for number, last in enumerate(taken):
        before = taken[number - 1] + 1 if number else 0  # one for the line that came after
        assert last - before in {0, 1}
        assert last - before == 1 or f"struck {number}" not in stored.values()
        assert stored.get(last, f"struck {number}") == f"struck {number}" or last == before
    assert ended.status == "success"
    assert ended.lines == taken[-1] + 2


def test_printed_lines_are_kept_or_counted(
    runtime: setup.Runtime, strike: Strike, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 0
    with job("x") as run:
        for where, raised in strikes(lambda: print("one\ntwo"), strike):
            reached(where, raised)
            before = run._active.lines_so_far
            print()
            print(f"after {count}")
            assert run._active.lines_so_far == before + 2
            count += 1
    sound(runtime)
    ended, lines = lines_of(runtime, "x")
    said = [line.message for line in lines]
    assert len(said) == len({line.seq for line in lines})
    assert [f"after {number}" for number in range(count)] == [word for word in said if word.startswith("after")]
    assert set(said) <= {"one", "two", "onetwo", "", *(f"after {number}" for number in range(count))}
    assert count > 60
    assert ended.lines >= capsys.readouterr().out.count("\n") - 1  # one was printed before


def work() -> None:
    with step("inner", task_id="t"):
        log.info("logged")
    print("printed")
    progress(1, 2, "files")
    run = current_run()
    assert run is not None
    run.set_result(rows=3)


@job("function")
def function() -> int:
    work()
    return 5


def block() -> None:
    with job("block", reference="r"):
        work()


def failing() -> None:
    with contextlib.suppress(ValueError), job("failing"), step("fails"):
        raise ValueError("as it is")


@job("generator")
def generator() -> Iterator[int]:
    yield 1
    work()
    yield 2


SCENES: list[Callable[[], object]] = [function, block, failing, lambda: list(generator())]


@pytest.mark.parametrize("scene", SCENES, ids=["function", "block", "failing", "generator"])
def test_a_run_that_is_struck_anywhere_ends(
    runtime: setup.Runtime, strike: Strike, scene: Callable[[], object]
) -> None:
    scene()
    print_before, count = sys.stdout, 0
    for where, raised in strikes(scene, strike, every=SOME):
        reached(where, raised)
        sound(runtime)
        assert sys.stdout is print_before
        with job("after") as after:
            log.info("after %d", count)
        assert after._active.parent_run is None, where
        count += 1
    assert count > 5
    records = written(runtime)
    open_spans: dict[bytes, str] = {}
    ends: list[bytes] = []
    for record in records:
        if isinstance(record, SpanStarted):
            open_spans.setdefault(record.span_id, record.name)
        elif isinstance(record, SpanEnded):
            open_spans.pop(record.span_id, None)
            ends.append(record.span_id)
            assert record.status != "lost"
    assert not open_spans
    assert len(ends) == len(set(ends)), "each ended once"
    said = [record.message for record in records if isinstance(record, Line)]
    assert set(said) >= {f"after {number}" for number in range(count)}


def test_the_traceback_is_that_of_the_handler_alone(runtime: setup.Runtime) -> None:
    with job("x"):
        for where, raised in strikes(lambda: log.warning("struck"), by_signal):
            assert raised is not None
            files = [frame.filename for frame in traceback.extract_tb(raised.__traceback__)]
            assert Path(files[-1]).name == "interrupting.py"
            assert not any(f"{os.sep}otel_joblog{os.sep}" in file for file in files), where
    sound(runtime)


class Append:
    """A journal of small segments, appended to."""

    def __init__(self, folder: Path, room: Room | None = None) -> None:
        self.journal = Journal(folder / "journal", PROCESS, ["one"], room)
        self.said = 0

    def __call__(self) -> None:
        self.said += 1
        self.journal.append(encode(Line(b"t" * 16, b"r" * 8, b"r" * 8, 0, self.said, 9, 0, "", "x" * 300)))

    def kept(self) -> list[int]:
        return [record.seq for record in _written(self.journal) if isinstance(record, Line)]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def unlocked(lock: Any) -> bool:
    free: list[bool] = []
    thread = threading.Thread(target=lambda: free.append(lock.acquire(timeout=5) and not lock.release()))
    thread.start()
    thread.join()
    return free == [True]


@pytest.mark.parametrize("begun", [0, 1, 3], ids=["the first", "the second", "a later one"])
def test_a_segment_that_is_struck_as_it_begins_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strike: Strike, begun: int
) -> None:
    monkeypatch.setattr(journals, "FIRST_SEGMENT_BYTES", 700)
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 700)
    places = 0
    kept: list[BaseException] = []
    appends: list[Append] = []

    def again() -> None:
        appends[-1]()

    def fresh() -> Append:
        append = Append(tmp_path / str(len(appends)))
        for _ in range(2 * begun - 1):
            append()
        appends.append(append)
        return append

    for _ in range(2):  # the second opens what a first one need not
        fresh()
        again()
        appends[-1].journal.close()
    fresh()
    before = descriptors()
    for where, raised in strikes(again, strike, every=3 if begun else 19):
        reached(where, raised)
        assert raised is not None
        kept.append(raised)  # as an application may
        append = appends[-1]
        journal = append.journal
        assert unlocked(journal._rotating)
        struck = append.said
        for _ in range(5):
            append()
        assert journal.trouble is None, where
        assert journal.folder is not None
        assert set(append.kept()) >= set(range(1, append.said + 1)) - {struck}, where
        assert append.kept() == sorted(set(append.kept()))
        numbers = [segment.number for segment in journal._segments]
        assert all(journal.sealed(number) for number in numbers[:-1]), where
        assert sorted(segment_numbers(journal.folder)) == numbers, where
        assert [path.name for path in (tmp_path / str(len(appends) - 1) / "journal").glob(".making-*")] == []
        journal.close()
        assert descriptors() <= before, where
        places += 1
        fresh()
    assert places > 8
    assert len({id(error) for error in kept}) == places


@pytest.mark.parametrize("on_full", ["drop_oldest_logs", "drop_new_logs"])
def test_room_that_is_struck_as_it_is_made_is_made_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strike: Strike, on_full: OnFull
) -> None:
    monkeypatch.setattr(journals, "FIRST_SEGMENT_BYTES", 700)
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 700)
    append = Append(tmp_path, Room(tmp_path / "journal", 12_000, on_full))
    for _ in range(60):
        append()
    count = 0
    before = descriptors()
    for where, raised in islice(strikes(lambda: [append() for _ in range(3)], strike, every=2 * SOME), 15):
        reached(where, raised)
        assert unlocked(append.journal._rotating)
        assert locks.held(tmp_path / "journal" / LOCK, exclusive=True).__enter__(), where
        for _ in range(3):
            append()
        assert append.journal.trouble is None
        assert descriptors() <= before + 3, where
        count += 1
    assert count > 5
    append.journal.close()


def test_a_line_of_the_handler_that_strikes_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a rotation it is left to that, which the handler then ends."""
    monkeypatch.setattr(journals, "FIRST_SEGMENT_BYTES", 700)
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 700)
    append = Append(tmp_path)

    def handler(signum: int, frame: object) -> None:
        append()
        raise Struck

    def strike() -> Callable[[object], object]:
        at = by_signal()
        signal.signal(signal.SIGUSR1, handler)
        return at

    lost: list[int] = []
    for where, raised in strikes(append, strike):
        reached(where, raised)
        lost.append(append.said - 1)
        append()
        append()
    assert set(append.kept()) >= set(range(1, append.said + 1)) - set(lost)
    append.journal.close()


SOME = 61  # one place of so many; ``make faults`` strikes at all
