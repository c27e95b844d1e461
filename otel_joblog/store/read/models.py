"""What the reader returns: the shapes that pages, CLI and API share. Times are UTC datetimes, durations seconds."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Generic, TypeVar

import msgspec

from ...conventions import RunStatus

__all__ = [
    "DayFigures",
    "ErrorInfo",
    "ErrorKind",
    "Figures",
    "FoundLine",
    "JobFigures",
    "JobSummary",
    "LinePage",
    "LogLine",
    "Page",
    "ProgressInfo",
    "RunBin",
    "RunDetail",
    "RunHistogram",
    "RunPage",
    "RunSummary",
    "RunsBeside",
    "SampleInfo",
    "SearchPage",
    "StageInfo",
    "Stages",
    "Statistics",
    "StepInfo",
    "UsualDuration",
    "Tally",
    "TaskInfo",
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


class UsualDuration(msgspec.Struct, frozen=True):
    """How long the successes took among the 50 runs of the job before, in seconds."""

    runs: int  # that are meant
    p50: float
    p95: float


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a row of a list."""

    run_id: str
    name: str  # start as YYYYMMDDhhmmss in UTC, with _1, _2… where runs of a job start in one second
    job: str
    status: RunStatus
    status_message: str
    remark: str | None  # "unresponsive": running, but its process has missed three beats
    last_seen: datetime | None  # last sign of life of an open run
    last_heard: datetime | None  # of a running run: its latest line, step or progress, or its start; beats are none
    usual: UsualDuration | None  # of a running run: what its job usually takes
    overlong: bool  # it runs for longer than was expected or, where nothing was, than twice what nearly all runs took
    queued_at: datetime | None  # when it was put into a queue, where that is known
    queue_delay: float | None  # seconds from then to its start; None while it is pending
    started_at: datetime  # of a pending run: when it was put into the queue
    ended_at: datetime | None
    duration: float | None  # seconds; of an open run None
    type: str
    trigger: str
    reference: str | None
    owner: str | None
    schedule: str | None
    expected: float | None  # seconds that it should take at most
    attempt: int  # from 1
    max_attempts: int | None
    retried: bool  # it failed, and another attempt followed: it counts as no failure
    previous_attempt: str | None  # run ids, where these attempts are known
    next_attempt: str | None
    execution: str | None  # run id of the first known attempt: the same for all; None where only one is known
    service: str
    host: str
    pid: int | None
    progress: ProgressInfo | None
    lines: int  # lines in the store
    bytes: int | None  # of their messages, in UTF-8; None where a version that did not count them stored some
    lines_elsewhere: int  # of these, lines of other processes than the run's own, such as forked children
    lines_after_end: int  # of these, lines emitted after the run's end, by what outlived it
    lines_emitted: int | None  # lines that its own process says it emitted, then too; None until its end is known
    missing: str | None  # a sentence where lines are missing: how many and why
    warnings: int
    errors: int
    steps: int
    parent_run: str | None  # run id of the enclosing run
    exit_code: int | None
    result: dict[str, Any]  # what it said of its result, by name
    error: ErrorInfo | None  # without the stacktrace
    cut: bool  # texts are cut after 500 characters, a result has more than 2,000 bytes: the run itself has all


class RunPage(Page[RunSummary], frozen=True):
    """Runs, newest first. Those that say they begin more than a day from now are on it only if times were asked for."""

    ahead: int = 0  # how many these are, up to 100; a clock is wrong
    looked_until: datetime | None = None  # the page ended for having looked at 20,000 runs; ``next`` goes on from there


