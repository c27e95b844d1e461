"""Log lines of any logger, taken where ``logging`` hands a record to its handlers.

A handler on the root logger would change what a job prints: ``logging.basicConfig()`` does nothing once the root has a
handler, ``lastResort`` falls silent, ``dictConfig`` throws the handler out, and loggers that do not propagate are never
seen. So ``Logger.callHandlers`` is wrapped instead, while a run goes on.

Nothing here takes a lock or touches a span: the SDK logs while it holds a span's lock.
"""

from __future__ import annotations

import logging
import threading
import traceback
from typing import TYPE_CHECKING, Any

from opentelemetry.context import get_current

from .. import setup
from ..conventions import CONTEXT_KEY, Attribute, Severity
from ..diagnostics import LOGGER_NAME, report
from ..records import Line, encode
from .failures import type_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from .active import Active

__all__ = ["emit_line", "install", "printing_a_record", "uninstall"]

_PLAIN = logging.LogRecord("", 0, "", 0, "", (), None)
_PLAIN_FIELDS = frozenset(_PLAIN.__dict__) | {"message", "asctime", "taskName"}
_PLAIN_COUNT = len(_PLAIN.__dict__)

_original = logging.Logger.callHandlers
_printing = threading.local()


class _Lowered(int):
    """The root logger's level while we lower it: told by identity from a level that the application sets."""


_lowered: _Lowered | None = None


def install(level: int) -> None:
    """Take log lines from now on; from ``level`` on also where the root logger was left at Python's default."""
    global _lowered
    logging.Logger.callHandlers = _call_handlers  # type: ignore[method-assign,assignment]
    root = logging.root
    if root.level == logging.WARNING and level < logging.WARNING:
        _lowered = _Lowered(level)
        root.setLevel(_lowered)


def uninstall() -> None:
    global _lowered
    if logging.Logger.callHandlers is _call_handlers:
        logging.Logger.callHandlers = _original  # type: ignore[method-assign]
    if _lowered is not None and logging.root.level is _lowered:
        logging.root.setLevel(logging.WARNING)
    _lowered = None


def printing_a_record() -> bool:
    """Whether this thread is in a handler that prints a record already taken, or one of telemetry's own."""
    return getattr(_printing, "now", False)


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    active: Any = get_current().get(CONTEXT_KEY)
    taken = active is not None and active.recording and _take(active, record)
    if record.levelno < logging.WARNING and logging.root.level is _lowered and _level_is_the_root_s(logger):
        return  # it came this far only because we lowered the root's level: the handlers must not see it
    if not taken and not _is_telemetry(record.name):
        _original(logger, record)
        return
    outer = getattr(_printing, "now", False)
    _printing.now = True
    try:
        _original(logger, record)
    finally:
        _printing.now = outer


def _level_is_the_root_s(logger: logging.Logger | None) -> bool:
    while logger is not None:
        if logger.level:
            return logger is logging.root
        logger = logger.parent
    return True


def _take(active: Active, record: logging.LogRecord) -> bool:
    level = record.levelno
    name = record.name
    runtime = setup.runtime()
    if level < runtime.settings.log_level or _is_telemetry(name):
        return False
    try:
        try:
            message = record.getMessage()
        except Exception:  # the handlers will complain of it on stderr; here the parts are kept
            message = f"{record.msg!r} % {record.args!r}"
        emit_line(
            active,
            int(record.created * 1e9),
            _severities.get(level) or _severity(level),
            0,  # Stream.LOG
            name,
            message,
            None if level < logging.WARNING and _is_plain(record) else _attributes(record),
        )
    except Exception as error:
        report("logs", "a log line could not be recorded: %r", error)
        return False
    return True


def emit_line(
    active: Active,
    time: int,
    severity: int,
    stream: int,
    logger: str,
    message: str,
    attributes: dict[str, Any] | None,
) -> None:
    """Append one line of what is active here to the journal."""
    run = active.run
    seq = run.next_line()
    line = Line(active.trace_id, run.span_id, active.span_id, time, seq, severity, stream, logger, message, attributes)
    setup.runtime().journal.append(encode(line))
    if active.mirror is not None:
        active.mirror.add(line)


# Plain integers: encoding an enum's member takes longer.
_severities = {10: 5, 20: 9, 30: 13, 40: 17, 50: 21}


def _severity(level: int) -> int:
    """Levels between Python's own: 25 lies two above INFO, so ``INFO`` + 2 (OTel has four of each)."""
    if level < 10:
        return int(Severity.TRACE)
    floor = min(level // 10 * 10, 50)
    return _severities[floor] + min(3, (level - floor) * 4 // 10)


_telemetry_names: dict[str, bool] = {}


def _is_telemetry(name: str) -> bool:
    """Our own loggers and the SDK's: what telemetry says of itself is no line of the job."""
    known = _telemetry_names.get(name)
    if known is None:
        known = _telemetry_names[name] = name.partition(".")[0] in {LOGGER_NAME, "opentelemetry"}
    return known


def _is_plain(record: logging.LogRecord) -> bool:
    """Whether it says nothing beyond its message: the common case, told at little cost."""
    return (
        len(record.__dict__) == _PLAIN_COUNT
        and not record.exc_info
        and not record.stack_info
        and record.threadName == "MainThread"
        and not record.exc_text
    )


def _attributes(record: logging.LogRecord) -> dict[str, Any] | None:
    """Extras, where it was logged (of warnings and errors), exception, stack, thread."""
    attributes: dict[str, Any] = {}
    if len(record.__dict__) > _PLAIN_COUNT:
        attributes.update((key, value) for key, value in record.__dict__.items() if key not in _PLAIN_FIELDS)
    if record.levelno >= logging.WARNING:
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
    kind, error, trace = exc_info
    if kind is None:
        return {}
    return {
        Attribute.EXCEPTION_TYPE: type_name(kind),
        Attribute.EXCEPTION_MESSAGE: str(error),
        Attribute.EXCEPTION_STACKTRACE: "".join(traceback.format_exception(kind, error, trace)),
    }
