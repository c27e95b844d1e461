"""Exceptions from elsewhere, at any place where Python looks for them: one strike of a sweep at a time.

Python looks for signals and exceptions of other threads when a function begins, when a call of C code has returned and
when a loop goes round. A trace function counts these places in our code. At the one that is asked for it has a signal
raised, or ``PyThreadState_SetAsyncExc`` called, as it is left: by C code, so that the trace function itself is not what
is struck. What then happens is what happens in earnest, at the very instruction.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from opcode import opname
from types import CodeType, FrameType
from typing import Any

__all__ = ["Struck", "StruckByClass", "by_class", "by_signal", "strikes"]

PACKAGE = "otel_joblog"
HELPERS = {"opentelemetry", "contextlib", "pathlib"}  # where we call them
_CALLS = {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}
AT_ENTRY = 2  # RESUME looks only where its argument is less

Strike = Callable[[], Callable[[object], object]]


class Struck(TimeoutError):
    """Of the kind that would be taken for the disk's, were it asked for its class alone."""


class StruckByClass(Exception):
    """As Dramatiq has it."""


def _raise(signum: int, frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_IGN)  # a limit is over when it has struck
    raise Struck("time is up")


def by_signal() -> Callable[[object], object]:
    """A handler of SIGUSR1 that raises."""
    signal.signal(signal.SIGUSR1, _raise)
    call = ctypes.CDLL(None)["raise"]
    call.argtypes = (ctypes.c_int, ctypes.py_object)  # the last is the weak reference, which it does not look at
    return partial(call, int(signal.SIGUSR1))


def by_class(kind: type[BaseException] = StruckByClass) -> Callable[[object], object]:
    """What Dramatiq's time limits do."""
    call = ctypes.pythonapi.PyThreadState_SetAsyncExc
    call.argtypes = (ctypes.c_ulong, ctypes.py_object, ctypes.py_object)
    return partial(call, threading.get_ident(), kind)


class _Left:
    """Something that a weak reference may be made to."""


class _Striker:
    def __init__(self, place: int, strike: Strike) -> None:
        self.seen = 0
        self.where = ""
        self._place = place
        self._do = strike()

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        if self.where or not _is_ours(frame):
            return None
        frame.f_trace_opcodes = True
        if self._looks(frame, event):
            self.seen += 1
            if self.seen > self._place:
                self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno} ({event})"
                left = _Left()
                self._alive = weakref.ref(left, self._do)  # called as this frame is left
        return self

    def _looks(self, frame: FrameType, event: str) -> bool:
        if event == "call":
            return _entry(frame.f_code) < AT_ENTRY
        operation = opname[frame.f_code.co_code[frame.f_lasti]]
        return event == "opcode" and (operation in _CALLS or "JUMP_BACKWARD" in operation)


def _is_ours(frame: FrameType) -> bool:
    package = _package(frame)
    return package == PACKAGE or (package in HELPERS and frame.f_back is not None and _is_ours(frame.f_back))


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _entry(code: CodeType) -> int:
    """The argument of the RESUME that a function begins with."""
    instructions = code.co_code
    return next(instructions[at + 1] for at in range(0, len(instructions), 2) if opname[instructions[at]] == "RESUME")


def strikes(act: Callable[[], object], strike: Strike, *, every: int = 1) -> Iterator[tuple[str, BaseException | None]]:
    """Do it again and again, struck at the first place, the second and so on, and at last at none.

    Gives where it was struck, and what it raised.
    """
    place = 0
    while True:
        striker = _Striker(place, strike)
        before = sys.gettrace()
        raised = None
        sys.settrace(striker)
        try:
            act()
        except BaseException as error:
            raised = error
        finally:
            sys.settrace(before)
        if not striker.where:
            assert raised is None
            return
        yield striker.where, raised
        place += every
