"""How things end: what an exception means for the status, and what is kept of it."""

from __future__ import annotations

import traceback
from itertools import islice
from typing import TYPE_CHECKING, Any

from ... import setup
from ...conventions import Attribute, RunStatus
from ...errors import Skip
from ...interruption import foreign
from ...records import name_of, text
from ..frames import traceback_of
from .summary import summary

if TYPE_CHECKING:
    from ..going import Going

__all__ = ["describe_exception", "leave_note", "outcome"]

NOTE = "otel_joblog: "
MOST_FACTS = 10  # of a note
MOST_REMEMBERED = 100  # runs inside of one whose notes it knows for those of its own exceptions

# The interpreter's own, whatever a class has put in their place.
_cause: Any = vars(BaseException)["__cause__"]
_vars: Any = vars(BaseException)["__dict__"]
# And whatever its metaclass has.
_module, _qualname, _mro, _members = (
    vars(type)[name] for name in ("__module__", "__qualname__", "__mro__", "__dict__")
)

_OURS = ("joblog.", "code.", "process.", "error.", "exception.", "thread.")


def outcome(error: BaseException | None) -> tuple[RunStatus, str, int | None]:
    """Status, reason in words and exit status, where there is one, for how a run or step was left.

    The SDK leaves spans unset for every ``BaseException``; a job that is killed by Ctrl-C did not end well, though.
    """
    if error is None:
        return RunStatus.SUCCESS, "", None
    # Asked of its type: ``isinstance`` would ask the exception for its ``__class__``, which may be code of its own.
    kind = type(error)
    if issubclass(kind, Skip):
        return RunStatus.SKIPPED, text(error.reason), None  # type: ignore[attr-defined]
    if issubclass(kind, SystemExit):
        return _exited(error.code)  # type: ignore[attr-defined]
    if issubclass(kind, KeyboardInterrupt):
        return RunStatus.CANCELLED, "interrupted (KeyboardInterrupt)", None
    if issubclass(kind, GeneratorExit):
        return RunStatus.CANCELLED, "the generator was closed before its end", None
    if name_of(kind) == "CancelledError":  # asyncio's; not imported here for the sake of jobs that do without it
        return RunStatus.CANCELLED, "the task was cancelled", None
    if issubclass(kind, TimeoutError) and _timed_out(error):
        # What asyncio.timeout and wait_for raise. Any other TimeoutError, of a socket say, is an error like others.
        return RunStatus.TIMEOUT, _sentence(error) if text(error) else "timed out", None
    return RunStatus.ERROR, _sentence(error), None


def _timed_out(error: BaseException) -> bool:
    if name_of(type(_cause.__get__(error))) == "CancelledError":
        return True
    innermost = traceback_of(error)  # early releases of Python 3.11 name no cause
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    return innermost is not None and innermost.tb_frame.f_globals.get("__name__") == "asyncio.timeouts"


def _exited(code: Any) -> tuple[RunStatus, str, int]:
    """As the interpreter treats it: None is 0, an int is itself, anything else is printed and means 1."""
    if code is None or (isinstance(code, int) and code == 0):
        return RunStatus.SUCCESS, "", 0
    if isinstance(code, int):
        number = int(code) if -(2**31) <= code < 2**31 else -1
        return RunStatus.ERROR, f"exited with status {number}", number
    return RunStatus.ERROR, f"exited: {text(code)}", 1


def describe_exception(error: BaseException) -> dict[str, Any]:
    """The attributes of an ``exception`` event (semantic convention ``exceptions``)."""
    return {
        Attribute.EXCEPTION_TYPE: type_name(type(error)),
        Attribute.EXCEPTION_MESSAGE: text(error),
        Attribute.EXCEPTION_STACKTRACE: stacktrace(error),
    }


def stacktrace(error: BaseException) -> str:
    """As the interpreter would print it; where that fails, the way to where it was raised and its type."""
    trace = traceback_of(error)
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except Exception as trouble:  # its notes, its cause, its __str__ or its __bool__ are not what they should be
        if foreign(trouble):
            raise
        return "".join(["Traceback (most recent call last):\n", *traceback.format_tb(trace), type_name(type(error))])


def leave_note(error: BaseException, active: Going) -> None:
    """Note on the exception where it comes from (PEP 678), for whoever prints it further out: job, step and run, and
    the attributes that the step or run was given.

    The innermost step of the innermost run says so, once. Of an exception that was raised before, by a run that is no
    part of this one, the note is made anew. The exception is otherwise untouched, and none of its own code is run.
    """
    if issubclass(type(error), SystemExit | KeyboardInterrupt | GeneratorExit) or _refuses_notes(type(error)):
        return
    run = active.run
    notes = _vars.__get__(error).setdefault("__notes__", [])
    if type(notes) is not list:
        return
    ours = next((note for note in reversed(notes) if type(note) is str and note.startswith(NOTE)), "")
    said = ours.rpartition(" ")[2]  # the run that left it
    if said != run.run_id and said not in run.failed_inside:
        notes[:] = [note for note in notes if not (type(note) is str and note.startswith(NOTE))]
        where = f"job {run.name!r}" if active is run else f"job {run.name!r}, step {active.name!r}"
        notes.append(f"{NOTE}{where}{_facts(active)}, run {run.run_id}")
        said = run.run_id
    if active is run and run.parent is not None:
        outer = run.parent.run
        outer.failed_inside = (*outer.failed_inside[-MOST_REMEMBERED:], said)


def _refuses_notes(kind: type[BaseException]) -> bool:
    """Whether its class has its own way with notes: such an exception is left alone."""
    bases = (_members.__get__(base) for base in _mro.__get__(kind) if base is not BaseException)
    return any("__notes__" in members or "add_note" in members for members in bases)


def _facts(active: Going) -> str:
    """`` (task_id='orders', rows=12)``: what is known of it beyond its name, but not what telemetry itself added."""
    told = {"stage": Attribute.STAGE, "task_id": Attribute.TASK_ID, "reference": Attribute.REFERENCE}
    attributes = setup.runtime().redactor.record(active.started()).attributes  # a traceback is mailed and pasted about
    facts = {name: attributes[key] for name, key in told.items() if key in attributes}
    facts |= {key: value for key, value in attributes.items() if not key.startswith(_OURS)}
    said = [f"{name}={summary(value)!r}" for name, value in islice(facts.items(), MOST_FACTS)]
    return f" ({', '.join(said)})" if said else ""


def type_name(kind: type) -> str:
    module, name = _module.__get__(kind), _qualname.__get__(kind)
    return name if module == "builtins" else f"{text(module)}.{name}"


def _sentence(error: BaseException) -> str:
    said = text(error)
    return f"{name_of(type(error))}: {said}" if said else name_of(type(error))
