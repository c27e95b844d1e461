"""What ``job(...)`` and ``step(...)`` are told. What begins and records a run or a step reads it here.

How they decorate a function and surround a block is in :mod:`.job` and :mod:`.step`.
"""

from __future__ import annotations

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, Literal

    from .going import Begun

    CaptureOutput = bool | Literal["fd"]

__all__ = ["JobFields", "StepFields"]


class JobFields:
    """One job; the meaning of each field is told at :func:`otel_joblog.job`."""

    __slots__ = (
        "_arguments",
        "_attempt",
        "_attributes",
        "_begun",
        "_capture_output",
        "_code",
        "_enabled",
        "_expected",
        "_links",
        "_max_attempts",
        "_name",
        "_owner",
        "_parent",
        "_queued",
        "_reference",
        "_resources",
        "_schedule",
        "_steps",
        "_trigger",
        "_type",
        "_user",
    )  # fmt: skip

    def __init__(
        self,
        name: str | None,
        *,
        type: str,  # noqa: A002
        reference: str | Callable[..., str | None] | None,
        owner: str | None,
        user: str | Callable[..., str | None] | None,
        trigger: str | None,
        schedule: str | None,
        expected: float | None,
        attempt: int,
        max_attempts: int | None,
        parent: str | Mapping[str, str] | None,
        links: Sequence[str | Mapping[str, str]],
        queued: Mapping[str, str] | None,
        steps: int | None,
        arguments: bool | Collection[str] | None,
        attributes: Mapping[str, Any] | None,
        capture_output: CaptureOutput | None,
        resources: bool | None,
        enabled: bool,
    ) -> None:
        self._name = name
        self._type = type
        self._reference = reference
        self._owner = owner
        self._user = user
        self._trigger = trigger
        self._schedule = schedule
        self._expected = expected
        self._attempt = attempt
        self._max_attempts = max_attempts
        self._parent = parent
        self._links = links
        if queued and parent is not None:
            raise ConfigError("a queued run has no parent: leave parent or queued out")
        self._queued = queued
        self._steps = steps
        self._arguments = arguments
        self._attributes = attributes
        if capture_output not in {None, True, False, "fd"}:
            raise ConfigError(f'capture_output={capture_output!r} cannot be used: use True, False or "fd"')
        self._capture_output = capture_output
        self._resources = resources
        self._enabled = enabled
        self._code: Any = None
        self._begun: list[Begun] = []  # by ``with``, and not left yet


class StepFields:
    """One step; the meaning of each field is told at :func:`otel_joblog.step`."""

    __slots__ = ("_attributes", "_begun", "_name", "_stage", "_task_id")

    def __init__(
        self, name: str | None, *, stage: str | None, task_id: str | None, attributes: Mapping[str, Any] | None
    ) -> None:
        self._name = name
        self._stage = stage
        self._task_id = task_id
        self._attributes = attributes
        self._begun: list[Begun] = []  # by ``with``, and not left yet