class RunBin(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time, and how the runs ended that began in it and have ended."""

    start: datetime
    end: datetime
    success: int = 0
    error: int = 0
    timeout: int = 0
    lost: int = 0
    skipped: int = 0
    cancelled: int = 0
    retried: int = 0  # failed, and followed by another attempt: none of these is among the others


class RunHistogram(msgspec.Struct, frozen=True):
    """Runs over time, oldest first."""

    bins: list[RunBin]
    looked_until: datetime | None = None  # runs before that were not looked at: there were enough since


class RunsBeside(msgspec.Struct, frozen=True):
    """What a list shows beside its runs."""

    p95: dict[tuple[str, str], float]  # seconds, of the last 30 days, by job and service
    last_lines: dict[str, str]  # by run id, bounded


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
    service: str | None  # whose span it is, where somebody said
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
    cut: bool  # texts or attributes are longer than among many steps: the step itself has all


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    time: datetime
    seq: int
    span_id: str
    step: str | None  # name of the step it belongs to; None for the run itself
    stage: str | None  # of that step, or of the nearest one around it that has one
    task_id: str | None  # likewise; where none has, the stage stands for it, or the name of the step
    severity: int  # OTel severity number
    level: str  # its name: DEBUG, INFO, WARN, ERROR, …
    stream: str  # "log", "stdout" or "stderr"
    logger: str
    message: str
    attributes: dict[str, Any]


class LinePage(Page[LogLine], frozen=True):
    """A page of lines. ``previous`` is what to pass as ``before`` for the page before it; None on the first."""

    previous: str | None = None
    total: int = 0  # lines of the run
    matching: int | None = None  # of these, those that pass the filter; None where nobody asked
    at_least: bool = False  # ``matching`` is of the first 200,000 lines only; the run has more


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of some steps."""

    lines: int
    warnings: int  # of these, severity 13 to 16
    errors: int  # and 17 or more


class TaskInfo(Tally, frozen=True, kw_only=True):
    """A task of a run: all of its steps."""

    task_id: str  # where no step says one, the stage stands for it, or the name of the step
    status: RunStatus  # running while one step is, else the worst of them
    started_at: datetime  # of the first step
    ended_at: datetime | None  # of the last one; None while one is open
    duration: float | None  # from the one to the other
    steps: int


class StageInfo(Tally, frozen=True, kw_only=True):
    """A stage of a run: all of its tasks, by start. Status and times are as those of a task."""

    stage: str | None  # None for steps without one
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None
    duration: float | None
    steps: int
    tasks: list[TaskInfo]


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """The stages of a run, by start, as far as its first 100,000 spans and million lines tell."""

    items: list[StageInfo]
    outside: Tally  # lines that belong to no step
    total: int  # lines of the run
    counted: int  # of these, those that were counted
    tasks_left_out: int  # how many tasks there are beyond 2,000


class FoundLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that a search found, and whose it is. Of a longer message the first 8,192 characters are there."""

    run_id: str
    job: str
    service: str
    status: RunStatus | None  # of the run; None where that is gone
    line: LogLine
    cut: bool  # the message goes on, or attributes of more than 4,000 bytes were left out


class SearchPage(Page[FoundLine], frozen=True):
    """Lines found, newest first. ``next`` goes on after a full page, and after one that ended for want of time."""

    looked_until: datetime | None = None  # how far back all lines were looked at; None: as far as was asked
    note: str | None = None  # why this was slower than it could be


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a row of a list. The figures of ``days`` are of runs that began on the last so many UTC days."""

    job: str
    service: str
    type: str
    schedule: str | None
    timezone: str | None  # that the schedule is meant in, where it names none; None without a schedule in force
    schedule_problem: str | None  # why nobody knows when the job is due
    next_due_at: datetime | None
    last_due_at: datetime | None  # the last one that can be judged: a run came, or its grace is over
    last_due_verdict: str | None  # "on time", "late" (not begun yet), "started late" or "missed"
    missed_7d: int | None  # due times of the last seven times 24 hours for which nothing began
    open_since: datetime | None  # start of the latest run that still goes on, where it is late or missed
    owner: str | None
    last_run_id: str | None  # None where its runs are gone
    last_status: RunStatus | None
    last_run_at: datetime | None  # starts
    last_success_at: datetime | None
    failures_in_a_row: int  # since the last success; 100 means 100 or more
    runs_ever: int  # that ended
    failures_ever: int
    average_ever: float | None  # seconds, of successes, errors and timeouts
    days: int
    runs: int
    failures: int
    retried: int
    success_rate: float | None  # 0 to 1, of successes, errors, timeouts and lost runs
    average: float | None
    p50: float | None  # seconds: exact for few runs, within 19 % for many
    p95: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Ended runs in figures. Durations are seconds, of successes, errors and timeouts.

    Percentiles are exact for few runs and within 19 % for many; none is beyond the longest.
    """

    runs: int = 0
    failures: int = 0  # errors, timeouts and lost runs, retried ones apart
    retried: int = 0  # failed attempts that another one followed
    success_rate: float | None = None  # 0 to 1, of successes and failures; None where there were none
    successes: int = 0
    skipped: int = 0
    cancelled: int = 0
    errors: int = 0
    timeouts: int = 0
    lost: int = 0
    average: float | None = None
    longest: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    average_cpu: float | None = None  # seconds of CPU of a run, where runs told
    memory_peak: int | None = None  # bytes, of the process that needed the most


class DayFigures(Figures, frozen=True, kw_only=True):
    day: date  # of UTC


class JobFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a ranking."""

    job: str
    service: str
    runs: int
    failures: int
    retried: int
    success_rate: float | None
    average: float | None
    longest: float | None


class ErrorKind(msgspec.Struct, frozen=True, kw_only=True):
    """Failures of one kind: of one type, their messages alike but for numbers and ids."""

    error: str  # its key: what to pass as ``error`` for its runs
    type: str  # of the exception; "timeout", "lost" or "error" where there was none
    message: str  # with <n>, <id>, <time> for what differs
    runs: int
    first_seen_at: datetime  # starts of runs
    last_seen_at: datetime
    jobs: list[str]  # five at most
    number_of_jobs: int
    last_run_id: str | None  # None where that run is gone


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Of a job, or of all of them, over the last so many UTC days."""

    job: str | None
    service: str | None
    since: date
    total: Figures
    by_day: list[DayFigures]  # every day, oldest first; those without runs, too
    by_type: dict[str, Figures]  # without percentiles
    top_failing: list[JobFigures]  # of all jobs only
    slowest: list[JobFigures]
    top_errors: list[ErrorKind]


class RunDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A run with everything but its lines."""

    run: RunSummary
    error: ErrorInfo | None  # with the stacktrace
    error_output: str  # the last lines on stderr of a command that failed; empty of anything else
    returned: str | None  # what its function returned, in short
    arguments: dict[str, Any]  # what it was called with, in short, where that was asked for
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    steps: list[StepInfo]  # ordered by start, then seq; at most the reader's step limit
    samples: list[SampleInfo]  # by time; of a run longer than a second
    steps_left_out: int  # how many steps the limit left out
    attempts: list[RunSummary]  # of its execution by start, itself among them; empty where only one is known
    attempts_left_out: int  # the latest 100 are there
    children: list[RunSummary]  # by start; the latest ones where there are too many
    children_left_out: int
