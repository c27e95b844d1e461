"""A template as the answer to a request."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["render"]


def render(request: Request, template: str, **context: object) -> Response:
    """``template`` by its path below ``pages/`` or ``shared/``, as in ``runs/page.html``."""
    response: Response = request.state.templates.page(request, template, **context)
    return response
