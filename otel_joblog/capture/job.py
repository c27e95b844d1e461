"""``job``: what runs under it is a run, with a trace, a status, steps and every line it logs or prints."""

from __future__ import annotations

from ..interruption import at_once, foreign
from .decorate import decorable, decorate, function_name
from .definition import JobFields
from .engine import engine
from .handles import run_handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from types import TracebackType
    from typing import Any, ParamSpec, TypeVar, overload

    from .definition import CaptureOutput, StepFields
    from .going import Begun
    from .handles import Run
    from .runs import ActiveRun

    P = ParamSpec("P")
    R = TypeVar("R")
else:

    def overload(function):
        return function


__all__ = ["JobDefinition", "checked", "job", "leave"]


class JobDefinition(JobFields):
    """What ``job(...)`` returns: a decorator, and a context manager (``with`` and ``async with``) that gives the run.

    It may be used again and at once by several threads or tasks; each use is a run of its own.
    """

    __slots__ = ()

    def __call__(self, func: Callable[P, R], /) -> Callable[P, R]:
        definition = self._named(function_name(func), func)
        wrapped: Callable[P, R] = decorate(func, definition._begin)
        return wrapped

    def __enter__(self) -> Run:
        if self._name is None:
            raise TypeError('a job used as a context manager needs a name: with job("nightly-import"):')
        run = self._begin((), {})
        try:
            self._begun.append(run)
            return run_handle(run)
        except BaseException as error:
            leave(self, error)
            raise

    @at_once
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            return leave(self, error)
        except BaseException as came:
            leave(self, came if error is None else error)
            raise

    async def __aenter__(self) -> Run:
        return self.__enter__()

    @at_once
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return self.__exit__(kind, error, traceback)

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActiveRun:
        """Begin a run. Never fails: where recording is not possible, the run says so (``recording`` is False)."""
        run: ActiveRun = engine().begin_run(self, args, kwargs)
        return run

    def _named(self, name: str, func: Any) -> JobDefinition:
        named = JobDefinition.__new__(JobDefinition)
        for slot in JobFields.__slots__:
            setattr(named, slot, getattr(self, slot))
        named._begun = []
        named._name = self._name or name
        named._code = getattr(getattr(func, "__func__", func), "__code__", None)
        return named


def leave(definition: JobFields | StepFields, error: BaseException | None) -> bool:
    """End what is being left, if it has not ended; True when the exception ends here. May be done twice.

    Of all that a definition began it is that of this context, as a rule; in another thread or task than it was entered
    in, the latest one that is still open.
    """
    begun = definition._begun
    active: Begun | None = engine().surrounding()
    while active is not None and (active.definition is not definition or not active.entered):
        active = active.parent
    if active is None:
        active = next((one for one in reversed(begun) if one.entered), None)
        if active is None:
            return False
    ended = active.finish(error)
    try:
        begun.remove(active)
    except ValueError as trouble:  # begun by a function
        if foreign(trouble):
            raise
    return ended


