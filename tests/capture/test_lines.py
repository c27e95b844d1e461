"""Lines: what loggers are told and what is printed, each once, by whoever in the run."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import logging.handlers
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_joblog import current_run, job, step
from otel_joblog.capture import installation
from otel_joblog.testing import Recorded, recording

log = logging.getLogger("tests.lines")


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    installation._left.clear()  # what an earlier test left at work
    installation._sync()
    before = logging.root.level, logging.Logger.callHandlers, logging.Handler.handle, threading.Thread.start, sys.stdout
    with recording() as recorded:
        yield recorded
    after = logging.root.level, logging.Logger.callHandlers, logging.Handler.handle, threading.Thread.start, sys.stdout
    assert after == before


def test_a_line_knows_its_step_its_place_and_where_it_was_logged(recorded: Recorded) -> None:
    with job("x") as run:
        log.info("one of %d", 2, extra={"rows": 3})
        with step("y") as part:
            log.warning("two")
    one, two = recorded.lines
    assert (one.message, one.seq, one.severity, one.logger) == ("one of 2", 1, 9, "tests.lines")
    assert (one.run, one.span_id, one.attributes) == (run._active.span_id, run._active.span_id, {"rows": 3})
    assert (two.span_id, two.seq, two.severity) == (part._active.span_id, 2, 13)
    assert two.attributes is not None
    assert two.attributes["code.file.path"] == __file__
    assert recorded.runs[0].lines == 2


def test_exceptions_and_stacks_come_with_their_line(recorded: Recorded) -> None:
    with job("x"):
        try:
            raise ValueError("bad")
        except ValueError:
            log.exception("it failed", stack_info=True)
    attributes = recorded.lines[0].attributes
    assert attributes is not None
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "bad")
    assert attributes["exception.stacktrace"].startswith("Traceback")
    assert "test_lines.py" in attributes["code.stacktrace"]


def test_lines_outside_of_runs_and_of_telemetry_are_left_alone(recorded: Recorded) -> None:
    log.warning("before")
    with job("x"):
        logging.getLogger("opentelemetry.sdk").warning("about spans")
        logging.getLogger("otel_joblog").warning("about itself")
        log.debug("below the level")
    log.warning("after")
    assert not recorded.lines


def test_a_logger_that_does_not_propagate_is_heard(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    lonely = logging.getLogger("tests.lonely")
    monkeypatch.setattr(lonely, "propagate", False)
    with job("x"):
        lonely.error("alone")
        monkeypatch.setattr(lonely, "disabled", True)
        lonely.error("not this")
    assert recorded.messages == ["alone"]


class Unspeakable:
    def __repr__(self) -> str:
        raise ZeroDivisionError

    __str__ = __repr__


class Named(str):
    """As Django's SafeString."""

    __slots__ = ()

    def __str__(self) -> str:
        return self


cycle: list[Any] = []
cycle.append(cycle)


@pytest.mark.parametrize(
    ("message", "args", "expected"),
    [
        ("%d of %d", (1,), "'%d of %d' % (1,)"),
        ("%s", (Unspeakable(),), "'%s' % <tuple whose repr raised ZeroDivisionError>"),
        ({"a": 1}, (), "{'a': 1}"),
        (None, (), "None"),
        (Named("safe"), (), "safe"),
        ("nul \0 and surrogate \ud800", (), "nul \0 and surrogate \\ud800"),
        ("x" * 50_000_000, (), "x" * 50_000_000),
    ],
    ids=["too few", "unspeakable", "mapping", "None", "str of another kind", "nul", "50 MB"],
)
@pytest.mark.usefixtures("silent")
def test_a_message_of_any_kind_is_kept(message: Any, args: Any, expected: str, recorded: Recorded) -> None:
    with job("x"):
        log.info(message, *args)
    assert recorded.messages == [expected]


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers do not complain of messages that they cannot print."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [logging.NullHandler()])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Unspeakable(), "<Unspeakable whose repr raised ZeroDivisionError>"),
        (10**30, str(10**30)),
        (10**5000, hex(10**5000)),
        ({Unspeakable(): Unspeakable}, {"<Unspeakable whose str raised ZeroDivisionError>": repr(Unspeakable)}),
        (range(10**12), "range(0, 1000000000000)"),
        (Named("plain"), "plain"),
        ({"\udfff": 1}, {"\\udfff": 1}),
    ],
    ids=["unspeakable", "beyond 64 bits", "beyond printing", "keys", "range", "str of another kind", "surrogate"],
)
def test_extras_of_any_kind_are_kept(value: Any, expected: Any, recorded: Recorded) -> None:
    with job("x"):
        log.info("line", extra={"value": value})
    assert recorded.lines[0].attributes == {"value": expected}


def test_extras_that_hold_themselves_are_kept_to_a_depth(recorded: Recorded) -> None:
    with job("x"):
        log.info("line", extra={"value": cycle})
    assert recorded.messages == ["line"]


def test_records_by_a_factory_of_ones_own_are_kept(recorded: Recorded) -> None:
    class Own(logging.LogRecord):
        def getMessage(self) -> Any:
            return b"bytes"

    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Own)
    try:
        with job("x"):
            log.info("line")
    finally:
        logging.setLogRecordFactory(before)
    assert recorded.messages == ["b'bytes'"]


