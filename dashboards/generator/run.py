"""One run: its steps, lines, attributes and trace."""

from __future__ import annotations

from .board import SOURCES, asked, dashboard, textbox
from .colours import BAD, GOOD, NEUTRAL, WARNING, mappings, thresholds
from .links import ONE_RUN, address
from .panels import column, logs, panel, stat, table
from .sources import Json, query, trace

__all__ = ["run"]

NO_RUN = "There is no such run: come here from a table of runs, or give the whole id of one above."


def run() -> Json:
    return dashboard(
        ONE_RUN,
        "One run",
        "A run's steps, lines, attributes and trace.",
        [_summary(), _error(), _timeline(), _steps(), _attributes(), _lines(), _trace()],
        [
            *SOURCES,
            textbox("run", "Run", "", "The whole id of a run: 32 and 16 digits, as tables of runs have it."),
            asked("trace", "Trace", "The trace of the run", several=False),
        ],
        since="now-24h",
        refresh="10s",
    )


def _summary() -> Json:
    words = ["Status", "Job", "Service", "About"]
    return stat(
        "Run",
        "State, duration so far, and what the store has of it beside what it says it emitted.",
        query("run/summary"),
        width=24,
        overrides=[
            column("Status", mappings=mappings()),
            *(column(word, unit="string") for word in words),
            column("Started", unit="dateTimeAsLocal"),
            column("Took", unit="s", decimals=1),
            column("Bytes", unit="decbytes", decimals=1),
            column("Warnings", thresholds=thresholds((1, WARNING))),
            column("Error lines", thresholds=thresholds((1, BAD))),
            column("Exit status", thresholds=thresholds((1, BAD))),
        ],
        defaults={
            "thresholds": thresholds(base=GOOD),
            "links": [address("Its page in the viewer", "${viewer}/runs/${run:percentencode}", outside=True)],
        },
    )


def _error() -> Json:
    wrapped = {"type": "auto", "wrapText": True}
    return table(
        "Error",
        "What it failed by, with the traceback.",
        query("run/error"),
        size=(24, 7),
        nothing="It did not fail by an exception.",
        overrides=[
            column("Type", custom__width=180),
            column("Message", custom__cellOptions=wrapped, custom__width=420),
            column("Traceback", custom__cellOptions=wrapped, custom__inspect=True),
        ],
    )


def _timeline() -> Json:
    return panel(
        "state-timeline",
        "Steps over time",
        "The first 200 steps, each from its start to its end, with the word of its state. The panel shows the time "
        "chosen above: the link of a run's table cell chooses that of the run.",
        [query("run/timeline", "time_series")],
        size=(24, 12),
        unit="none",
        nothing=NO_RUN,
        options={
            "showValue": "auto",
            "rowHeight": 0.8,
            "mergeValues": True,
            "alignValue": "left",
            "perPage": 20,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
        defaults={
            "mappings": mappings(by_code=True, ended=True),
            "thresholds": thresholds(base=NEUTRAL),
            "color": {"mode": "thresholds"},
            "custom": {"fillOpacity": 80, "lineWidth": 0, "spanNulls": True},
        },
    )


def _steps() -> Json:
    return table(
        "Steps",
        "In the order in which they began, the first 1,000.",
        query("run/steps"),
        size=(14, 12),
        nothing="It has no steps.",
        overrides=[column("Started", unit="dateTimeAsLocal"), column("Took", unit="s", decimals=3)],
    )


def _attributes() -> Json:
    return table(
        "Attributes",
        "What the run was given and told of itself, by name.",
        query("run/attributes"),
        size=(10, 12),
        nothing=NO_RUN,
        overrides=[column("Value", custom__inspect=True)],
    )


def _lines() -> Json:
    return logs(
        "Lines",
        "The last 1,000 lines, the newest first; the run's page in the viewer has all of them.",
        query("run/lines"),
        size=(24, 14),
        nothing="It has no lines.",
    )


def _trace() -> Json:
    return panel(
        "traces",
        "Trace",
        "The run and all that it caused, as Jaeger has it: runs go there by OTLP only.",
        [trace("${trace}")],
        size=(24, 14),
        unit="none",
        nothing="Jaeger does not have this trace.",
        options={},
    )
