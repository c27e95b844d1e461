"""Attributes of runs and steps: what says which run this is, and values as OTel takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..conventions import Attribute, SpanKind, Trigger
from ..diagnostics import report
from ..records import text
from .span import named

if TYPE_CHECKING:
    from .active import Run
    from .job import JobDefinition

__all__ = ["identity", "otel_value", "otel_values"]


def identity(definition: JobDefinition, args: tuple[Any, ...], kwargs: dict[str, Any], run: Run) -> dict[str, Any]:
    """The attributes that say what a run is; set at its start, so that even a run that dies has them."""
    trigger = definition.trigger or (Trigger.PARENT.value if run.parent_run is not None else None)
    known = {
        Attribute.KIND: SpanKind.JOB.value,
        Attribute.JOB_NAME: run.name,
        Attribute.JOB_TYPE: text(definition.type),
        Attribute.TRIGGER: trigger,
        Attribute.REFERENCE: _reference(definition.reference, args, kwargs),
        Attribute.OWNER: definition.owner,
        Attribute.SCHEDULE: definition.schedule,
        Attribute.EXPECTED: definition.expected,
        Attribute.ATTEMPT: definition.attempt,
        Attribute.PARENT_RUN: run.parent_run.run_id if run.parent_run is not None else None,
    }
    attributes = {key: value for key, value in known.items() if value is not None}
    code = definition.code
    if code is not None:
        attributes[Attribute.CODE_FUNCTION] = getattr(code, "co_qualname", code.co_name)
        attributes[Attribute.CODE_FILE] = code.co_filename
        attributes[Attribute.CODE_LINE] = code.co_firstlineno
    if definition.attributes:
        attributes |= named(definition.attributes)
    return attributes


def _reference(
    reference: str | Callable[..., str | None] | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    if not callable(reference):
        return None if reference is None else text(reference)
    try:
        said = reference(*args, **kwargs)
    except Exception as error:
        report("reference", "the reference of a run could not be made from its arguments: %r", error)
        return None
    return None if said is None else text(said)


def otel_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {text(key): otel_value(value) for key, value in attributes.items() if value is not None}


def otel_value(value: Any) -> Any:
    """As OTel takes it: the SDK would drop anything else, with a warning in the job's output."""
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple) and value and isinstance(value[0], str | bool | int | float):
        return value if len({type(item) for item in value}) == 1 else [text(item) for item in value]
    return text(value)
