"""A viewer on a real uvicorn."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from otel_joblog.cli.serving.server import make_server
from otel_joblog.web.app import create_app
from tests.loopback import serving

__all__ = ["served"]


def served(dsn: str, **options: Any) -> AbstractContextManager[str]:
    """The address of a viewer of that database."""
    return serving(create_app(dsn, **options), make_server)
