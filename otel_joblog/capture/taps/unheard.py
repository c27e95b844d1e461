"""Lines that ``logging`` leaves out only because the root logger was left at Python's default level, WARNING.

The application must not be able to tell that they are kept: no level changes, ``isEnabledFor`` answers as ever, and no
handler, filter, function that makes records or ``makeRecord`` of its own is asked about them. So they are taken where
it calls. The *code* of ``Logger.debug``, ``info`` and ``log`` and of ``LoggerAdapter.log`` is exchanged while a run
goes on, not the functions: an ``info = log.info`` from before the run is heard, too, what others have wrapped around
them or put in their place stays, no frame is added that ``stacklevel`` would count, and an enabled line costs what it
did.
"""

from __future__ import annotations

import logging
import sys
from logging import DEBUG, INFO, WARNING, raiseExceptions
from types import CodeType, FunctionType
from typing import Any

from ...conventions import CONTEXT_KEY
from ...diagnostics import report
from ...interruption import foreign, forget_frames
from ..context import get_current
from ..late import taker
from .logs import take

__all__ = ["install", "uninstall"]

_otel_joblog_least = WARNING  # the level from which lines are kept


class _Logger:
    """As in ``logging`` to the line and column, which tracebacks show, but for the last branch."""

    isEnabledFor: Any  # noqa: N815
    _log: Any

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(DEBUG):
            self._log(DEBUG, msg, args, **kwargs)
        else:
            _otel_joblog_unheard(self, DEBUG, msg, args, kwargs)

    def info(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(INFO):
            self._log(INFO, msg, args, **kwargs)
        else:
            _otel_joblog_unheard(self, INFO, msg, args, kwargs)

    def log(self, level: Any, msg: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(level, int):
            if raiseExceptions:
                raise TypeError("level must be an integer")
            else:  # noqa: RET506
                return
        if self.isEnabledFor(level):
            self._log(level, msg, args, **kwargs)
        elif level >= _otel_joblog_least:
            _otel_joblog_unheard(self, level, msg, args, kwargs)


class _Adapter:
    isEnabledFor: Any  # noqa: N815
    process: Any
    logger: Any

    def log(self, level: Any, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(level):
            msg, kwargs = self.process(msg, kwargs)
            self.logger.log(level, msg, *args, **kwargs)
        elif level >= _otel_joblog_least:
            _otel_joblog_unheard(self, level, msg, args, kwargs)


def _otel_joblog_unheard(logger: Any, level: int, msg: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    active: Any = get_current().get(CONTEXT_KEY)
    found = active if active is None or active.recording else taker(active)
    if found is None:
        return
    try:
        adapters = []
        while isinstance(logger, logging.LoggerAdapter) and _asks_as_ever(logger, logging.LoggerAdapter):
            adapters.append(logger)
            logger = logger.logger
        if isinstance(logger, logging.Logger) and _left_out_by_default(logger, level):
            record = _record(logger, level, msg, args, kwargs, adapters)
            take(found, record, None if found is active else active)
    except Exception as error:
        if foreign(error):
            forget_frames(error)
            raise
        report("logs", "a log line could not be recorded: %r", error)


def _left_out_by_default(logger: logging.Logger, level: int) -> bool:
    """Whether nothing but the root's level, which nobody has set, keeps a line of this level from being logged."""
    return (
        level < WARNING
        and logging.root.level == WARNING
        and not logger.disabled
        and logger.manager.disable < level
        and not logger.filters  # one may let nothing pass, or remember what it has seen
        and _asks_as_ever(logger, logging.Logger)
        and _has_the_roots_level(logger)
    )


def _asks_as_ever(logger: Any, kind: Any) -> bool:
    """Whether a logger or adapter has no answer of its own to which levels are enabled."""
    own = type(logger)
    return (
        own.isEnabledFor is kind.isEnabledFor is _stock[kind]
        and own.getEffectiveLevel is kind.getEffectiveLevel
        and "isEnabledFor" not in getattr(logger, "__dict__", ())
    )


_stock: dict[Any, Any] = {kind: kind.isEnabledFor for kind in (logging.Logger, logging.LoggerAdapter)}


def _has_the_roots_level(logger: logging.Logger | None) -> bool:
    while logger is not None:
        if logger.level:
            return logger is logging.root
        logger = logger.parent
    return False


_FRAMES = 3  # of ours, between ``logging`` and :func:`_make`


def _record(
    logger: logging.Logger,
    level: int,
    msg: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    adapters: list[logging.LoggerAdapter[Any]],
) -> logging.LogRecord:
    try:
        for adapter in adapters:
            msg, kwargs = adapter.process(msg, kwargs)  # type: ignore[assignment]
        return _make(logger, level, msg, args, **kwargs)
    except Exception as error:  # one that would fail if it were enabled is a line all the same
        if foreign(error):
            raise
        return logging.LogRecord(logger.name, level, "", 0, msg, args, None)


def _make(
    logger: logging.Logger,
    level: int,
    msg: Any,
    args: tuple[Any, ...],
    exc_info: Any = None,
    extra: Any = None,
    stack_info: bool = False,
    stacklevel: int = 1,
) -> logging.LogRecord:
    """As ``logging`` makes it, but for where it was logged, which is kept of warnings and errors only."""
    stack = logging.Logger.findCaller(logger, True, stacklevel + _FRAMES)[3] if stack_info else None
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    elif exc_info and not isinstance(exc_info, tuple):
        exc_info = sys.exc_info()
    factory = logging.getLogRecordFactory()
    # A class says how its records speak, with {} instead of %s. A function may do anything, such as count them.
    kind: Any = factory if isinstance(factory, type) else logging.LogRecord
    record: logging.LogRecord = kind(logger.name, level, "", 0, msg, args, exc_info, None, stack)
    for key in extra or ():
        record.__dict__.setdefault(key, extra[key])
    return record


class _Exchange:
    """The code of one function of ``logging``, and ours."""

    def __init__(self, function: Any, template: Any) -> None:
        while (wrapped := getattr(function, "__wrapped__", None)) is not None:
            function = wrapped
        self._function = function
        self._stock: CodeType | None = function.__code__ if isinstance(function, FunctionType) else None
        self._ours = self._stock  # where somebody has put something else there, or a Python to come does otherwise
        if self._stock is not None and _differs_in_the_end(self._stock, template.__code__):
            self._ours = _in_place_of(self._stock, template.__code__)

    def install(self) -> None:
        if self._ours is not None:
            self._function.__code__ = self._ours

    def uninstall(self) -> None:
        if self._stock is not None:
            self._function.__code__ = self._stock


def _differs_in_the_end(stock: CodeType, ours: CodeType) -> bool:
    return ours.co_names[: len(stock.co_names)] == stock.co_names


def _in_place_of(stock: CodeType, ours: CodeType) -> CodeType:
    """Ours, with file and line numbers of the stock's: its last line is the third of ours from the end."""
    return ours.replace(
        co_filename=stock.co_filename,
        co_qualname=stock.co_qualname,
        co_firstlineno=ours.co_firstlineno + _last_line(stock) - (_last_line(ours) - 2),
    )


def _last_line(code: CodeType) -> int:
    return max(line for _, _, line in code.co_lines() if line is not None)


_exchanges = {
    DEBUG: [_Exchange(logging.Logger.debug, _Logger.debug)],
    INFO: [_Exchange(logging.Logger.info, _Logger.info)],
    WARNING - 1: [
        _Exchange(logging.Logger.log, _Logger.log),
        _Exchange(logging.LoggerAdapter.log, _Adapter.log),
    ],
}


def install(level: int) -> None:
    """Take lines from ``level`` on that are left out only because the root logger was left at its default."""
    # Their code sees the names of ``logging``. They stay there: another thread may be between two of its lines.
    vars(logging).update(_otel_joblog_least=level, _otel_joblog_unheard=_otel_joblog_unheard)
    for highest, exchanges in _exchanges.items():
        if level <= highest:
            for exchange in exchanges:
                exchange.install()


def uninstall() -> None:
    for exchanges in _exchanges.values():
        for exchange in exchanges:
            exchange.uninstall()