def test_what_a_handler_prints_is_no_second_line(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    class Chatty(logging.StreamHandler[Any]):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name == log.name:
                logging.getLogger("tests.other").info("about it")
            print("printed by the handler")

    with job("x"):
        monkeypatch.setattr(logging.getLogger("tests"), "handlers", [Chatty(sys.stderr)])
        log.warning("line")
        print("printed by the job")
    assert recorded.messages == ["line", "about it", "printed by the job"]


def test_a_line_through_a_queue_is_taken_where_it_was_logged_and_once(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: queue.Queue[Any] = queue.Queue()
    with job("x"), step("y") as part:
        listener = logging.handlers.QueueListener(lines, logging.StreamHandler(sys.stdout))
        listener.start()
        monkeypatch.setattr(log, "handlers", [logging.handlers.QueueHandler(lines)])
        log.error("through the queue")
        listener.stop()
    (line,) = recorded.lines
    assert line.span_id == part._active.span_id


def test_a_replacement_by_somebody_else_stays_and_lines_are_taken_once(recorded: Recorded) -> None:
    first = logging.Logger.callHandlers
    seen: list[str] = []
    with job("one"):
        ours = logging.Logger.callHandlers

        def theirs(logger: logging.Logger, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            ours(logger, record)

        logging.Logger.callHandlers = theirs  # type: ignore[method-assign]
    try:
        with job("two"):
            log.error("line")
        assert logging.Logger.callHandlers is theirs
    finally:
        logging.Logger.callHandlers = first  # type: ignore[method-assign]
    assert recorded.messages == seen == ["line"]


def test_threads_and_pools_belong_to_the_run(recorded: Recorded) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # its thread is older than the run
        with job("x") as run:
            thread = threading.Thread(target=log.error, args=("thread",))
            timer = threading.Timer(0, log.error, ("timer",))
            for started in (thread, timer):
                started.start()
                started.join()
            pool.submit(log.error, "pool").result()
            assert pool.submit(current_run).result() is run
        pool.submit(log.error, "after the run").result()
        assert pool.submit(current_run).result() is None
    assert recorded.messages == ["thread", "timer", "pool"]


def test_ten_threads_at_once_get_every_number_once(recorded: Recorded) -> None:
    with job("x"):
        threads = [threading.Thread(target=lambda: [log.error("line") for _ in range(50)]) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(line.seq for line in recorded.lines) == list(range(1, 501))
    assert recorded.runs[0].lines == 500


def test_signal_handlers_may_log_and_set_attributes_at_any_moment(recorded: Recorded) -> None:
    handled = itertools.count()

    def handle(*_: object) -> None:
        run = current_run()
        assert run is not None
        run.set_attribute("handled", next(handled))
        log.error("signal")

    before = signal.signal(signal.SIGALRM, handle)
    with job("x") as run:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while "handled" not in run._active._attributes or run._active._attributes["handled"] < 50:
            log.error("line")
        signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    assert recorded.messages.count("signal") > 50 - 1
    assert sorted(line.seq for line in recorded.lines) == list(range(1, len(recorded.lines) + 1))


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["one\ntwo\n", "thr", "ee\n"], ["one", "two", "three"]),
        (["\n", "x\n\ny"], ["", "x", "", "y"]),
        (["windows\r\n"], ["windows"]),
        ([f"\r{n}%" for n in range(101)] + ["\n"], ["100%"]),
        ([f"{n}%\r" for n in range(101)] + ["\n"], ["100%"]),
        (["gone\rstays", "\r", "\n"], ["stays"]),
        (["a\rb\rc\n"], ["c"]),
        (["unfinished"], ["unfinished"]),
    ],
)
def test_output_is_cut_into_lines_as_they_stand_on_the_screen(
    pieces: list[str], expected: list[str], recorded: Recorded
) -> None:
    with job("x"):
        for piece in pieces:
            sys.stdout.write(piece)
    assert recorded.messages == expected
    assert {line.stream for line in recorded.lines} == {1}


@pytest.mark.parametrize("redraw", ["\r{}%", "{}%\r"])
def test_a_line_redrawn_often_keeps_one_lines_memory(redraw: str, recorded: Recorded) -> None:
    with job("x") as run:
        for number in range(10_000):
            print(redraw.format(number), end="")
        (splitter,) = run._active.outputs.values()
        assert len(splitter._pieces) <= 2


def test_two_threads_do_not_tear_each_others_lines(recorded: Recorded) -> None:
    with job("x"):
        threads = [threading.Thread(target=lambda n=n: [print("line", n) for _ in range(100)]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(recorded.messages) == sorted([f"line {n}" for n in range(4)] * 100)


def test_output_goes_where_it_went_and_stays_of_its_kind(recorded: Recorded) -> None:
    held = io.StringIO()
    with contextlib.redirect_stdout(held):
        with job("x"):
            assert isinstance(sys.stdout, io.StringIO)
            assert print("here") is None  # type: ignore[func-returns-value]
            with contextlib.redirect_stdout(io.StringIO()) as inner:
                print("held back")
        assert sys.stdout is held
    assert held.getvalue() == "here\n"
    assert inner.getvalue() == "held back\n"
    assert recorded.messages == ["here"]


def test_output_is_left_alone_where_that_is_asked_for(recorded: Recorded) -> None:
    with job("quiet", capture_output=False):
        print("not kept")
        with job("loud"):
            print("kept")
    assert recorded.messages == ["kept"]


def test_a_job_whose_output_is_not_captured_keeps_what_is_logged(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    with job("quiet", capture_output=False), step("part"):
        print("printed")
        log.info("logged")
        with job("inside"):
            print("printed inside")
        print("printed again")
    assert recorded.messages == ["logged", "printed inside"]
    assert capsys.readouterr().out == "printed\nprinted inside\nprinted again\n"
