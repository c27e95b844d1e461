"""A dashboard around its panels: variables, links, time."""

from __future__ import annotations

from collections.abc import Sequence

from .colours import STATUS
from .links import PAGES
from .panels import layout
from .sources import STORE, Json, sql

__all__ = ["JOBS", "SOURCES", "chosen", "dashboard", "textbox"]


def dashboard(
    uid: str,
    title: str,
    description: str,
    panels: Sequence[Json],
    variables: Sequence[Json],
    *,
    since: str,
    refresh: str = "1m",
    annotations: Sequence[Json] = (),
) -> Json:
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["otel-joblog"],
        "schemaVersion": 42,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": since, "to": "now"},
        "timepicker": {},
        "refresh": refresh,
        "fiscalYearStartMonth": 0,
        "links": PAGES[uid],
        "annotations": {"list": list(annotations)},
        "templating": {"list": list(variables)},
        "panels": layout(panels),
    }


def _source(name: str, label: str, kind: str, uid: str) -> Json:
    return {
        "type": "datasource",
        "name": name,
        "label": label,
        "query": kind,
        "current": {"text": uid, "value": uid},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }


def textbox(name: str, label: str, default: str, description: str) -> Json:
    current = {"text": default, "value": default}
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "description": description,
        "query": default,
        "current": current,
        "options": [current | {"selected": True}],
        "hide": 0,
    }


def asked(name: str, label: str, description: str, *, several: bool = True) -> Json:
    """A variable whose values the store is asked for, again when the time changes."""
    everything = {"text": ["All"], "value": ["$__all"]}
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": STORE,
        "query": sql(f"variables/{name}"),
        "refresh": 2,
        "sort": 0,
        "regex": "",
        "multi": several,
        "includeAll": several,
        "current": everything if several else {"text": "", "value": ""},
        "options": [],
        "hide": 0 if several else 2,
    }


def chosen(name: str, label: str, description: str, values: Sequence[str]) -> Json:
    everything = {"text": ["All"], "value": ["$__all"]}
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "description": description,
        "query": ",".join(values),
        "multi": True,
        "includeAll": True,
        "current": everything,
        "options": [
            {"text": "All", "value": "$__all", "selected": True},
            *({"text": value, "value": value, "selected": False} for value in values),
        ],
        "hide": 0,
    }


SOURCES = [
    _source("store", "Store", "grafana-postgresql-datasource", "joblog-postgres"),
    _source("traces", "Traces", "jaeger", "joblog-jaeger"),
    textbox("viewer", "Viewer", "http://127.0.0.1:8765", "Where `otel-joblog serve` is found, for links to its pages."),
]
METRICS = _source("metrics", "Metrics", "prometheus", "joblog-prometheus")

JOBS = [
    asked("service", "Service", "service.name of the jobs"),
    asked("type", "Type", "How the jobs are run: cron, queue, …"),
    asked("trigger", "Trigger", "What made the runs start: schedule, api, …"),
    asked("job", "Job", "Jobs of the chosen services, types and triggers"),
]
STATUS_OF_RUNS = chosen("status", "Status", "States of runs", list(STATUS))
