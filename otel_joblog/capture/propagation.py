"""Threads that a run starts belong to it: ``threading.Thread`` and ``ThreadPoolExecutor`` carry OTel's context over.

Python carries contexts into tasks and ``asyncio.to_thread`` only. A worker thread of a pool serves many, so it is the
submitted call that carries the context, not the thread.
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
from .context import get_current
from .decorate import forget_frame
from .hooks import thread_context
from .patch import Patch

__all__ = ["install", "uninstall"]


def install() -> None:
    _start.install()
    _submit.install()


def uninstall() -> None:
    _start.uninstall()
    _submit.uninstall()


def _starting(original: Callable[..., Any], alive: list[bool]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(thread: threading.Thread) -> None:
        context = get_current()
        if alive and CONTEXT_KEY in context and not _has_context(thread):
            _carry(thread, context)
        original(thread)

    return start


def _submitting(original: Callable[..., Any], alive: list[bool]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(executor: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        context = get_current()
        if alive and CONTEXT_KEY in context:
            fn = _in_context(context, fn)
        future: Future[Any] = original(executor, fn, *args, **kwargs)
        return future

    return submit


_start = Patch(threading.Thread, "start", _starting)
_submit = Patch(ThreadPoolExecutor, "submit", _submitting)


def _has_context(thread: Any) -> bool:
    """Whether it is a pool's worker, or Python itself (3.14) sees to its context."""
    inherits = getattr(sys.flags, "thread_inherit_context", False)
    return inherits or thread._target is pool._worker or getattr(thread, "_context", None) is not None


def _carry(thread: Any, context: Context) -> None:
    """Run the thread in a context of its own that holds OTel's; no frame of ours shows in its tracebacks."""
    own = contextvars.Context()
    own.run(attach, context)
    thread_context[thread] = context
    if type(thread).run is threading.Thread.run and "run" not in thread.__dict__:
        thread._target = functools.partial(own.run, thread._target or _nothing)
    else:
        thread.run = functools.partial(own.run, thread.run)


def _nothing() -> None:
    """What a thread without a target does."""


def _in_context(context: Context, call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        outer = get_current()
        attach(context)
        try:
            return call(*args, **kwargs)
        except BaseException as error:
            forget_frame(error)
            raise
        finally:
            attach(outer)

    return called
