"""Every address of the viewer, with the role that it needs: who only looks needs ``VIEWER``, who changes something
``OPERATOR``."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from .api import events as api_events
from .api import export as api_export
from .api import jobs as api_jobs
from .api import lines as api_lines
from .api import runs as api_runs
from .api import upkeep as api_upkeep
from .auth.guard import Guarded
from .auth.roles import Role
from .pages.compare import view as compare_page
from .pages.errors import view as errors_page
from .pages.job import view as job_page
from .pages.jobs import view as jobs_page
from .pages.maintenance import view as maintenance_page
from .pages.run import text as run_text
from .pages.run import view as run_page
from .pages.runs import view as runs_page
from .pages.search import view as search_page
from .pages.sign_in import view as sign_in_page
from .params import LINE_FILTERS, RUN_FILTERS, SEARCH_FILTERS, Handler, only

__all__ = ["routes"]

STATIC = Path(__file__).parent / "static"


def routes() -> list[BaseRoute]:
    """Each with the parameters that it takes."""
    runs = (*RUN_FILTERS, "after")
    lines = (*LINE_FILTERS, "after", "before")
    tree = ("tab", "unfold", "group", "wrap")
    job = ("job", "service", "days")
    found = ("q", *SEARCH_FILTERS, "after")
    return [
        _at("/", runs_page.page, "runs", *runs),
        _at("/runs/{run_id}", run_page.page, "run", *lines, "tail", "at", *tree),
        _at("/runs/{run_id}/lines", run_page.more_lines, "more_lines", *lines, "tail", "at"),
        _at("/runs/{run_id}/lines.txt", run_text.text, "lines_text", *LINE_FILTERS, "times", "download"),
        _at("/runs/{run_id}/compare", compare_page.page, "compare"),
        _at("/runs/{run_id}/compare/{other}", compare_page.page, "compare_with"),
        _at("/jobs", jobs_page.page, "jobs", "q", "service", "after"),
        _at("/job", job_page.page, "job", "job", "service"),
        _at("/errors", errors_page.page, "errors", *job),
        _at("/search", search_page.page, "search", *found),
        _at("/maintenance", maintenance_page.page, "maintenance"),
        _at("/live/runs", runs_page.live, "live_runs", *RUN_FILTERS, "open", "newest"),
        _at("/live/runs/{run_id}", run_page.live, "live_run", *lines, "lines", *tree),
        _at("/api/v1/runs", api_runs.runs, "api_runs", *runs, "limit"),
        _at("/api/v1/runs.csv", api_export.runs_csv, "api_runs_csv", *runs),
        _at("/api/v1/runs.json", api_export.runs_json, "api_runs_json", *runs),
        _at("/api/v1/runs/histogram", api_runs.histogram, "api_histogram", *RUN_FILTERS),
        _at("/api/v1/runs/{run_id}", api_runs.run, "api_run"),
        _at("/api/v1/runs/{run_id}/steps/{span_id}", api_runs.step, "api_step"),
        _at("/api/v1/runs/{run_id}/logs", api_lines.logs, "api_logs", *lines, "tail", "limit"),
        _at("/api/v1/runs/{run_id}/compare", api_runs.compare, "api_compare"),
        _at("/api/v1/runs/{run_id}/compare/{other}", api_runs.compare, "api_compare_with"),
        _at("/api/v1/runs/{run_id}/matches", api_lines.matches, "api_matches", *LINE_FILTERS, "after", "limit"),
        _at("/api/v1/runs/{run_id}/problems", api_lines.problems, "api_problems"),
        _at("/api/v1/runs/{run_id}/stages", api_lines.stages, "api_stages"),
        _at(
            "/api/v1/tasks/{task_id:path}/logs",
            api_lines.task_logs,
            "api_task_logs",
            "job",
            "service",
            "level",
            "after",
            "limit",
        ),
        _at("/api/v1/jobs", api_jobs.jobs, "api_jobs", *job, "q", "after", "limit"),
        _at("/api/v1/statistics", api_jobs.statistics, "api_statistics", *job),
        _at("/api/v1/errors", api_jobs.errors, "api_errors", *job, "limit"),
        _at("/api/v1/search", api_lines.search, "api_search", *found, "limit"),
        _at("/api/v1/events", api_events.events, "api_events", "run", "job", "service"),
        _at("/api/v1/maintenance", api_upkeep.maintenance, "api_maintenance"),
        _at("/healthz", api_upkeep.health, "health", role=None),
        _at("/sign-in", sign_in_page.page, "sign_in", "next", role=None),
        _at("/sign-in", sign_in_page.sign_in, "sign_in_form", role=None, method="POST"),
        _at("/sign-out", sign_in_page.sign_out, "sign_out", method="POST"),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]


def _at(
    path: str,
    handler: Handler,
    name: str,
    *parameters: str,
    role: Role | None = Role.VIEWER,
    method: str = "GET",
) -> Guarded:
    return Guarded(path, only(handler, *parameters), name=name, role=role, methods=[method])
