"""Job errors: which jobs fail, by what, where, and what they said."""

from __future__ import annotations

from .board import JOBS, SOURCES, dashboard
from .colours import BAD, WARNING, thresholds
from .history import COUNTED, RUN_COLUMNS
from .links import ANY_RUN, ERRORS, JOB, KIND
from .panels import column, logs, stat, table, time_series
from .sources import Json, query

__all__ = ["errors"]

RATE = thresholds((0.01, WARNING), (0.1, BAD))
RATE_COLUMN = column(
    "Failure rate",
    unit="percentunit",
    decimals=2,
    thresholds=RATE,
    color={"mode": "thresholds"},
    custom__cellOptions={"type": "color-text"},
)


def errors() -> Json:
    return dashboard(
        ERRORS,
        "Job errors",
        "Which jobs fail, by what, at which step, and what they said.",
        [_totals(), _rate(), _jobs(), _kinds(), _steps(), _gone(), _lines()],
        [*SOURCES, *JOBS],
        since="now-24h",
    )


def _totals() -> Json:
    return stat(
        "Failed runs",
        f"Runs that ended by error or timeout or were lost, and their part of these and the successes. Attempts that "
        f"another one followed are counted apart, as retried. {COUNTED}",
        query("errors/totals"),
        width=24,
        overrides=[column("Failure rate", unit="percentunit", decimals=2, thresholds=RATE)],
        defaults={"thresholds": thresholds((1, BAD))},
    )


def _rate() -> Json:
    return time_series(
        "Failure rate by job",
        f"The part of the runs that failed, of the ten jobs with the most failures. {COUNTED}",
        [query("errors/rate", "time_series")],
        size=(12, 10),
        unit="percentunit",
        nothing="Nothing failed in this time.",
        defaults={"max": 1},
    )


def _jobs() -> Json:
    return table(
        "Top failing jobs",
        f"The 50 jobs with the most failures. {COUNTED}",
        query("errors/jobs"),
        size=(12, 10),
        nothing="Nothing failed in this time.",
        overrides=[column("Job", links=JOB), RATE_COLUMN],
    )


def _kinds() -> Json:
    return table(
        "Errors by kind",
        "Failures of the same type, with messages that differ in numbers and ids only, by whole UTC days, whatever "
        "trigger is chosen. First and last seen are starts of runs within these days. Kind leads to its runs in the "
        "viewer.",
        query("errors/kinds"),
        size=(24, 10),
        nothing="Nothing failed in this time.",
        overrides=[
            column("First seen", unit="dateTimeAsLocal"),
            column("Last seen", unit="dateTimeAsLocal"),
            column("Kind", links=KIND),
        ],
    )


def _steps() -> Json:
    return table(
        "Failing steps",
        "Steps that failed, also where their run went on, of the last seven days of the time shown at most, "
        "whatever trigger is chosen. Run leads to the latest.",
        query("errors/steps"),
        size=(24, 9),
        nothing="No step failed in this time.",
        overrides=[
            column("Last failed", unit="dateTimeAsLocal"),
            column("Job", links=JOB),
            column("Run", links=ANY_RUN),
        ],
    )


def _gone() -> Json:
    return table(
        "Lost and timed-out runs",
        "The newest 100 whose process died or whose host never came back (lost), or that took longer than they may.",
        query("errors/gone"),
        size=(24, 9),
        nothing="No run was lost or timed out in this time.",
        overrides=RUN_COLUMNS,
    )


def _lines() -> Json:
    return logs(
        "Newest error lines",
        "Lines of level ERROR and FATAL, 200 at most, among the newest 5,000 of all jobs in the time shown, "
        "whatever trigger is chosen. Unfold one for its run.",
        query("errors/lines"),
        size=(24, 14),
        nothing="No line of level ERROR or FATAL in this time.",
    )
