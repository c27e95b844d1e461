"""What the reader returns: the shapes that pages, CLI and API share. Times are UTC datetimes, durations seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from ..conventions import RunStatus

__all__ = [
    "ErrorInfo",
    "FoundLine",
    "LinePage",
    "LogLine",
    "Page",
    "ProgressInfo",
    "RunDetail",
    "RunSummary",
    "SampleInfo",
    "SearchPage",
    "StepInfo",
]

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page by key. ``next`` is what to pass as ``after`` for the page that follows; None on the last."""

    items: list[T]
    next: str | None = None


class ProgressInfo(msgspec.Struct, frozen=True, kw_only=True):
    current: float
    total: float | None
    unit: str
    percent: float | None  # 0 to 100; None where the total is not known
    rate: float | None  # units a second since this count began; None where it has only begun
    left: float | None  # seconds that the rest will take at this rate; of an open run only


class ErrorInfo(msgspec.Struct, frozen=True):
    type: str
    message: str
    stacktrace: str | None = None


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a row of a list."""

    run_id: str
    name: str  # start as YYYYMMDDhhmmss in UTC, with _1, _2… where runs of a job start in one second
    job: str
    status: RunStatus
    status_message: str
    remark: str | None  # "unresponsive": running, but its process has missed three beats
    last_seen: datetime | None  # last sign of life of an open run
    started_at: datetime
    ended_at: datetime | None
    duration: float | None  # seconds; of an open run None
    type: str
    trigger: str
    reference: str | None
    owner: str | None
    schedule: str | None
    attempt: int
    max_attempts: int | None
    service: str
    host: str
    pid: int | None
    progress: ProgressInfo | None
    lines: int  # lines in the store
    lines_elsewhere: int  # of these, lines of other processes than the run's own, such as forked children
    lines_emitted: int | None  # lines that the run says its own process emitted; None until its end is known
    missing: str | None  # a sentence where lines are missing: how many and why
    warnings: int
    errors: int
    steps: int
    parent_run: str | None  # run id of the enclosing run
    exit_code: int | None
    result: dict[str, Any]  # what it said of its result, by name
    error: ErrorInfo | None  # without the stacktrace


class SampleInfo(msgspec.Struct, frozen=True):
    """What the process of a run used at one moment of it."""

    time: datetime
    memory: int | None  # bytes resident; None where the platform does not tell
    cpu: float  # processors busy since the sample before: 0.5 is half of one, 2 are two


class StepInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a run, or another span of its trace (``kind``)."""

    span_id: str
    parent_id: str | None
    kind: str  # "step" or "span"
    name: str
    seq: int  # place among the steps, from 1; 0 for other spans
    stage: str | None
    task_id: str | None
    status: RunStatus
    status_message: str
    started_at: datetime
    ended_at: datetime | None
    duration: float | None
    error: ErrorInfo | None
    attributes: dict[str, Any]


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    time: datetime
    seq: int
    span_id: str
    step: str | None  # name of the step it belongs to; None for the run itself
    severity: int  # OTel severity number
    level: str  # its name: DEBUG, INFO, WARN, ERROR, …
    stream: str  # "log", "stdout" or "stderr"
    logger: str
    message: str
    attributes: dict[str, Any]


class LinePage(Page[LogLine], frozen=True):
    """A page of lines. ``previous`` is what to pass as ``before`` for the page before it; None on the first."""

    previous: str | None = None


class FoundLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that a search found, and whose it is. Of a longer message the first 8,192 characters are there."""

    run_id: str
    job: str
    service: str
    status: RunStatus  # of the run
    started_at: datetime  # the run
    line: LogLine
    cut: bool  # the message goes on


class SearchPage(Page[FoundLine], frozen=True):
    """Lines found, newest first. ``next`` goes on after a full page, and after one that ended for want of time."""

    looked_until: datetime | None = None  # how far back all lines were looked at; None: as far as was asked
    note: str | None = None  # why this was slower than it could be


class RunDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A run with everything but its lines."""

    run: RunSummary
    error: ErrorInfo | None  # with the stacktrace
    returned: str | None  # what its function returned, in short
    arguments: dict[str, Any]  # what it was called with, in short, where that was asked for
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    steps: list[StepInfo]  # ordered by start, then seq; at most the reader's step limit
    samples: list[SampleInfo]  # by time; of a run longer than a second
    steps_left_out: int  # how many steps the limit left out
    children: list[RunSummary]  # by start; the latest ones where there are too many
    children_left_out: int
