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
        "arguments",
        "attempt",
        "attributes",
        "begun",
        "capture_output",
        "code",
        "enabled",
        "expected",
        "links",
        "max_attempts",
        "name",
        "owner",
        "parent",
        "reference",
        "resources",
        "schedule",
        "steps",
        "trigger",
        "type",
        "user",
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
        steps: int | None,
        arguments: bool | Collection[str] | None,
        attributes: Mapping[str, Any] | None,
        capture_output: CaptureOutput | None,
        resources: bool | None,
        enabled: bool,
    ) -> None:
        self.name = name
        self.type = type
        self.reference = reference
        self.owner = owner
        self.user = user
        self.trigger = trigger
        self.schedule = schedule
        self.expected = expected
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.parent = parent
        self.links = links
        self.steps = steps
        self.arguments = arguments
        self.attributes = attributes
        if capture_output not in {None, True, False, "fd"}:
            raise ConfigError(f'capture_output={capture_output!r} cannot be used: use True, False or "fd"')
        self.capture_output = capture_output
        self.resources = resources
        self.enabled = enabled
        self.code: Any = None
        self.begun: list[Begun] = []  # by ``with``, and not left yet


class StepFields:
    """One step; the meaning of each field is told at :func:`otel_joblog.step`."""

    __slots__ = ("attributes", "begun", "name", "stage", "task_id")

    def __init__(
        self, name: str | None, *, stage: str | None, task_id: str | None, attributes: Mapping[str, Any] | None
    ) -> None:
        self.name = name
        self.stage = stage
        self.task_id = task_id
        self.attributes = attributes
        self.begun: list[Begun] = []  # by ``with``, and not left yet
