"""Templates: Jinja2 with escaping always on, our filters, and links that keep the filters of the page they are on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ..store.read.reader import line_key
from . import format as words
from .terminal import fold, in_sight, painted
from .traces import Traces
from .usage import step_cpu, step_growth

__all__ = ["Templates"]

HERE = Path(__file__).parent

FILTERS = {
    "ago": words.ago,
    "coarse": words.coarse,
    "clock": words.clock,
    "count": words.count,
    "cpu": step_cpu,
    "duration": words.duration,
    "rough": words.rough,
    "facts": words.facts,
    "fold": fold,
    "going_on": words.going_on,
    "growth": step_growth,
    "iso": words.iso,
    "key": line_key,
    "line_number": words.line_number,
    "lines_of": words.lines,
    "number": words.number,
    "offset": words.offset,
    "painted": painted,
    "percent": words.percent,
    "pretty": words.pretty,
    "progress": words.progress,
    "size": words.size,
    "usual": words.usual,
    "utc": words.utc,
}


class Templates:
    """Renders pages and fragments; one for the life of an application."""

    def __init__(self, trace_url: str | None = None) -> None:
        self._environment = Environment(
            loader=FileSystemLoader([HERE / "pages", HERE / "shared"]),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=in_sight,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= FILTERS
        self._environment.globals["traces"] = Traces(trace_url)

    def page(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        links = Links(request)
        html = self._environment.get_template(template).render(
            path=links.path,
            query=links.query,
            here=links.here,
            now=datetime.now(UTC),
            person=request.state.person,
            **context,
        )
        return HTMLResponse(html, status)


class Links:
    """Addresses as a template needs them: relative to the host, under whatever prefix the application is mounted."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def path(self, name: str, /, **parameters: str) -> str:
        return self._request.url_for(name, **parameters).path

    @property
    def here(self) -> str:
        """The name of the page's route; empty where there is none."""
        return getattr(self._request.scope.get("route"), "name", "") or ""

    def query(self, **changes: str | int | None) -> str:
        """This request's query with some parameters replaced or, by None, removed; empty or with its question mark."""
        kept = [(key, value) for key, value in self._request.query_params.multi_items() if key not in changes and value]
        return "?" + urlencode(kept + [(key, value) for key, value in changes.items() if value is not None])
