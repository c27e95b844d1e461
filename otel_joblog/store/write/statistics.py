"""What a batch changes in the statistics: which runs ended, which that were counted as lost did not end so, and which
that were counted as failures were followed by another attempt.

Whoever collects them names each change of a run's state once, as the database told it: then every run counts once, in
its last state, whatever comes twice or in another order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ...conventions import RunStatus
from ..columns import Row
from ..encoding import without_zero
from ..errorgroups import ErrorGroup

__all__ = ["Statistics", "duration_bucket"]

_COUNTER = {
    RunStatus.SUCCESS: "successes",
    RunStatus.SKIPPED: "skipped",
    RunStatus.CANCELLED: "cancelled",
    RunStatus.ERROR: "errors",
    RunStatus.TIMEOUT: "timeouts",
    RunStatus.LOST: "lost",
}
_FAILURES = {"errors", "timeouts", "lost"}
_RETRIED = "retried"
_TIMED = {RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.TIMEOUT}  # what others are cut off at tells nothing

_CPU = (
    *("joblog.process.cpu.user", "joblog.process.cpu.system"),
    *("joblog.children.cpu.user", "joblog.children.cpu.system"),
)
_MEMORY_PEAK = "joblog.process.memory.peak"


def duration_bucket(milliseconds: int) -> int:
    """The bucket of ``joblog.job_duration``: four an octave."""
    return math.floor(4 * math.log2(1 + milliseconds))


class Statistics:
    """Sums by key, for ``statistics.sql``. Runs are rows of ``job_run``; those without a name are left out."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)
        self._jobs: defaultdict[tuple[str, str], Row] = defaultdict(dict)
        self._days: defaultdict[tuple[str, ...], Row] = defaultdict(dict)
        self._hours: defaultdict[tuple[Any, ...], Row] = defaultdict(dict)
        self._durations: defaultdict[tuple[Any, ...], Row] = defaultdict(dict)
        self._errors: defaultdict[tuple[Any, ...], Row] = defaultdict(dict)
        self.taken_back: list[Row] = []  # failures that were none, or others: rows for recount_errors.sql

    def seen(self, run: Row) -> None:
        """A run began or ended, or waits, which does not count; may be said again and again."""
        if run["name"] and run["status"] != RunStatus.PENDING.code and self._has_come(run):
            _latest(self._job(run), "last_run_at", run["started_at"])

    def ended(self, run: Row, *, followed: bool = False) -> None:
        """A run has come to its present end just now; ``followed`` by another attempt it is no failure."""
        status = RunStatus.from_code(run["status"])
        if not run["name"] or not status.terminal:
            return
        self._count(run, _counter(status, followed=followed), 1)
        if status is RunStatus.SUCCESS and self._has_come(run):
            _latest(self._job(run), "last_success_at", run["started_at"])
        if status in _TIMED:
            self._time(run)
        group = ErrorGroup.of_run(run)
        if group is not None and not followed:
            error = self._error(run, group.number, 1)
            error |= {"type": group.type, "message": group.message}

    def not_lost(self, run: Mapping[str, Any]) -> None:
        """A run that was counted as lost, as it was until now: it is not."""
        if not run["name"]:
            return
        followed = run["next_trace_id"] is not None
        self._count(run, _counter(RunStatus.LOST, followed=followed), -1)
        if not followed:
            self._take_back(run)

    def retried(self, run: Mapping[str, Any]) -> None:
        """A run that was counted as a failure has just turned out to be followed by another attempt."""
        if not run["name"]:
            return
        self._count(run, _counter(RunStatus.from_code(run["status"]), followed=False), -1)
        self._count(run, _RETRIED, 1)
        self._take_back(run)

    def _has_come(self, run: Row) -> bool:
        """Whether it can be the latest: one from the far future, of a wrong clock, would be it for ever."""
        at: datetime = run["started_at"]
        return at < self._now + timedelta(days=1)

    def rows(self) -> dict[str, list[Row]]:
        """By parameter of ``statistics.sql``."""
        return {
            "jobs": list(self._jobs.values()),
            "days": list(self._days.values()),
            "hours": list(self._hours.values()),
            "durations": list(self._durations.values()),
            "errors": list(self._errors.values()),
        }

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def _count(self, run: Mapping[str, Any], counter: str, sign: int) -> None:
        job = self._job(run)
        _add(job, "runs", sign)
        _add(job, "failures", sign if counter in _FAILURES else 0)
        for row in (self._day(run), self._hour(run)):
            _add(row, counter, sign)

    def _take_back(self, run: Mapping[str, Any]) -> None:
        """Its kind of failure has one run less."""
        if run["error_group"] is not None:
            error = self._error(run, run["error_group"], -1)
            error.setdefault("type", "")  # its row is there already
            error.setdefault("message", "")
            self.taken_back.append({key: error[key] for key in ("day", "name", "service", "error_group")})

    def _time(self, run: Row) -> None:
        job, day = self._job(run), self._day(run)
        seconds = (run["ended_at"] - run["started_at"]).total_seconds()
        milliseconds = max(0, round(seconds * 1000))
        for row in (job, day):
            _add(row, "timed", 1)
            _add(row, "duration_ms", milliseconds)
        day["longest_ms"] = max(day.get("longest_ms", 0), milliseconds)
        key = (*_key(run), duration_bucket(milliseconds))
        duration = self._durations[key]
        duration |= _dated(run) | {"bucket": key[-1]}
        duration["low_ms"] = min(duration.get("low_ms", milliseconds), milliseconds)
        duration["high_ms"] = max(duration.get("high_ms", milliseconds), milliseconds)
        _add(duration, "runs", 1)
        self._add_resources(day, run["attributes"] or {})

    def _add_resources(self, day: Row, attributes: Mapping[str, Any]) -> None:
        told = [value for key in _CPU if (value := _amount(attributes.get(key))) is not None]
        if told:
            _add(day, "cpu_runs", 1)
            _add(day, "cpu_ms", round(sum(told) * 1000))
        peak = _amount(attributes.get(_MEMORY_PEAK))
        if peak is not None:
            day["memory_peak"] = max(day.get("memory_peak", 0), round(peak))

    def _job(self, run: Mapping[str, Any]) -> Row:
        job = self._jobs[run["name"], without_zero(run["service"])]
        job |= {"name": run["name"], "service": run["service"]}
        return job

    def _day(self, run: Mapping[str, Any]) -> Row:
        day = self._days[(*_key(run), without_zero(run["type"]))]
        day |= _dated(run) | {"type": run["type"]}
        return day

    def _hour(self, run: Mapping[str, Any]) -> Row:
        begin = run["started_at"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        columns = ("name", "service", "type", "trigger")
        hour = self._hours[begin, *(without_zero(run[column]) for column in columns)]
        hour |= {"hour": begin, **{column: run[column] for column in columns}}
        return hour

    def _error(self, run: Mapping[str, Any], group: int, sign: int) -> Row:
        error = self._errors[(*_key(run), group)]
        error |= _dated(run) | {"error_group": group}
        error["first_at"] = min(error.get("first_at", run["started_at"]), run["started_at"])
        _latest(error, "last_at", run["started_at"])
        _add(error, "runs", sign)
        return error


def _counter(status: RunStatus, *, followed: bool) -> str:
    return _RETRIED if followed and status.failed else _COUNTER[status]


def _key(run: Mapping[str, Any]) -> tuple[str, str, str]:
    return run["name"], without_zero(run["service"]), _day_of(run["started_at"])


def _dated(run: Mapping[str, Any]) -> Row:
    return {"name": run["name"], "service": run["service"], "day": _day_of(run["started_at"])}


def _day_of(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _latest(row: Row, column: str, at: datetime) -> None:
    row[column] = max(row.get(column, at), at)


def _add(row: Row, column: str, number: int) -> None:
    row[column] = row.get(column, 0) + number


def _amount(value: Any) -> float | None:
    """A number as a measurement, small enough to be summed; None for anything else."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if fits else None
