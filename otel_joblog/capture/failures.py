"""How things end: what an exception means for the status, and what is kept of it."""

from __future__ import annotations

import contextlib
import traceback
from itertools import islice
from typing import TYPE_CHECKING, Any

from .. import setup
from ..conventions import Attribute, RunStatus
from ..errors import Skip
from ..records import text
from .summary import summary

if TYPE_CHECKING:
    from .active import Active

__all__ = ["describe_exception", "leave_note", "outcome"]

NOTE = "otel_joblog: "
MOST_FACTS = 10  # of a note

_OURS = ("joblog.", "code.", "process.", "error.", "exception.", "thread.")


def outcome(error: BaseException | None) -> tuple[RunStatus, str, int | None]:
    """Status, reason in words and exit code, where there is one, for how a run or step was left.

    The SDK leaves spans unset for every ``BaseException``; a job that is killed by Ctrl-C did not end well, though.
    """
    if error is None:
        return RunStatus.SUCCESS, "", None
    if isinstance(error, Skip):
        return RunStatus.SKIPPED, text(error.reason), None
    if isinstance(error, SystemExit):
        return _exited(error)
    if isinstance(error, KeyboardInterrupt):
        return RunStatus.CANCELLED, "interrupted (KeyboardInterrupt)", None
    if isinstance(error, GeneratorExit):
        return RunStatus.CANCELLED, "the generator was closed before its end", None
    kind = type(error).__name__
    if kind == "CancelledError":  # asyncio's; not imported here for the sake of jobs that do without it
        return RunStatus.CANCELLED, "the task was cancelled", None
    if isinstance(error, TimeoutError) and _timed_out(error):
        # What asyncio.timeout and wait_for raise. Any other TimeoutError, of a socket say, is an error like others.
        return RunStatus.TIMEOUT, _sentence(error) if text(error) else "timed out", None
    return RunStatus.ERROR, _sentence(error), None


def _timed_out(error: TimeoutError) -> bool:
    if type(error.__cause__).__name__ == "CancelledError":
        return True
    innermost = error.__traceback__  # early releases of Python 3.11 name no cause
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    return innermost is not None and innermost.tb_frame.f_globals.get("__name__") == "asyncio.timeouts"


def _exited(error: SystemExit) -> tuple[RunStatus, str, int]:
    """As the interpreter treats it: None is 0, an int is itself, anything else is printed and means 1."""
    code = error.code
    if code is None or (isinstance(code, int) and code == 0):
        return RunStatus.SUCCESS, "", 0
    if isinstance(code, int):
        number = int(code) if -(2**31) <= code < 2**31 else -1
        return RunStatus.ERROR, f"exited with code {number}", number
    return RunStatus.ERROR, f"exited: {text(code)}", 1


def describe_exception(error: BaseException) -> dict[str, Any]:
    """The attributes of an ``exception`` event (semantic convention ``exceptions``)."""
    return {
        Attribute.EXCEPTION_TYPE: type_name(type(error)),
        Attribute.EXCEPTION_MESSAGE: text(error),
        Attribute.EXCEPTION_STACKTRACE: stacktrace(error),
    }


def stacktrace(error: BaseException) -> str:
    """As the interpreter would print it."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception as trouble:  # its notes, its cause or its __str__ are not what they should be
        return f"<no traceback: {type(trouble).__name__}>"


def leave_note(error: BaseException, active: Active) -> None:
    """Note on the exception where it comes from (PEP 678), for whoever prints it further out: job, step and run, and
    the attributes that the step or run was given.

    The innermost step says so, once; the exception is otherwise untouched.
    """
    if isinstance(error, SystemExit | KeyboardInterrupt | GeneratorExit):
        return
    run = active.run
    where = f"job {run.name!r}" if active is run else f"job {run.name!r}, step {active.name!r}"
    with contextlib.suppress(Exception):  # an exception class that refuses notes is left alone
        if not any(str(note).startswith(NOTE) for note in getattr(error, "__notes__", ())):
            error.add_note(f"{NOTE}{where}{_facts(active)}, run {run.run_id}")


def _facts(active: Active) -> str:
    """`` (task_id='orders', rows=12)``: what is known of it beyond its name, but not what telemetry itself added."""
    told = {"stage": Attribute.STAGE, "task_id": Attribute.TASK_ID, "reference": Attribute.REFERENCE}
    attributes = setup.runtime().redactor.record(active.started()).attributes  # a traceback is mailed and pasted about
    facts = {name: attributes[key] for name, key in told.items() if key in attributes}
    facts |= {key: value for key, value in attributes.items() if not key.startswith(_OURS)}
    said = [f"{name}={summary(value)!r}" for name, value in islice(facts.items(), MOST_FACTS)]
    return f" ({', '.join(said)})" if said else ""


def type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _sentence(error: BaseException) -> str:
    said = text(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
