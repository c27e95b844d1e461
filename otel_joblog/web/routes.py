"""Every address of the viewer. All of them only read."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from . import api, live, pages

__all__ = ["routes"]

STATIC = Path(__file__).parent / "static"


def routes() -> list[BaseRoute]:
    return [
        Route("/", pages.runs, name="runs"),
        Route("/runs/{run_id}", pages.run, name="run"),
        Route("/runs/{run_id}/lines", live.more_lines, name="more_lines"),
        Route("/jobs", pages.jobs, name="jobs"),
        Route("/job", pages.job, name="job"),
        Route("/errors", pages.errors, name="errors"),
        Route("/search", pages.search, name="search"),
        Route("/maintenance", pages.maintenance, name="maintenance"),
        Route("/live/runs", live.runs, name="live_runs"),
        Route("/live/runs/{run_id}", live.run, name="live_run"),
        Route("/api/v1/runs", api.runs, name="api_runs"),
        Route("/api/v1/runs/{run_id}", api.run, name="api_run"),
        Route("/api/v1/runs/{run_id}/logs", api.logs, name="api_logs"),
        Route("/api/v1/jobs", api.jobs, name="api_jobs"),
        Route("/api/v1/statistics", api.statistics, name="api_statistics"),
        Route("/api/v1/errors", api.errors, name="api_errors"),
        Route("/api/v1/search", api.search, name="api_search"),
        Route("/api/v1/maintenance", api.maintenance, name="api_maintenance"),
        Route("/healthz", api.health, name="health"),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]
