"""Beginning runs and steps: what ``job`` and ``step`` come to when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import get_current_span

from .. import setup
from ..conventions import CONTEXT_KEY, Attribute, SpanKind
from ..diagnostics import report
from ..interruption import foreign, forget_frames, insist
from ..records import text
from . import attempts, installation
from .active import Active
from .context import get_current
from .elsewhere import around_process, elsewhere, links
from .facts.attributes import circumstances, identity, named
from .runs import ActiveRun, ActiveStep, current, surrounding
from .waiting import taken_up

if TYPE_CHECKING:
    from .definition import JobFields, StepFields

__all__ = ["begin_run", "begin_step", "current"]


def begin_run(definition: JobFields, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActiveRun:
    """Begin a run of this job; one that does not record where recording is off or not possible. Raises what comes from
    elsewhere meanwhile, and has then begun nothing.
    """
    name = definition._name or "job"
    found = current() or surrounding()
    run = ActiveRun(definition, name, found)
    try:
        runtime = setup.runtime()
        settings = runtime.settings
        if not settings.enabled or not definition._enabled or (found is not None and found.hidden):
            run._hide()
            return run
        captures = settings.capture_output if definition._capture_output is None else definition._capture_output
        looks = settings.resources if definition._resources is None else definition._resources
        steps = definition._steps
        run = ActiveRun(definition, name, found, capture_output=bool(captures), resources=looks, steps=steps)
        run.light = runtime.provider.unwatched
        waiting = None if definition._queued is None else taken_up(definition._queued)
        if waiting is not None:
            parent = None
            run.begin_a_trace(waiting if definition._attempt == 1 else None)
        elif definition._parent is not None:
            parent = elsewhere(definition._parent)
        elif found is None and not get_current_span().get_span_context().is_valid:
            parent = around_process()
        else:
            parent = None
        if parent is not None:
            run.belong_to(parent)
        linked = links(definition._links)
        attributes = identity(definition, args, kwargs, run)
        if waiting is not None:
            attributes = waiting.of_run(attributes)
        if definition._attempt > 1:
            linked = attempts.previous(name, attributes.get(Attribute.REFERENCE), definition._attempt, linked)
            attributes |= attempts.attributes(linked)
        if waiting is not None:
            linked += waiting.links
        run.links += linked
        if settings.environment or settings.arguments or definition._arguments:
            attributes |= circumstances(definition, args, kwargs, settings)
        run._begin(runtime, 0, attributes)
        installation.acquire(run, descriptors=captures == "fd")
        return run
    except BaseException as error:
        if _struck(run, error):
            raise
        return run


def begin_step(definition: StepFields) -> ActiveStep:
    """Begin a step of the current run; outside of one, a step that does not record. As :func:`begin_run`."""
    found = current()
    name = definition._name or "step"
    step = ActiveStep(definition, name, found or get_current().get(CONTEXT_KEY))  # type: ignore[arg-type]
    try:
        if found is None:
            step._surround()
            return step
        seq = step.run.next_step()
        attributes: dict[str, Any] = {Attribute.KIND: SpanKind.STEP.value, Attribute.SEQ: seq}
        if definition._stage is not None:
            attributes[Attribute.STAGE] = text(definition._stage)
        if definition._task_id is not None:
            attributes[Attribute.TASK_ID] = text(definition._task_id)
        if found is not step.run:  # a step around it says what it leaves open
            for name in (Attribute.STAGE, Attribute.TASK_ID):
                if name not in attributes and name in found._attributes:
                    attributes[name] = found._attributes[name]
        if definition._attributes:
            attributes |= named(definition._attributes)
        step._begin(setup.runtime(), seq, attributes)
        return step
    except BaseException as error:
        if _struck(step, error):
            raise
        return step


def _struck(active: Active, error: BaseException) -> bool:
    """Whether the exception came from elsewhere: then what had begun is ended. Else it goes on, unrecorded."""
    if foreign(error):
        insist(active.finish, error)
        forget_frames(error)
        return True
    report("begin", "%s %r could not be recorded: %r", active.kind, active.name, error)
    if not active.entered:
        active._surround()
    return False