@overload
def job(name: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def job(
    name: str | None = None,
    /,
    *,
    type: str = "function",  # noqa: A002
    reference: str | Callable[..., str | None] | None = None,
    owner: str | None = None,
    user: str | Callable[..., str | None] | None = None,
    trigger: str | None = None,
    schedule: str | None = None,
    expected: float | None = None,
    attempt: int = 1,
    max_attempts: int | None = None,
    parent: str | Mapping[str, str] | None = None,
    links: Sequence[str | Mapping[str, str]] = (),
    queued: Mapping[str, str] | None = None,
    steps: int | None = None,
    arguments: bool | Collection[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    capture_output: CaptureOutput | None = None,
    resources: bool | None = None,
    enabled: bool = True,
) -> JobDefinition: ...


def job(
    name: str | Callable[P, R] | None = None,
    /,
    *,
    type: str = "function",  # noqa: A002
    reference: str | Callable[..., str | None] | None = None,
    owner: str | None = None,
    user: str | Callable[..., str | None] | None = None,
    trigger: str | None = None,
    schedule: str | None = None,
    expected: float | None = None,
    attempt: int = 1,
    max_attempts: int | None = None,
    parent: str | Mapping[str, str] | None = None,
    links: Sequence[str | Mapping[str, str]] = (),
    queued: Mapping[str, str] | None = None,
    steps: int | None = None,
    arguments: bool | Collection[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    capture_output: CaptureOutput | None = None,
    resources: bool | None = None,
    enabled: bool = True,
) -> JobDefinition | Callable[P, R]:
    """Record each call of a function, or each ``with`` block, as one run of a job::

        @job
        def nightly_import(): ...

        @job("send-invoice", type="queue", reference=lambda invoice_id: f"invoice-{invoice_id}")
        async def send(invoice_id): ...

        with job("backfill", owner="data@example.org") as run:
            ...

    Functions, methods, coroutines, generators and async generators keep their kind, arguments, results and exceptions.
    An exception that escapes ends the run as ``error`` and carries a note naming run, step and job; ``SystemExit`` with
    code 0 is a success; ``KeyboardInterrupt`` and a cancelled task are ``cancelled``; an ``asyncio.timeout`` is
    ``timeout``; raise :class:`~otel_joblog.Skip` to end the run as ``skipped``.

    :param name: the job's name; default the function's name, with its class.
    :param type: how it is run: ``function``, ``cron``, ``queue``, ``command``, ``batch`` or a word of your own.
    :param reference: what this run is about (an order, a file, a date), to find it by; or a function of the job's
        arguments that says so.
    :param owner: who is to be asked about it.
    :param user: which user of your application asked for it; or a function of the job's arguments that says so.
    :param trigger: what started it: ``manual``, ``schedule``, ``event``, ``queue``, ``api``, ``retry`` or a word of
        your own. A job called by another job is ``parent`` and a second attempt ``retry``, unless told otherwise.
    :param schedule: when it should run, as a cron expression: it starts nothing, but tells when a run is missing.
    :param expected: seconds that it should take at most.
    :param attempt: which attempt this is, from 1. It is linked to the one before, where that was a run of the same job
        in the same thread or task.
    :param max_attempts: how many there will be at most.
    :param parent: the run that it is a child of, where that is another one than the run around it: a ``run_id``, or a
        mapping with a ``traceparent``, such as the headers of a message.
    :param links: runs or spans that it has to do with without being a part of them, each as in ``parent``.
    :param queued: what :func:`otel_joblog.queued` returned when this run was put into a queue: it is that run then. Its
        type and trigger are ``queue``, unless told otherwise. A later attempt is a run of its own.
    :param steps: how many steps of its own it is going to have: its progress, unless it tells of another one.
    :param arguments: keep, in short, what it is called with: True, or only the arguments of these names. Default
        OTEL_JOBLOG_ARGUMENTS, which is off.
    :param attributes: further attributes of the run's span.
    :param capture_output: keep what it prints; default OTEL_JOBLOG_CAPTURE_OUTPUT. ``"fd"`` keeps what anything in the
        process writes to file descriptors 1 and 2, C code and subprocesses too; one such run at a time.
    :param resources: keep what it and its steps use; default OTEL_JOBLOG_RESOURCES.
    :param enabled: False records nothing of it, nor of what runs inside.
    """
    function = name if decorable(name) else None
    definition = JobDefinition(
        checked(name) if function is None and name is not None else None, type=type, reference=reference, owner=owner,
        user=user, trigger=trigger, schedule=schedule, expected=expected, attempt=attempt, max_attempts=max_attempts,
        parent=parent, links=links, queued=queued, steps=steps, arguments=arguments, attributes=attributes,
        capture_output=capture_output, resources=resources, enabled=enabled,
    )  # fmt: skip
    return definition if function is None else definition(function)


def checked(name: object) -> str:
    """The name of a job. Raises TypeError where it is none."""
    if isinstance(name, str) and name:
        return name
    raise TypeError(f"a job's name must be a non-empty string, not {name!r}")
