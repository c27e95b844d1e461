"""Exceptions that nobody catches, in a run's threads, destructors and callbacks: error lines of the run.

``threading.excepthook`` and ``sys.unraisablehook`` go on to whoever was there before; what these print is no second
line of the run.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context

from ...conventions import CONTEXT_KEY, Attribute, Severity
from ...diagnostics import report
from ...interruption import foreign
from ...records import shown, text
from ..context import get_current
from ..facts.failures import describe_exception
from ..late import said_in, taker
from ..patch import Patch
from .logs import emit_line, without_capture

__all__ = ["install", "uninstall"]


def install() -> None:
    _thread_hook.install()
    _unraisable_hook.install()


def uninstall() -> None:
    _thread_hook.uninstall()
    _unraisable_hook.uninstall()


def _in_thread(original: Callable[[Any], Any], alive: list[bool]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def excepthook(args: threading.ExceptHookArgs) -> Any:
        thread, error = args.thread, args.exc_value
        if alive and error is not None and not issubclass(type(error), SystemExit):
            name = thread.name if thread is not None else "unknown"
            _take(_context_of(thread), f"Exception in thread {name}", error, name)
        with without_capture():
            return original(args)

    return excepthook


def _unraisable(original: Callable[[Any], Any], alive: list[bool]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def unraisablehook(unraisable: sys.UnraisableHookArgs) -> Any:
        error = unraisable.exc_value
        if alive and error is not None:
            where = f": {shown(unraisable.object)}" if unraisable.object is not None else ""
            _take(get_current(), f"{unraisable.err_msg or 'Exception ignored in'}{where}", error, "")
        with without_capture():
            return original(unraisable)

    return unraisablehook


_thread_hook = Patch(threading, "excepthook", _in_thread)
_unraisable_hook = Patch(sys, "unraisablehook", _unraisable)


def _context_of(thread: Any) -> Context:
    """The context that a thread began in. On Python 3.14 it has left that by now."""
    began_in = getattr(thread, "_context", None)
    return get_current() if began_in is None else began_in.run(get_current)


def _take(context: Context, what: str, error: BaseException, thread: str) -> None:
    try:
        innermost: Any = context.get(CONTEXT_KEY)
        active = taker(innermost)
        if active is not None:
            for seq in active.run.line_numbers:  # noqa: B007
                break
            attributes = describe_exception(error) | said_in(innermost, active)
            if thread:
                attributes[Attribute.THREAD_NAME] = thread
            message = f"{what}: {attributes[Attribute.EXCEPTION_TYPE]}: {text(error)}"
            emit_line(active, seq, time.time_ns(), int(Severity.ERROR), 0, "", message, attributes)
    except Exception as trouble:
        if foreign(trouble):
            raise
        report("hooks", "an exception that nobody caught could not be recorded: %r", trouble)
