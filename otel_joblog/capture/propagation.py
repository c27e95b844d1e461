"""Threads that a run starts belong to it: ``threading.Thread`` and ``ThreadPoolExecutor`` carry OTel's context over.

Python carries contexts into tasks and ``asyncio.to_thread`` only. A worker thread of a pool serves many, so it is the
submitted call that carries the context, not the thread; so does a callback of its future.
"""

from __future__ import annotations

import contextvars
import functools
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import thread as pool
from typing import Any

from opentelemetry.context import Context, attach

from ..conventions import CONTEXT_KEY
from ..interruption import insist
from .context import get_current
from .frames import forget_frame
from .patch import Patch

__all__ = ["install", "uninstall"]

_CONTEXT = "_otel_joblog_context"  # where a thread that is being started keeps what it is to begin in


def install() -> None:
    _start.install()
    _bootstrap.install()
    _submit.install()
    _add_done_callback.install()


def uninstall() -> None:
    _start.uninstall()
    _bootstrap.uninstall()
    _submit.uninstall()
    _add_done_callback.uninstall()


def _starting(original: Callable[..., Any], alive: list[bool]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(thread: threading.Thread) -> None:
        context = get_current()
        if alive and CONTEXT_KEY in context and not _has_context(thread):
            _give(thread, context)
        original(thread)

    return start


def _bootstrapping(original: Callable[..., None], alive: list[bool]) -> Callable[..., None]:  # noqa: ARG001
    @functools.wraps(original)
    def _bootstrap_inner(thread: threading.Thread) -> None:
        context = vars(thread).pop(_CONTEXT, None)
        if context is not None:
            attach(context)
            context = None  # or an exception that is kept would keep this frame, and by it the run's context
        original(thread)

    return _bootstrap_inner


def _submitting(original: Callable[..., Any], alive: list[bool]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(executor: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        context = get_current()
        if alive and CONTEXT_KEY in context:
            fn = _in_context(context, fn)
        future: Future[Any] = original(executor, fn, *args, **kwargs)
        return future

    return submit


def _adding_callback(original: Callable[..., None], alive: list[bool]) -> Callable[..., None]:
    @functools.wraps(original)
    def add_done_callback(future: Future[Any], fn: Callable[[Future[Any]], object]) -> None:
        context = get_current()
        if alive and CONTEXT_KEY in context:
            fn = _in_context(context, fn)
        original(future, fn)

    return add_done_callback


_start = Patch(threading.Thread, "start", _starting)
_bootstrap = Patch(threading.Thread, "_bootstrap_inner", _bootstrapping)
_submit = Patch(ThreadPoolExecutor, "submit", _submitting)
_add_done_callback = Patch(Future, "add_done_callback", _adding_callback)


def _has_context(thread: threading.Thread) -> bool:
    """Whether it is a pool's worker, was started before, or has a context of its own (Python 3.14)."""
    state = vars(thread)  # its properties fail where a subclass has not called Thread.__init__
    return (
        state.get("_target") is pool._worker
        or state.get("_ident") is not None
        or state.get("_context") is not None
        or getattr(sys.flags, "thread_inherit_context", False)
    )


def _give(thread: threading.Thread, context: Context) -> None:
    """Have the thread begin in this context. Neither its target nor its ``run`` is touched: both are the program's."""
    state = vars(thread)
    if "_context" in state:  # Python 3.14 runs it in that
        state["_context"] = own = contextvars.Context()
        own.run(attach, context)
    else:
        state[_CONTEXT] = context


def _in_context(context: Context, call: Callable[..., Any]) -> Callable[..., Any]:
    # Let go when it is called: futures keep their callbacks, and an exception that is kept this frame.
    held = [context]
    del context

    def called(*args: Any, **kwargs: Any) -> Any:
        outer = get_current()
        try:
            if held:
                attach(held[0])
                held.clear()
            return call(*args, **kwargs)
        except BaseException as error:
            forget_frame(error)
            raise
        finally:
            insist(attach, outer)

    return called
