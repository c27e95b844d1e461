"""Log lines of any logger, taken where ``logging`` hands a record to its handlers.

A handler on the root logger would change what a job prints: ``logging.basicConfig()`` does nothing once the root has a
handler, ``lastResort`` falls silent, ``dictConfig`` throws the handler out, and loggers that do not propagate are never
seen. So ``Logger.callHandlers`` is wrapped instead, while a run goes on. ``Handler.handle`` is wrapped, too, so that
what a handler prints, in this thread or in that of a ``QueueListener``, is not taken for output of the run.

Nothing here takes a lock or touches a span: the SDK logs while it holds a span's lock.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import threading
from logging import WARNING
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from ... import setup
from ...conventions import CONTEXT_KEY, Attribute, Severity
from ...diagnostics import LOGGER_NAME, report
from ...interruption import foreign, forget_frames
from ...records import Line, decode, shown, text
from ..context import get_current
from ..facts.failures import stacktrace, type_name
from ..frames import forget_frame
from ..late import said_in, taker
from ..patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from ..going import Going

__all__ = ["emit_line", "install", "printing", "printing_a_record", "take", "uninstall", "without_capture"]

_PLAIN = logging.LogRecord("", 0, "", 0, "", (), None)
_CORRELATION = {"otelTraceID", "otelSpanID", "otelTraceSampled", "otelServiceName"}  # by OTel's logging instrumentation
_PLAIN_FIELDS = frozenset(_PLAIN.__dict__) | {"message", "asctime", "taskName"} | _CORRELATION
_PLAIN_COUNT = len(_PLAIN.__dict__)

printing = threading.local()

# While file descriptors are captured (.descriptors): what a handler writes to them is not taken.
passing: Callable[[], AbstractContextManager[None]] | None = None


def install() -> None:
    """Take log lines from now on."""
    _call_handlers.install()
    _handle.install()


def uninstall() -> None:
    _call_handlers.uninstall()
    _handle.uninstall()


def printing_a_record() -> bool:
    """Whether this thread is in a handler that prints a log record: its output is not output of the run."""
    return getattr(printing, "now", False)


@contextlib.contextmanager
def without_capture() -> Iterator[None]:
    """What this thread prints meanwhile is not output of the run."""
    before = printing_a_record()
    printing.now = True
    try:
        yield
    finally:
        printing.now = before


def _calling_handlers(original: Callable[..., None], alive: list[bool]) -> Callable[..., None]:
    key, current, keep, look, forget = CONTEXT_KEY, get_current, take, taker, forget_frame
    forget_all = forget_frames

    def callHandlers(logger: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802
        try:
            active: Any = current().get(key)
            if active is not None and alive:
                if active.recording:
                    keep(active, record)
                elif found := look(active):
                    keep(found, record, active)
        except BaseException as error:  # from elsewhere
            forget_all(error)
            raise
        try:
            original(logger, record)
        except BaseException as error:
            forget(error)
            raise

    return _posing_as_logging(callHandlers, original)


def _handling(original: Callable[..., Any], alive: list[bool]) -> Callable[..., Any]:  # noqa: ARG001
    here, thread, forget = sys.modules[__name__], printing, forget_frame

    def handle(handler: logging.Handler, record: logging.LogRecord) -> Any:
        before = getattr(thread, "now", False)
        thread.now = True
        try:
            if here.passing is None:
                return original(handler, record)
            with here.passing():
                return original(handler, record)
        except BaseException as error:
            forget(error)
            raise
        finally:
            thread.now = before

    return _posing_as_logging(handle, original)


def _posing_as_logging(function: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever walks up the stack to the line that logged passes over this, too.

    By file (``handleError``, loguru's handler) or by module (structlog's): its globals are those of ``logging``, which
    is why it has what is ours in its closure.
    """
    code = function.__code__.replace(co_filename=logging.Logger.info.__code__.co_filename)
    posing = FunctionType(code, vars(logging), function.__name__, None, function.__closure__)
    return functools.update_wrapper(posing, original)


_call_handlers = Patch(logging.Logger, "callHandlers", _calling_handlers)
_handle = Patch(logging.Handler, "handle", _handling)


