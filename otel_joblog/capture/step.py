"""``step``: a part of a run, with its own span, status and lines."""

from __future__ import annotations

from ..interruption import at_once
from .decorate import decorable, decorate, function_name
from .definition import StepFields
from .engine import engine
from .handles import Step
from .job import leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any, ParamSpec, TypeVar, overload

    from .runs import ActiveStep

    P = ParamSpec("P")
    R = TypeVar("R")
else:

    def overload(function):
        return function


__all__ = ["StepDefinition", "step"]


class StepDefinition(StepFields):
    """What ``step(...)`` returns: a decorator, and a context manager (also ``async with``) that gives the step."""

    __slots__ = ()

    def __call__(self, func: Callable[P, R], /) -> Callable[P, R]:
        definition = StepDefinition(
            self._name or function_name(func), stage=self._stage, task_id=self._task_id, attributes=self._attributes
        )
        wrapped: Callable[P, R] = decorate(func, definition._begin)
        return wrapped

    def __enter__(self) -> Step:
        if self._name is None:
            raise TypeError('a step used as a context manager needs a name: with step("load"):')
        active: ActiveStep = engine().begin_step(self)
        try:
            self._begun.append(active)
            return Step(active)
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

    async def __aenter__(self) -> Step:
        return self.__enter__()

    @at_once
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return self.__exit__(kind, error, traceback)

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActiveStep:  # noqa: ARG002
        active: ActiveStep = engine().begin_step(self)
        return active


@overload
def step(name: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def step(
    name: str | None = None,
    /,
    *,
    stage: str | None = None,
    task_id: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> StepDefinition: ...


def step(
    name: str | Callable[P, R] | None = None,
    /,
    *,
    stage: str | None = None,
    task_id: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> StepDefinition | Callable[P, R]:
    """Record each call of a function, or each ``with`` block, as one step of the current run::

        @step
        def load(rows): ...

        with step("hash", task_id="numpy"):
            ...

    Outside of a run it records nothing. A step that fails and whose exception is caught marks the step, not the run.
    :class:`~otel_joblog.Skip` raised inside ends the step as ``skipped`` and goes no further.

    :param name: the step's name; default the function's name.
    :param stage: the phase that it belongs to, where several steps make up one.
    :param task_id: the unit of work that it deals with, where one step is done for many.
    :param attributes: further attributes of the step's span.
    """
    function = name if decorable(name) else None
    if function is None and name is not None and (not isinstance(name, str) or not name):
        raise TypeError(f"a step's name must be a non-empty string, not {name!r}")
    definition = StepDefinition(
        name if isinstance(name, str) else None, stage=stage, task_id=task_id, attributes=attributes
    )
    return definition if function is None else definition(function)
