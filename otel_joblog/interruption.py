"""Exceptions that come from elsewhere while our code runs in a thread of the job: they are the job's, and go on to it.

A signal handler that raises (``signal.alarm``, the soft limits of RQ and Celery) does so in whatever the main thread is
at just then. Another thread may have an exception raised in any (``PyThreadState_SetAsyncExc``, the time limits of
Dramatiq). Python looks for either when a function begins, when a call of C code has returned, and when a loop goes
round. So each ``except`` of ours in a thread of the job asks whether what it has caught is its own.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType, TracebackType
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = ["at_once", "foreign", "forget_frames", "insist", "suppress_own"]

TRIES = 100  # of what is to be done in any case

_PACKAGE = __name__.partition(".")[0]
# Whose exceptions may come of what we do, and whose code is not the application's.
_KNOWN = frozenset({_PACKAGE, "builtins", "msgspec", "opentelemetry", "ahocorasick_rs"}) | (
    sys.stdlib_module_names - {"bdb"}
)
_BEGINS, _AFTER_AWAIT = 0, 3  # arguments of RESUME
_RAISE = ("RAISE_VARARGS", "RERAISE")
_WORDLESS = (MemoryError, StopIteration, StopAsyncIteration)  # what C code raises without arguments
_HAS_POSITIONAL_REST, _HAS_NAMED_REST = 0x04, 0x08  # inspect.CO_*

# The interpreter's own: a class may have put something else in their places.
_traceback: Any = vars(BaseException)["__traceback__"]
_args: Any = vars(BaseException)["args"]


def foreign(error: BaseException) -> bool:
    """Whether an exception that an ``except`` of ours has caught was raised by nothing that we do.

    To be called in that ``except``. What user code raises that we call, a ``__str__`` say, is not foreign.
    """
    if not issubclass(type(error), Exception):
        return True
    trace: TracebackType | None = _traceback.__get__(error)
    handlers = _handlers()
    last, caller = trace, None
    while trace is not None:
        frame = trace.tb_frame
        # Not asked of ours and those of what we call: to look at the locals of a frame keeps them.
        if caller is not None and not _known(frame) and _is_handler(frame, caller, handlers):
            return True
        last, caller = trace, frame
        trace = trace.tb_next
    return last is not None and _raised_by_nobody(error, last)


def forget_frames(error: BaseException) -> None:
    """Take our frames, and those of what we called, out of the traceback of a foreign exception that is on its way out.

    It is then the same as without us. They are emptied, too: whoever keeps the exception must not keep a file open.
    """
    trace: TracebackType | None = _traceback.__get__(error)
    while trace is not None and _known(trace.tb_frame):
        with suppress(RuntimeError):  # that one goes on
            trace.tb_frame.clear()
        trace = trace.tb_next
    _traceback.__set__(error, trace)


def insist(act: Callable[..., object], *args: object) -> None:
    """Have something done that may be begun again, whatever foreign exceptions come meanwhile; the last one goes on."""
    came: BaseException | None = None
    for _ in range(TRIES):
        try:
            act(*args)
            break
        except BaseException as error:
            if not foreign(error):
                raise
            came = error
    if came is not None:
        forget_frames(came)
        raise came


def at_once(function: F) -> F:
    """The function, made to begin without a look for signals and exceptions from elsewhere.

    Python looks for them as a function begins, before its first ``try``: an ``__exit__`` might not be run at all. Where
    a function goes on after an ``await`` it does not. Which of the two it is, the argument of RESUME says.
    """
    from opcode import opmap

    code = function.__code__  # type: ignore[attr-defined]
    instructions = bytearray(code.co_code)
    at = next((at for at in range(0, len(instructions), 2) if instructions[at] == opmap["RESUME"]), None)
    if at is not None and instructions[at + 1] == _BEGINS:
        instructions[at + 1] = _AFTER_AWAIT
        function.__code__ = code.replace(co_code=bytes(instructions))  # type: ignore[attr-defined]
    return function


class suppress_own:  # noqa: N801  (named as contextlib's)
    """``contextlib.suppress`` for threads of the job: foreign exceptions go on."""

    __slots__ = ("_kinds",)

    def __init__(self, *kinds: type[Exception]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return kind is not None and error is not None and issubclass(kind, self._kinds) and not foreign(error)


def _handlers() -> set[CodeType]:
    """The code of the signal handlers that are installed."""
    found = (_code(signal.getsignal(number)) for number in signal.valid_signals())
    return {code for code in found if code is not None}


def _code(handler: Any) -> CodeType | None:
    for _ in range(10):  # of wrappings
        if hasattr(handler, "__code__"):
            code: CodeType = handler.__code__
            return code
        handler = getattr(handler, "__func__", None) or getattr(handler, "func", None) or type(handler).__call__
    return None


def _is_handler(frame: FrameType, caller: FrameType, handlers: set[CodeType]) -> bool:
    return frame.f_code in handlers or _was_handed(frame, caller)


def _was_handed(frame: FrameType, caller: FrameType) -> bool:
    """Whether a frame was called as signal handlers are, with a number and a frame, or as trace functions, with the one
    that it interrupts. Handlers that put themselves out of force before they raise are told by that alone.
    """
    before: object = None
    for value in _arguments(frame):
        if value is caller or (issubclass(type(before), int) and type(value) is type(caller)):
            return True
        before = value
    return False


def _arguments(frame: FrameType) -> Iterator[object]:
    code, values = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    yield from (values.get(name) for name in code.co_varnames[:count])
    if code.co_flags & _HAS_POSITIONAL_REST:
        rest = values.get(code.co_varnames[count])
        yield from rest if type(rest) is tuple else ()


def _raised_by_nobody(error: BaseException, last: TracebackType) -> bool:
    """Whether no code was raising it where it was raised: ``PyThreadState_SetAsyncExc``, which makes it of a class."""
    from opcode import opname

    frame = last.tb_frame
    kind = type(error)
    if opname[frame.f_code.co_code[last.tb_lasti]] in _RAISE or issubclass(kind, _WORDLESS):
        return False
    if not _args.__get__(error):
        return True
    return _known(frame) and kind.__module__.partition(".")[0] not in _KNOWN


def _known(frame: FrameType) -> bool:
    return _package(frame) in _KNOWN


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
