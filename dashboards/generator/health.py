"""Job health: what needs looking after now, and whether we ourselves do well."""

from __future__ import annotations

from .board import JOBS, METRICS, SOURCES, dashboard
from .colours import BAD, GOOD, NEUTRAL, WARNING, fixed, thresholds, words
from .history import COUNTED, RUN_COLUMNS
from .links import ANY_RUN, HEALTH, JOB
from .panels import column, panel, stat, table, time_series
from .sources import Json, metric, query

__all__ = ["health"]

RATE = thresholds((0.9, WARNING), (0.99, GOOD), base=BAD)
STREAK = thresholds((1, WARNING), (3, BAD))
COLOURED: Json = {"color": {"mode": "thresholds"}, "custom__cellOptions": {"type": "color-text"}}
LATEST = "Type and trigger are those of the latest run."


def health() -> Json:
    return dashboard(
        HEALTH,
        "Job health",
        "Which jobs need looking after now, and how our own exporters and tables do.",
        [
            _attention(),
            _punctuality(),
            _jobs(),
            _success(),
            _streaks(),
            _open(),
            _heartbeats(),
            _progress(),
            *_ourselves(),
            _size(),
            _size_total(),
        ],
        [*SOURCES, METRICS, *JOBS],
        since="now-7d",
    )


def _attention() -> Json:
    return stat(
        "Needs attention",
        "Of every job that ever ran: how many did not begin when they were due last, have a schedule that is "
        "not understood or has been given up, failed last time, failed three "
        "times or more in a row, never succeeded; and how long ago the last success was of the job where that is "
        f"longest. {LATEST}",
        query("health/attention"),
        width=24,
        overrides=[
            column("Jobs", thresholds=thresholds()),
            column("Oldest last success", unit="s", thresholds=thresholds()),
        ],
        defaults={"thresholds": thresholds((1, BAD))},
    )


def _jobs() -> Json:
    return table(
        "Jobs",
        "Every job that ever ran. The pause is that between two due times of its schedule; without one the average "
        "between two starts in the time shown, read from whole hours. Success age in pauses is how many of them the "
        "last success is ago: about 1 is normal, 2 worth a look. Last due is what became of the last due time whose "
        "grace is over; of a late or missed one, still runs since tells when a run began that goes on meanwhile. The "
        f"success rate is that of seven UTC days. {LATEST}",
        query("health/jobs"),
        size=(24, 13),
        nothing="No job has run yet.",
        overrides=[
            column("Job", links=JOB),
            column("Run", links=ANY_RUN),
            column("Failed in a row", thresholds=STREAK, **COLOURED),
            column("Last due", mappings=_VERDICTS, custom__cellOptions={"type": "color-text"}),
            column("Missed, 7 days", thresholds=thresholds((1, WARNING), (3, BAD)), **COLOURED),
            column("Success age in pauses", decimals=1, thresholds=thresholds((2, WARNING), (4, BAD)), **COLOURED),
            column("Success rate, 7 days", unit="percentunit", decimals=2, thresholds=RATE, **COLOURED),
            *(column(name, unit="s", decimals=1) for name in _SECONDS),
        ],
    )


_SECONDS = ("Since last success", "Since last start", "Pause", "Takes")


_VERDICTS = words(("missed", BAD), ("late", WARNING), ("started late", NEUTRAL), ("on time", GOOD))


def _punctuality() -> Json:
    return table(
        "Missed and late",
        "Due times in the time shown, by the schedules that runs say, for which nothing began in time. Late: the grace "
        "is over, a tenth of the pause until the next due time, 1 to 15 minutes. Missed: nothing began until the next "
        "time was due, or for four times the grace. A run that came after all makes it started late. Of the jobs "
        "chosen; a due time has neither type nor trigger.",
        query("health/punctuality"),
        size=(24, 9),
        nothing="Every job that has a schedule began in time.",
        overrides=[
            column("Verdict", mappings=_VERDICTS, custom__cellOptions={"type": "color-text"}),
            column("Job", links=JOB),
            column("Run", links=ANY_RUN),
            *(column(name, unit="s", decimals=0) for name in ("Behind", "Grace")),
        ],
    )


def _gauge(title: str, description: str, name: str, *, unit: str, nothing: str, defaults: Json) -> Json:
    return panel(
        "bargauge",
        title,
        description,
        [query(name)],
        size=(12, 10),
        unit=unit,
        nothing=nothing,
        options={
            "displayMode": "basic",
            "orientation": "horizontal",
            "namePlacement": "auto",
            "showUnfilled": True,
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 300,
            "valueMode": "text",
            "reduceOptions": {"values": True, "calcs": ["lastNotNull"], "fields": ""},
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        },
        defaults={"color": {"mode": "thresholds"}, "min": 0} | defaults,
    )


def _success() -> Json:
    return _gauge(
        "Lowest success rates",
        f"Successes among successes, errors, timeouts and lost runs, of the 20 jobs that have the lowest part. "
        f"{COUNTED}",
        "health/success",
        unit="percentunit",
        nothing="No run ended in this time.",
        defaults={"max": 1, "decimals": 2, "thresholds": RATE},
    )


def _streaks() -> Json:
    return _gauge(
        "Failures in a row",
        f"Failed runs since the last success, now, of the 20 jobs with the most; 100 means 100 or more. {LATEST}",
        "health/streaks",
        unit="short",
        nothing="The latest run of every job was none that failed.",
        defaults={"thresholds": STREAK},
    )


