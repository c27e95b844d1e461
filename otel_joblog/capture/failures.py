"""How things end: what an exception means for the status, and what is kept of it."""

from __future__ import annotations

import contextlib
import traceback
from typing import TYPE_CHECKING, Any

from ..conventions import Attribute, RunStatus
from ..errors import Skip
from . import decorate

if TYPE_CHECKING:
    from .active import Active

__all__ = ["describe_exception", "leave_note", "outcome"]

NOTE = "otel_joblog: "
WRAPPERS = decorate.__file__


def outcome(error: BaseException | None) -> tuple[RunStatus, str, int | None]:
    """Status, reason in words and exit code, where there is one, for how a run or step was left.

    The SDK leaves spans unset for every ``BaseException``; a job that is killed by Ctrl-C did not end well, though.
    """
    if error is None:
        return RunStatus.SUCCESS, "", None
    if isinstance(error, Skip):
        return RunStatus.SKIPPED, error.reason, None
    if isinstance(error, SystemExit):
        return _exited(error)
    if isinstance(error, KeyboardInterrupt):
        return RunStatus.CANCELLED, "interrupted (KeyboardInterrupt)", None
    if isinstance(error, GeneratorExit):
        return RunStatus.CANCELLED, "the generator was closed before its end", None
    kind = type(error).__name__
    if kind == "CancelledError":  # asyncio's; not imported here for the sake of jobs that do without it
        return RunStatus.CANCELLED, "the task was cancelled", None
    if isinstance(error, TimeoutError) and type(error.__cause__).__name__ == "CancelledError":
        # What asyncio.timeout and wait_for raise. Any other TimeoutError, of a socket say, is an error like others.
        return RunStatus.TIMEOUT, _sentence(error) if str(error) else "timed out", None
    return RunStatus.ERROR, _sentence(error), None


def _exited(error: SystemExit) -> tuple[RunStatus, str, int]:
    """As the interpreter treats it: None is 0, an int is itself, anything else is printed and means 1."""
    code = error.code
    if code is None or (isinstance(code, int) and code == 0):
        return RunStatus.SUCCESS, "", 0
    if isinstance(code, int):
        return RunStatus.ERROR, f"exited with code {int(code)}", int(code)
    return RunStatus.ERROR, f"exited: {code}", 1


def describe_exception(error: BaseException) -> dict[str, Any]:
    """The attributes of an ``exception`` event (semantic convention ``exceptions``)."""
    return {
        Attribute.EXCEPTION_TYPE: type_name(type(error)),
        Attribute.EXCEPTION_MESSAGE: _text(error),
        Attribute.EXCEPTION_STACKTRACE: stacktrace(error),
    }


def stacktrace(error: BaseException) -> str:
    """As the interpreter would print it, without the frames of our own wrappers."""
    described = traceback.TracebackException.from_exception(error)
    seen: list[traceback.TracebackException | None] = [described]
    while seen:
        part = seen.pop()
        if part is not None:
            part.stack[:] = [frame for frame in part.stack if frame.filename != WRAPPERS]
            seen += [part.__cause__, part.__context__, *(part.exceptions or ())]
    return "".join(described.format())


def leave_note(error: BaseException, active: Active) -> None:
    """Note on the exception which run, step and job it comes from (PEP 678), for whoever prints it further out.

    The innermost step says so, once; the exception is otherwise untouched.
    """
    notes = getattr(error, "__notes__", ())
    if isinstance(error, SystemExit | KeyboardInterrupt | GeneratorExit) or any(
        isinstance(note, str) and note.startswith(NOTE) for note in notes
    ):
        return
    run = active.run
    where = f"job {run.name!r}" if active is run else f"job {run.name!r}, step {active.name!r}"
    with contextlib.suppress(Exception):  # an exception class that refuses notes is left alone
        error.add_note(f"{NOTE}{where}, run {run.run_id}")


def type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _sentence(error: BaseException) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as trouble:  # a __str__ that raises
        return f"<no text: {type(trouble).__name__}>"
