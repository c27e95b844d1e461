"""Threads of ours in a process that is somebody else's: it does not meet them, and they take none of its signals.

``threading.Thread`` would list them: a program that joins all that :func:`threading.enumerate` names, or waits until
:func:`threading.active_count` is 1, would then wait for ever. So they are started below that module.

A signal that is sent to a process goes to any thread that does not block it. A job that blocks SIGTERM and waits for it
by ``sigwait`` would be killed by a thread of ours that does not block it. So ours block all signals but those that a
fault of their own raises.
"""

from __future__ import annotations

import _thread
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Background", "in_background", "unlist"]

# A blocked SIGSEGV kills without a word of faulthandler's.
_FAULTS = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP, signal.SIGSYS}
_BLOCKED = signal.valid_signals() - _FAULTS

_idents: set[int] = set()  # of those that run


class Background:
    """A daemon thread that calls ``target``, once. It begins in no context: what it does belongs to no run."""

    def __init__(self, target: Callable[[], None]) -> None:
        self._target = target
        self._ended = threading.Event()
        self._started = False
        self._once = threading.Lock()

    def start(self) -> None:
        """Raises RuntimeError where no thread can be started, as at the interpreter's end.

        May be called again, where an exception came in the middle: of two threads one does nothing.
        """
        # A thread inherits the mask of the one that starts it. Asked for first: a signal handler that raises does so
        # from within a call that sets the mask, when it is set.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
            _thread.start_new_thread(self._run, ())
            self._started = True
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._started and not self._ended.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, or for that many seconds."""
        if self._started:
            self._ended.wait(timeout)

    def _run(self) -> None:
        if not self._once.acquire(blocking=False):
            return
        self._started = True
        ident = _thread.get_ident()
        _idents.add(ident)
        try:
            self._target()
        finally:
            unlist()
            _idents.discard(ident)
            self._ended.set()


def in_background() -> bool:
    """Whether the calling thread is one of ours."""
    return _thread.get_ident() in _idents


def unlist() -> None:
    """Take the calling thread, which is one of ours, off the list of threads again.

    Whoever asks for the current thread puts it there, as a dummy: each log record does.
    """
    threading._active.pop(_thread.get_ident(), None)  # type: ignore[attr-defined]  # noqa: SLF001
