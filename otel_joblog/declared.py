"""A schedule as a job or a command declares it. What cannot be one is told at once, and not when a run is missed."""

from __future__ import annotations

import functools
import re

from .diagnostics import report
from .errors import ScheduleError

__all__ = ["declared_schedule"]

# Five fields of stars and of numbers in their range: most schedules, told without what it takes to work them out.
_FIELDS = (r"[0-5]?\d", r"(?:1?\d|2[0-3])", r"(?:[1-9]|1\d|2[0-8])", r"(?:[1-9]|1[0-2])", r"[0-7]")
_PLAIN = re.compile(r"\s+".join(rf"(?:\*(?:/[1-9]\d?)?|{field}(?:,{field})*)" for field in _FIELDS), re.ASCII)


def declared_schedule(given: object) -> str | None:
    """The schedule as text; None where there is none, as by ``""``.

    One that is not understood is reported, once in a process, and kept: pages say so, too.
    """
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        _tell(repr(given)[:200], "a schedule must be text")
        return str(given)[:200]
    if not _PLAIN.fullmatch(given) and (problem := _problem(given)):
        _tell(repr(given[:200]), problem)
    return given


@functools.lru_cache(maxsize=1_000)
def _problem(schedule: str) -> str | None:
    from .schedules import understood

    try:
        understood(schedule, "UTC")
    except ScheduleError as error:
        return str(error)
    return None


def _tell(shown: str, problem: str) -> None:
    report(
        f"schedule: {shown}",
        'schedule %s is not understood (%s): none of its runs will be called missed. Write it as for cron: "0 3 * * *"',
        shown,
        problem,
    )
