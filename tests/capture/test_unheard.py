"""Lines that are kept though logging leaves them out, and an application that cannot tell."""

from __future__ import annotations

import contextvars
import logging
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import FunctionType
from typing import Any
from unittest import mock

import pytest

from otel_joblog import job, step
from otel_joblog.capture import installation
from otel_joblog.testing import Recorded, recording
from tests import processes

log = logging.getLogger("tests.unheard")
info_of_old = log.info  # bound before any run

EXCHANGED = (logging.Logger.debug, logging.Logger.info, logging.Logger.log, logging.LoggerAdapter.log)


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    before = [function.__code__ for function in EXCHANGED]
    with recording() as recorded:
        yield recorded
    installation._let_go()  # a context that the test kept is gone
    assert [function.__code__ for function in EXCHANGED] == before


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A handler on the root logger, whose level is left at the default."""
    handler = Heard()
    logging.root.addHandler(handler)
    yield handler
    logging.root.removeHandler(handler)


def test_lines_below_the_default_level_are_kept_and_reach_no_handler(recorded: Recorded, heard: Heard) -> None:
    adapter = logging.LoggerAdapter(log, {"rows": 3})
    with job("x"):
        log.info("one %d", 1)
        log.log(25, "two")
        adapter.info("three")
        adapter.log(22, "four")
        info_of_old("five")
        logging.info("six")  # noqa: LOG015
        log.warning("seven")
    assert recorded.messages == ["one 1", "two", "three", "four", "five", "six", "seven"]
    assert [line.severity for line in recorded.lines[:4]] == [9, 11, 9, 9]
    assert [line.attributes for line in recorded.lines[:4]] == [None, None, {"rows": 3}, {"rows": 3}]
    assert heard.messages == ["seven"]


def test_lines_from_the_level_asked_for_on_are_kept_and_none_below(recorded: Recorded) -> None:
    with job("x"):
        log.debug("no")
        log.log(19, "no")
    assert not recorded.messages


def test_a_level_of_debug_is_heard_too(tmp_path: Path) -> None:
    source = """
        import logging
        from otel_joblog import job
        log = logging.getLogger("a")
        with job("x"):
            log.debug("debug")
            log.log(9, "below")
            logging.LoggerAdapter(log, {}).debug("adapted")
    """
    processes.run(source, tmp_path, OTEL_JOBLOG_LOG_LEVEL="DEBUG")
    assert processes.messages(tmp_path) == ["debug", "adapted"]


def test_nothing_is_taken_that_somebody_has_switched_off(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    child, adapter = log.getChild("child"), logging.LoggerAdapter(log, {})
    with job("x"):
        log.setLevel(logging.WARNING)
        for off in (log, child, adapter):
            off.info("its logger is at WARNING")
        log.setLevel(logging.NOTSET)
        monkeypatch.setattr(log, "disabled", True)
        log.info("disabled")
        monkeypatch.setattr(log, "disabled", False)
        logging.disable(logging.INFO)
        log.info("all are")
        logging.disable(logging.NOTSET)
        logging.root.setLevel(logging.ERROR)
        log.info("the root is at ERROR")
        logging.root.setLevel(logging.WARNING)
        log.info("and none of that")
    log.info("outside")
    assert recorded.messages == ["and none of that"]


def test_nothing_tells_that_a_level_was_lowered() -> None:
    with job("x"):
        assert not log.isEnabledFor(logging.INFO)
        assert log.getEffectiveLevel() == logging.WARNING
        assert type(logging.root.level) is int
        assert [function.__code__.co_name for function in EXCHANGED] == ["debug", "info", "log", "log"]
        saved = logging.root.level
    logging.root.setLevel(saved)
    assert logging.root.level == logging.WARNING


def root_level() -> int:
    return logging.root.level


def test_a_pool_of_new_processes_is_handed_no_other_level() -> None:
    with job("x"), multiprocessing.get_context("spawn").Pool(1, logging.root.setLevel, (logging.root.level,)) as pool:
        assert pool.apply(root_level) == logging.WARNING


def test_what_the_jobs_own_handlers_are_given_they_get(recorded: Recorded, heard: Heard) -> None:
    class Always(logging.Logger):
        def isEnabledFor(self, level: int) -> bool:
            return True

    own, always = logging.Logger("own"), Always("always")  # noqa: LOG001
    for logger in (own, always):
        logger.addHandler(heard)
    with job("x"):
        own.info("own")
        logging.getLogger("w").handle(logging.LogRecord("w", logging.INFO, "", 0, "of another process", (), None))
        always.info("always")
        logging.root.setLevel(min(logging.root.level, logging.INFO))
        log.info("pytest's --log-level")
    logging.root.setLevel(logging.WARNING)
    assert heard.messages == recorded.messages == ["own", "of another process", "always", "pytest's --log-level"]


def test_loggers_that_decide_for_themselves_are_believed(recorded: Recorded, heard: Heard) -> None:
    class Never(logging.Logger):
        def isEnabledFor(self, level: int) -> bool:
            return False

    class Half(logging.Logger):
        def isEnabledFor(self, level: int) -> bool:
            return super().isEnabledFor(level) or level == logging.INFO

    class Distant(logging.LoggerAdapter[logging.Logger]):
        def isEnabledFor(self, level: int) -> bool:
            return False

    for kind in (Never, Half):
        logger = kind("x")
        logger.parent = logging.root
        with job("x"):
            logger.info(kind.__name__)
            Distant(log, {}).info("distant")
    assert recorded.messages == heard.messages == ["Half"]


def test_no_code_of_the_application_is_asked_about_them(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def note(*args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        return logging.LogRecord(*args, **kwargs)

    class Own(logging.Logger):
        makeRecord = findCaller = handle = callHandlers = _log = note  # type: ignore[assignment]  # noqa: N815

        def info(self, *args: Any, **kwargs: Any) -> None:
            super().info(*args, **kwargs)

    own = Own("own")
    own.parent = logging.root
    monkeypatch.setattr(logging, "lastResort", mock.Mock())
    monkeypatch.setattr(logging, "_logRecordFactory", note)
    with job("x"):
        own.info("own", stack_info=True)
        log.info("factory")
    assert not asked
    assert recorded.messages == ["own", "factory"]


def test_a_filter_that_remembers_what_it_has_seen_sees_what_it_saw(recorded: Recorded, heard: Heard) -> None:
    seen: set[str] = set()

    def once(record: logging.LogRecord) -> bool:
        new = record.getMessage() not in seen
        seen.add(record.getMessage())
        return new

    filtered = logging.getLogger("tests.filtered")
    filtered.addFilter(once)
    with job("x"):
        filtered.info("full")  # whether it would have let this pass cannot be told without asking it
        filtered.warning("full")
    filtered.removeFilter(once)
    assert heard.messages == recorded.messages == ["full"]


def test_a_class_of_records_says_how_they_speak(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    class Braces(logging.LogRecord):
        def getMessage(self) -> str:
            return str(self.msg).format(*self.args)  # type: ignore[misc]

    monkeypatch.setattr(logging, "_logRecordFactory", Braces)
    with job("x"):
        log.info("{} of {}", 1, 2)  # noqa: PLE1205
    assert recorded.messages == ["1 of 2"]


def test_adapters_say_what_the_line_is(recorded: Recorded) -> None:
    class Numbered(logging.LoggerAdapter[Any]):
        def process(self, msg: Any, kwargs: Any) -> Any:
            return f"[{self.extra['number']}] {msg}", kwargs  # type: ignore[index]

    class Broken(logging.LoggerAdapter[Any]):
        def process(self, msg: Any, kwargs: Any) -> Any:
            raise ZeroDivisionError

    with job("x"):
        Numbered(logging.LoggerAdapter(log, {"a": 1}), {"number": 7}).info("nested")
        Broken(log).info("broken")
    assert recorded.messages == ["[7] nested", "broken"]
    assert recorded.lines[0].attributes == {"a": 1}


def test_a_call_that_is_not_enabled_fails_at_nothing(recorded: Recorded) -> None:
    calls: list[dict[str, Any]] = [
        {"extra": {"message": "taken", "name": "taken", "rows": 3}},
        {"extra": 5},
        {"of_nobody": True},
        {"stacklevel": "far"},
    ]
    with job("x"):
        for number, call in enumerate(calls):
            log.info("line %d", number, **call)
        log.info("too %d few %d", 1)  # noqa: PLE1206
    assert recorded.messages == ["line 0", "line 1", "line 2", "line 3", "'too %d few %d' % (1,)"]
    assert recorded.lines[0].logger == log.name
    assert (recorded.lines[0].attributes or {})["rows"] == 3


def test_exceptions_and_stacks_come_with_them(recorded: Recorded) -> None:
    with job("x"):
        try:
            raise ValueError("bad")
        except ValueError as error:
            log.info("of now", exc_info=True, stack_info=True)
            log.info("given", exc_info=error)
    now, given = (line.attributes or {} for line in recorded.lines)
    assert now["exception.type"] == given["exception.type"] == "ValueError"
    last = now["code.stacktrace"].splitlines()[-2:]
    assert __file__ in last[0]
    assert last[1].strip().startswith('log.info("of now"')


def test_what_others_put_in_their_place_stays(recorded: Recorded) -> None:
    with mock.patch.object(logging.Logger, "info") as double:
        with job("x"):
            log.info("to the double")
        double.assert_called_once_with("to the double")
    stock = logging.Logger.info
    with job("x"):
        assert logging.Logger.info is stock
        with mock.patch.object(logging.Logger, "info", lambda self, msg: stock(self, msg.upper())):
            log.info("around")
    assert recorded.messages == ["AROUND"]


def test_a_logger_class_set_in_a_run_is_one_as_ever(recorded: Recorded) -> None:
    class Own(logging.getLoggerClass()):  # type: ignore[misc]
        def success(self, msg: str) -> None:
            self.log(22, msg)

    before = logging.getLoggerClass()
    with job("x"):
        logging.setLoggerClass(Own)
        logging.getLogger("tests.own.class").success("done")  # type: ignore[attr-defined]
        logging.setLoggerClass(before)
    assert recorded.messages == ["done"]


def test_the_functions_are_those_of_python_in_every_version() -> None:
    """They are exchanged for ours only where they are as we know them."""
    with job("x"):
        taken = [function for function in EXCHANGED if "_otel_joblog_unheard" in function.__code__.co_names]
    assert taken == list(EXCHANGED[1:])  # debug is below the level
    assert all(isinstance(function, FunctionType) for function in EXCHANGED)


SCRIPTS = {
    "tracebacks through the calls": """
        class Broken(logging.Handler):
            def emit(self, record):
                raise OSError("no room")
        log = logging.getLogger("a")
        log.setLevel(logging.DEBUG)
        log.addHandler(Broken())
        adapter = logging.LoggerAdapter(log, {})
        with job("x"):
            for call in (lambda: log.debug("x"), lambda: log.info("x"), lambda: log.log(25, "x"),
                         lambda: adapter.info("x"), lambda: log.log("25", "x"), lambda: adapter.log("25", "x"),
                         lambda: log.info("x", extra={"message": 1}), lambda: log.info()):
                try:
                    call()
                except Exception:
                    traceback.print_exc()
        """,
    "stacklevel": """
        logging.basicConfig(level=logging.DEBUG, format="%(funcName)s %(lineno)d %(message)s")
        log = logging.getLogger("a")
        adapter = logging.LoggerAdapter(log, {})
        def inner(call, level):
            call("level %d" % level, stacklevel=level)
        def outer(call):
            for level in (1, 2, 3):
                inner(call, level)
        with job("x"):
            for call in (log.debug, log.info, adapter.info, adapter.debug):
                outer(call)
            outer(lambda *args, **kwargs: log.log(22, *args, **kwargs))
        """,
    "arguments too dear for a line that is not enabled": """
        with job("x"):
            if logging.getLogger("a").isEnabledFor(logging.INFO):
                print("computed")
            print(logging.getLogger().level, logging.getLogger("a").getEffectiveLevel())
        """,
    "warnings by logging": """
        logging.captureWarnings(True)
        with job("x"):
            warnings.warn("careful")
            logging.getLogger("py.warnings").info("unseen")
        print("careful")
        """,
    "the last resort": """
        with job("x"):
            logging.getLogger("a").info("unseen")
            logging.info("unseen, too")
            logging.getLogger("a").warning("seen")
            print(logging.root.handlers)
        """,
    "records that are counted": """
        numbers = iter(range(100))
        old = logging.getLogRecordFactory()
        def factory(*args, **kwargs):
            record = old(*args, **kwargs)
            record.number = next(numbers)
            return record
        logging.setLogRecordFactory(factory)
        logging.basicConfig(format="%(number)d %(message)s")
        with job("x"):
            logging.info("unseen")
            logging.warning("the first")
        """,
}  # fmt: skip

PRELUDE = "import logging, sys, traceback, warnings\nfrom otel_joblog import job\n"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_the_same_with_and_without(name: str, tmp_path: Path) -> None:
    enabled, disabled = processes.with_and_without(PRELUDE + dedent(SCRIPTS[name]), tmp_path)
    assert enabled == disabled
    assert any(disabled)


def test_they_come_late_as_other_lines_do(recorded: Recorded) -> None:
    with job("x") as run:
        with step("ended"):
            context = contextvars.copy_context()
        context.run(log.info, "late")
    (line,) = recorded.lines
    assert (line.message, line.span_id) == ("late", run._active.span_id)
    assert recorded.runs[0].lines == 1
