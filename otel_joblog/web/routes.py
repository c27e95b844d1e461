"""Every address of the viewer. All of them only read."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from . import api, live, pages
from .params import LINE_FILTERS, RUN_FILTERS, SEARCH_FILTERS, Handler, only

__all__ = ["routes"]

STATIC = Path(__file__).parent / "static"


def routes() -> list[BaseRoute]:
    """Each with the parameters that it takes."""
    runs = (*RUN_FILTERS, "after")
    lines = (*LINE_FILTERS, "after", "before")
    job = ("job", "service", "days")
    found = ("q", *SEARCH_FILTERS, "after")
    return [
        _at("/", pages.runs, "runs", *runs),
        _at("/runs/{run_id}", pages.run, "run", *lines, "tail", "at"),
        _at("/runs/{run_id}/lines", live.more_lines, "more_lines", *lines),
        _at("/jobs", pages.jobs, "jobs", "q", "service", "after"),
        _at("/job", pages.job, "job", "job", "service"),
        _at("/errors", pages.errors, "errors", *job),
        _at("/search", pages.search, "search", *found),
        _at("/maintenance", pages.maintenance, "maintenance"),
        _at("/live/runs", live.runs, "live_runs", *runs),
        _at("/live/runs/{run_id}", live.run, "live_run", *lines, "lines"),
        _at("/api/v1/runs", api.runs, "api_runs", *runs, "limit"),
        _at("/api/v1/runs/{run_id}", api.run, "api_run"),
        _at("/api/v1/runs/{run_id}/steps/{span_id}", api.step, "api_step"),
        _at("/api/v1/runs/{run_id}/logs", api.logs, "api_logs", *lines, "tail", "limit"),
        _at("/api/v1/runs/{run_id}/stages", api.stages, "api_stages"),
        _at(
            "/api/v1/tasks/{task_id:path}/logs",
            api.task_logs,
            "api_task_logs",
            "job",
            "service",
            "level",
            "after",
            "limit",
        ),
        _at("/api/v1/jobs", api.jobs, "api_jobs", *job, "q", "after", "limit"),
        _at("/api/v1/statistics", api.statistics, "api_statistics", *job),
        _at("/api/v1/errors", api.errors, "api_errors", *job, "limit"),
        _at("/api/v1/search", api.search, "api_search", *found, "limit"),
        _at("/api/v1/maintenance", api.maintenance, "api_maintenance"),
        _at("/healthz", api.health, "health"),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]


def _at(path: str, handler: Handler, name: str, *parameters: str) -> Route:
    return Route(path, only(handler, *parameters), name=name)
