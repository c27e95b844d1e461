"""Writes the dashboards' JSON: ``python -m dashboards.generator`` from the root of the repository.

A dashboard is a function that returns plain dicts in the form of Grafana's dashboard JSON (schema version 42). What the
panels ask is in ``../sql``, one file a panel, as it is sent to Grafana: with its macros and variables.
"""

from __future__ import annotations

import json
from pathlib import Path

from .errors import errors
from .health import health
from .history import history
from .run import run

__all__ = ["FOLDER", "rendered"]

FOLDER = Path(__file__).parent.parent


def rendered() -> dict[str, str]:
    """The text of each dashboard by the name of its file."""
    boards = (history(), errors(), health(), run())
    return {f"{board['uid']}.json": json.dumps(board, indent=2, ensure_ascii=False) + "\n" for board in boards}
