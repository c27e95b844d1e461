"""Job history: what ran, how often, how long, how it ended."""

from __future__ import annotations

from .board import JOBS, SOURCES, STATUS_OF_RUNS, dashboard
from .colours import BAD, GOOD, NEUTRAL, STATUS, WARNING, fixed, mappings, thresholds
from .links import HISTORY, JOB, RUN, TRACE
from .panels import column, panel, stat, table, time_series
from .sources import STORE, Json, query, sql

__all__ = ["RUN_COLUMNS", "history"]

HIDDEN = {"legend": False, "tooltip": False, "viz": True}
RUN_COLUMNS = [
    column("Bytes", unit="decbytes", decimals=1),
    column("Started", unit="dateTimeAsLocal"),
    column("Took", unit="s", decimals=1),
    column("Job", links=JOB),
    column("Run", links=RUN),
    column("Trace", links=TRACE),
    column("From", custom__hideFrom=HIDDEN),
    column("To", custom__hideFrom=HIDDEN),
]
COUNTED = "Up to four days every run is counted, beyond that whole hours (UTC)."


def history() -> Json:
    return dashboard(
        HISTORY,
        "Job history",
        "What ran, how often, how long, and how it ended.",
        [_totals(), _running(), _outcomes(), _by_status(), _throughput(), _durations(), _runs()],
        [*SOURCES, *JOBS, STATUS_OF_RUNS],
        since="now-24h",
        annotations=[_lost()],
    )


def _totals() -> Json:
    return stat(
        "Ended runs",
        f"Runs that ended; those of them that failed (error, timeout, lost); failed attempts that another one followed "
        f"(retried), which count as no failures; and successes among successes and "
        f"failures, whatever status is chosen. {COUNTED}",
        query("history/totals"),
        width=16,
        overrides=[
            column("Failed", thresholds=thresholds((1, BAD))),
            column(
                "Success rate",
                unit="percentunit",
                decimals=2,
                thresholds=thresholds((0.9, WARNING), (0.99, GOOD), base=BAD),
            ),
        ],
        defaults={"thresholds": thresholds(base=GOOD)},
    )


def _running() -> Json:
    return stat(
        "Open now",
        "Runs that have not ended, whatever time is shown.",
        query("history/running"),
        width=8,
        defaults={"thresholds": thresholds(base=GOOD)},
    )


def _outcomes() -> Json:
    return panel(
        "status-history",
        "Worst outcome by job",
        "Each square is a stretch of time: the worst that happened to a run which began in it, in the order lost, "
        "timeout, error, cancelled, success, skipped, retried. The 100 jobs with the most failures, then the most "
        f"runs. {COUNTED}",
        [query("history/outcomes", "time_series")],
        size=(24, 12),
        unit="none",
        nothing="No run ended in this time.",
        options={
            "showValue": "auto",
            "rowHeight": 0.85,
            "colWidth": 0.95,
            "perPage": 20,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
        defaults={
            "mappings": mappings(by_code=True),
            "thresholds": thresholds(base=NEUTRAL),
            "color": {"mode": "thresholds"},
            "custom": {"fillOpacity": 80, "lineWidth": 1},
        },
        maxDataPoints=90,
    )


def _by_status() -> Json:
    return time_series(
        "Runs by status",
        f"Runs that ended, by when they began and how they ended. {COUNTED}",
        [query("history/by_status", "time_series")],
        size=(24, 8),
        unit="short",
        nothing="No run ended in this time.",
        bars=True,
        overrides=[column(name, color=fixed(colour)) for name, colour in STATUS.items() if name not in _OPEN],
        calcs=["sum"],
    )


_OPEN = {"pending", "running"}


def _throughput() -> Json:
    return time_series(
        "Throughput",
        f"Ended runs an hour of the eight jobs that ran most, and of all others together, whatever status is chosen. "
        f"{COUNTED}",
        [query("history/throughput", "time_series")],
        size=(12, 9),
        unit="suffix: runs/h",
        nothing="No run ended in this time.",
        calcs=["mean", "max"],
    )


def _durations() -> Json:
    return time_series(
        "Durations",
        "How long runs took that ended by success, error or timeout: half of them at most p50, 95 of 100 at most "
        "p95. Up to four days exactly, beyond that by UTC day (exactly for few runs, within 19 % for many), and of the "
        "chosen jobs whatever trigger is chosen.",
        [query("history/durations", "time_series")],
        size=(12, 9),
        unit="s",
        nothing="No run that ended in this time tells how long it took.",
        overrides=[
            column("p50", color=fixed(GOOD)),
            column("p95", color=fixed(WARNING)),
            column("longest", color=fixed(BAD), custom__lineStyle={"fill": "dash", "dash": [6, 4]}),
        ],
        calcs=["lastNotNull", "max"],
    )


def _runs() -> Json:
    return table(
        "Newest runs",
        "The newest 100 that fit. Job, Run and Trace lead on: to this job elsewhere, to the run, to the viewer, to "
        "the trace.",
        query("history/runs"),
        size=(24, 14),
        nothing="No run fits in this time.",
        overrides=[*RUN_COLUMNS, column("Lines", unit="locale"), column("Error lines", unit="locale")],
    )


def _lost() -> Json:
    return {
        "name": "Lost runs",
        "datasource": STORE,
        "enable": True,
        "hide": False,
        "iconColor": STATUS["lost"],
        "target": {
            "refId": "Anno",
            "datasource": STORE,
            "editorMode": "code",
            "format": "table",
            "rawQuery": True,
            "rawSql": sql("history/lost"),
        },
    }
