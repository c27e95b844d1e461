"""Attributes of runs and steps: what says which run this is, and values as OTel takes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...conventions import Attribute, SpanKind, Trigger
from ...declared import declared_schedule
from ...diagnostics import report
from ...interruption import foreign
from ...records import text
from .summary import summary

if TYPE_CHECKING:
    from ...config import Settings
    from ..definition import JobFields
    from ..going import GoingRun

__all__ = ["circumstances", "identity", "named", "otel_value", "otel_values"]

_SCALARS = (str, bool, int, float)


def identity(definition: JobFields, args: tuple[Any, ...], kwargs: dict[str, Any], run: GoingRun) -> dict[str, Any]:
    """The attributes that say what a run is; set at its start, so that even a run that dies has them."""
    trigger = definition._trigger
    if trigger is None and definition._attempt > 1:
        trigger = Trigger.RETRY.value
    elif trigger is None and run.parent_run is not None:
        trigger = Trigger.PARENT.value
    schedule = declared_schedule(definition._schedule)
    known = {
        Attribute.KIND: SpanKind.JOB.value,
        Attribute.JOB_NAME: run.name,
        Attribute.JOB_TYPE: text(definition._type),
        Attribute.TRIGGER: trigger,
        Attribute.REFERENCE: _said("reference", definition._reference, args, kwargs),
        Attribute.OWNER: definition._owner,
        Attribute.USER: _said("user", definition._user, args, kwargs),
        Attribute.SCHEDULE: schedule,
        Attribute.EXPECTED: definition._expected,
        Attribute.ATTEMPT: definition._attempt,
        Attribute.MAX_ATTEMPTS: definition._max_attempts,
        Attribute.STEPS_EXPECTED: definition._steps,
        Attribute.PARENT_RUN: run.parent_run.run_id if run.parent_run is not None else None,
    }
    attributes = {key: value for key, value in known.items() if value is not None}
    if schedule is not None:
        from ...timezone import local_timezone

        attributes[Attribute.SCHEDULE_TIMEZONE] = local_timezone()
    code = definition._code
    if code is not None:
        attributes[Attribute.CODE_FUNCTION] = getattr(code, "co_qualname", code.co_name)
        attributes[Attribute.CODE_FILE] = code.co_filename
        attributes[Attribute.CODE_LINE] = code.co_firstlineno
    if definition._attributes:
        attributes |= named(definition._attributes)
    return attributes


def circumstances(
    definition: JobFields, args: tuple[Any, ...], kwargs: dict[str, Any], settings: Settings
) -> dict[str, Any]:
    """What a run was called with, and the environment variables that were asked for; nothing unless it was asked for.

    Defaults are not among the arguments, nor is the ``self`` or ``cls`` of a method.
    """
    attributes: dict[str, Any] = {}
    wanted = settings.arguments if definition._arguments is None else definition._arguments
    if wanted:
        for name, value in _called_with(definition._code, args, kwargs):
            if isinstance(wanted, bool) or name in wanted:
                attributes[f"{Attribute.ARGUMENT}.{name}"] = summary(value)
    for name in settings.environment:
        if (value := os.environ.get(name)) is not None:
            attributes[f"{Attribute.PROCESS_ENVIRONMENT}.{name}"] = value
    return attributes


def _called_with(code: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    for place, value in enumerate(args):
        name = names[place] if place < len(names) else str(place)  # of *args only the place is known
        if place or name not in {"self", "cls"}:
            yield name, value
    yield from kwargs.items()


def _said(
    what: str, given: str | Callable[..., str | None] | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    """What was given, or what a given function makes of the job's arguments."""
    if not callable(given):
        return None if given is None else text(given)
    try:
        said = given(*args, **kwargs)
    except Exception as error:
        if foreign(error):
            raise
        report(what, f"the {what} of a run could not be made from its arguments: %r", error)
        return None
    return None if said is None else text(said)


def named(attributes: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Attributes by names that are text, whatever user code gave."""
    return {text(key): value for key, value in (attributes or {}).items()}


def otel_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {text(key): otel_value(value) for key, value in attributes.items() if value is not None}


def otel_value(value: Any) -> Any:
    """As OTel takes it: the SDK would drop anything else, with a warning in the job's output."""
    kind = type(value)  # isinstance would ask the value for its __class__, which a proxy that is not bound refuses
    if issubclass(kind, _SCALARS):
        return value
    if issubclass(kind, list | tuple) and value and issubclass(type(value[0]), _SCALARS):
        return value if len({type(item) for item in value}) == 1 else [text(item) for item in value]
    return text(value)
