"""The ingest on a real uvicorn."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from otel_joblog.config import Settings
from otel_joblog.ingest.service import Ingest, create_app
from tests.loopback import serving

__all__ = ["served"]


def served(dsn: str, /, **settings: Any) -> AbstractContextManager[str]:
    """The address of an ingest that writes to that database."""
    return serving(create_app(Ingest(Settings.from_environment({}, **settings), dsn)))
