"""Threads that a run starts belong to it: ``threading.Thread`` and ``ThreadPoolExecutor`` carry OTel's context over.

Python carries contexts into tasks and ``asyncio.to_thread`` only. A worker thread of a pool serves many, so it is the
submitted call that carries the context, not the thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import thread as pool
from typing import Any

from opentelemetry.context import Context, attach, get_current

from ..conventions import CONTEXT_KEY

__all__ = ["install", "uninstall"]

_original_start = threading.Thread.start
_original_submit = ThreadPoolExecutor.submit


def install() -> None:
    threading.Thread.start = _start  # type: ignore[method-assign,assignment]
    ThreadPoolExecutor.submit = _submit  # type: ignore[method-assign,assignment]


def uninstall() -> None:
    if threading.Thread.start is _start:
        threading.Thread.start = _original_start  # type: ignore[method-assign]
    if ThreadPoolExecutor.submit is _submit:
        ThreadPoolExecutor.submit = _original_submit  # type: ignore[method-assign]


def _start(thread: threading.Thread) -> None:
    context = get_current()
    if CONTEXT_KEY in context and getattr(thread, "_target", None) is not pool._worker:
        thread.run = _in_context(context, thread.run)  # type: ignore[method-assign]
    _original_start(thread)


def _submit(executor: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    context = get_current()
    if CONTEXT_KEY in context:
        fn = _in_context(context, fn)
    return _original_submit(executor, fn, *args, **kwargs)


def _in_context(context: Context, call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        outer = get_current()
        attach(context)
        try:
            return call(*args, **kwargs)
        finally:
            attach(outer)

    return called