def take(active: Going, record: logging.LogRecord, ended: Going | None = None) -> None:
    """Keep a record as a line of what is active; ``ended`` is what it was logged in, where something else takes it."""
    seq = 0
    try:
        level, name = record.levelno, record.name
        if type(name) is not str:
            name = text(name)
        runtime = setup._runtime or setup.runtime()
        if level < runtime.settings.log_level or _is_telemetry(name):
            return
        # Before anything can fail: what is taken and not kept is missing. By ``for``, as a call of ``next`` might be
        # interrupted when it has taken one and not said which.
        for seq in active.run.line_numbers:  # noqa: B007
            break
        try:
            message = record.getMessage()
        except Exception as error:  # the handlers will complain of it on stderr; here the parts are kept
            if foreign(error):
                raise
            message = f"{shown(record.msg)} % {shown(record.args)}"
        if type(message) is not str:
            message = text(message)
        severity = _severities.get(level) or _severity(level)
        fields = record.__dict__
        if (  # most say nothing beyond their message
            level < WARNING
            and len(fields) == _PLAIN_COUNT
            and not fields["exc_info"]
            and fields["threadName"] == "MainThread"
            and not fields["stack_info"]
            and not fields["exc_text"]
        ):
            attributes = None
        else:
            attributes = _attributes(record)
        if ended is not None:
            attributes = said_in(ended, active) | (attributes or {}) or None
        # emit_line, without a call.
        time, run_id = int(record.created * 1e9), active.run.span_id
        line = Line(active.trace_id, run_id, active.span_id, time, seq, severity, 0, name, message, attributes)
        payload = runtime.redactor.encode(line)
        runtime.journal.append(payload)
        if active.mirror is not None:
            active.mirror.add(cast("Line", decode(payload)))
    except BaseException as error:
        if foreign(error):
            if not seq and _is_wanted(record):
                next(active.run.line_numbers)
            forget_frames(error)
            raise
        report("logs", "a log line could not be recorded: %r", error)


def _is_wanted(record: logging.LogRecord) -> bool:
    return record.levelno >= setup.runtime().settings.log_level and not _is_telemetry(text(record.name))


def emit_line(
    active: Going,
    seq: int,
    time: int,
    severity: int,
    stream: int,
    logger: str,
    message: str,
    attributes: dict[str, Any] | None,
) -> None:
    """Append one line of what is active here to the journal.

    ``seq`` is the next of its run's ``line_numbers``, taken before anything could fail; ``stream`` is a
    :class:`~...conventions.Stream`.
    """
    line = Line(
        active.trace_id, active.run.span_id, active.span_id, time, seq, severity, stream, logger, message, attributes
    )
    runtime = setup._runtime or setup.runtime()
    payload = runtime.redactor.encode(line)
    runtime.journal.append(payload)
    if active.mirror is not None:
        active.mirror.add(cast("Line", decode(payload)))


# Plain integers: encoding an enum's member takes longer.
_severities = {10: 5, 20: 9, 30: 13, 40: 17, 50: 21}


def _severity(level: int) -> int:
    """Levels between Python's own: 25 lies two above INFO, so ``INFO`` + 2 (OTel has four of each)."""
    if level < 10:
        return int(Severity.TRACE)
    floor = min(level // 10 * 10, 50)
    return _severities[floor] + min(3, (level - floor) * 4 // 10)


@functools.lru_cache(maxsize=1024)
def _is_telemetry(name: str) -> bool:
    """Our own loggers and the SDK's: what telemetry says of itself is no line of the job."""
    return name.partition(".")[0] in {LOGGER_NAME, "opentelemetry"}


def _attributes(record: logging.LogRecord) -> dict[str, Any] | None:
    """Extras, where it was logged (of warnings and errors), exception, stack, thread."""
    attributes: dict[str, Any] = {}
    if len(record.__dict__) > _PLAIN_COUNT:
        attributes.update((text(key), value) for key, value in record.__dict__.items() if key not in _PLAIN_FIELDS)
    if record.levelno >= WARNING:
        attributes[Attribute.CODE_FILE] = record.pathname
        attributes[Attribute.CODE_LINE] = record.lineno
        attributes[Attribute.CODE_FUNCTION] = record.funcName
    if record.exc_info:
        attributes |= _exception(record.exc_info)
    elif record.exc_text:  # a record that went through a queue has the text only
        attributes[Attribute.EXCEPTION_STACKTRACE] = record.exc_text
    if record.stack_info:
        attributes[Attribute.CODE_STACKTRACE] = record.stack_info
    if record.threadName != "MainThread" and record.threadName:
        attributes[Attribute.THREAD_NAME] = record.threadName
    return attributes or None


def _exception(
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
) -> Mapping[str, Any]:
    kind, error, _ = exc_info
    if kind is None or error is None:
        return {}
    return {
        Attribute.EXCEPTION_TYPE: type_name(kind),
        Attribute.EXCEPTION_MESSAGE: text(error),
        Attribute.EXCEPTION_STACKTRACE: stacktrace(error),
    }