def _open() -> Json:
    return table(
        "Open runs: unresponsive, running too long",
        "Now. Unresponsive: running, but its process has missed three heartbeats. Too long: longer than the run was "
        "declared to take, or, where nothing was declared, than twice what 95 % of the latest successes of its job "
        "took. Nothing heard: no line, step or progress; the process may beat all the same.",
        query("health/open"),
        size=(24, 9),
        nothing="No run is open.",
        overrides=[
            *RUN_COLUMNS,
            column("Remark", mappings=_REMARKS, custom__cellOptions={"type": "color-text"}),
            *(column(name, unit="s", decimals=1) for name in _AGES),
        ],
    )


_AGES = (
    *("For", "Usually", "Should take at most", "Since last heartbeat", "Since last sign of life", "Nothing heard for"),
)
_REMARKS = words(("unresponsive", BAD), ("too long", WARNING), ("waiting", NEUTRAL), ("as usual", GOOD))


def _heartbeats() -> Json:
    ages = {"unit": "s", "decimals": 1, "thresholds": thresholds((30, WARNING), (900, BAD)), **COLOURED}
    return table(
        "Heartbeats by host",
        "Of the processes with open runs, now. One is due every ten seconds; after three that are missed a run is "
        "unresponsive, after OTEL_JOBLOG_LOST_AFTER it is lost.",
        query("health/heartbeats"),
        size=(12, 8),
        nothing="No run is open.",
        overrides=[
            column("Oldest heartbeat", **ages),
            column("Newest heartbeat", **ages),
            column("Unresponsive runs", thresholds=thresholds((1, BAD)), **COLOURED),
        ],
    )


def _progress() -> Json:
    return table(
        "Progress",
        "Of the open runs that tell of it, now. What is left is reckoned at the pace so far.",
        query("health/progress"),
        size=(12, 8),
        nothing="No open run tells how far it has come.",
        overrides=[
            column("Done", unit="percentunit", min=0, max=1, custom__cellOptions={"type": "gauge", "mode": "basic"}),
            column("Job", links=JOB),
            column("Run", links=ANY_RUN),
            *(column(name, unit="s", decimals=0) for name in ("For", "Left at this pace", "Since last progress")),
        ],
    )


_EXPORTER = "otel_component_name"


def _ourselves() -> list[Json]:
    silent = "No metrics: no process exports them to this Prometheus."
    where = "Metrics of processes that have an OpenTelemetry meter provider; see docs/how-it-works.md."
    return [
        time_series(
            "Exporter lag",
            f"Age of the oldest record that waits in a journal, by exporter. {where}",
            [metric("A", f"max by ({_EXPORTER}) (joblog_journal_queue_age_seconds)", f"{{{{{_EXPORTER}}}}}")],
            size=(8, 8),
            unit="s",
            nothing=silent,
            defaults={"thresholds": thresholds((60, WARNING), (300, BAD))},
            points=300,
        ),
        time_series(
            "Journal",
            f"Bytes that wait in the journals, by exporter, and the cap at which lines are given up. {where}",
            [
                metric("A", f"sum by ({_EXPORTER}) (joblog_journal_queue_size_bytes)", f"{{{{{_EXPORTER}}}}}"),
                metric("B", "min(joblog_journal_queue_capacity_bytes)", "cap"),
            ],
            size=(8, 8),
            unit="bytes",
            nothing=silent,
            overrides=[column("cap", color=fixed(BAD), custom__lineStyle={"fill": "dash", "dash": [6, 4]})],
            points=300,
        ),
        time_series(
            "Exported and refused",
            f"Spans and lines taken a second, batches tried again, records refused for ever. {where}",
            [
                metric("A", "sum(rate(otel_sdk_exporter_span_exported_total[$__rate_interval]))", "spans"),
                metric("B", "sum(rate(otel_sdk_exporter_log_exported_total[$__rate_interval]))", "lines"),
                metric("C", "sum(rate(joblog_exporter_retries_total[$__rate_interval]))", "batches again"),
                metric("D", "sum(rate(joblog_exporter_refused_total[$__rate_interval]))", "records refused"),
            ],
            size=(8, 8),
            unit="ops",
            nothing=silent,
            overrides=[column("records refused", color=fixed(BAD))],
            points=300,
        ),
        time_series(
            "Spans through the collector",
            "Spans a second by service, as the collector's span_metrics connector counts them: of all services, "
            "also of those that do not export metrics.",
            [
                metric(
                    "A",
                    "sum by (service_name) (rate(traces_span_metrics_calls_total[$__rate_interval]))",
                    "{{service_name}}",
                )
            ],
            size=(24, 7),
            unit="ops",
            nothing="No span metrics: no collector sends them to this Prometheus.",
            points=300,
        ),
    ]


def _size() -> Json:
    return time_series(
        "Growth of the store",
        "Bytes on disk, indexes included, of the lines, steps and samples of each UTC day.",
        [query("health/size", "time_series")],
        size=(16, 8),
        unit="bytes",
        nothing="Nothing is stored of these days.",
        bars=True,
        calcs=["sum"],
    )


def _size_total() -> Json:
    return table(
        "Size of the store",
        "Bytes on disk, indexes included, of all days together, by what is held.",
        query("health/size_total"),
        size=(8, 8),
        nothing="The schema holds no tables.",
        overrides=[column("On disk", unit="bytes")],
    )
