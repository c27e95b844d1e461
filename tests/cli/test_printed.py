"""What commands print of one known history, on terminals of three widths and in a pipe: files in ``snapshots/``.

``UPDATE_SNAPSHOTS=1`` writes them anew. Look at each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from otel_joblog.cli import errors, jobs, runs, search
from otel_joblog.cli.printing.times import Zone
from tests.cli.known import MIDNIGHT, tell
from tests.cli.ptys import on_terminal

SNAPSHOTS = Path(__file__).parent / "snapshots"
COMMANDS_DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"

# The program with a clock that stands still, for "5 min ago".
AT_MIDNIGHT = f"""
import datetime
from otel_joblog.cli import main
from otel_joblog.cli.printing import times
times.now = lambda: datetime.datetime.fromisoformat("{MIDNIGHT.isoformat()}")
main()
"""

COMMANDS = {
    "list": ["list", "--utc"],
    "list-failed": ["list", "--status", "failed", "--type", "cron"],
    "show": ["show", "3f9a1c20", "--lines", "5"],
    "show-running": ["show", "e40f0011", "--utc"],
    "jobs": ["jobs"],
    "errors": ["errors"],
    "search": ["search", "disk full", "--utc"],
}


@pytest.fixture(scope="module")
def known(module_dsn: str) -> str:
    tell(module_dsn)
    return module_dsn


@pytest.fixture
def variables(known: str, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    ours = {"OTEL_JOBLOG_DSN": known, "OTEL_JOBLOG_STATE_DIR": str(tmp_path), "TZ": "Asia/Kolkata"}
    return kept | ours | {"PYTHONIOENCODING": "utf-8"}


@pytest.mark.parametrize("width", [80, 100, 120, None], ids=lambda width: str(width or "piped"))
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_what_was_looked_at(name: str, width: int | None, variables: dict[str, str]) -> None:
    command = [sys.executable, "-c", AT_MIDNIGHT, *COMMANDS[name]]
    if width:
        printed = on_terminal(command, variables, width)
    else:
        printed = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout
    printed = dated(printed)
    path = SNAPSHOTS / f"{name}-{width or 'piped'}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(printed)
    assert printed == path.read_text()


def dated(printed: str) -> str:
    """Midnight is that of 3 November 2026."""
    for days in range(-2, 3):
        for form in ("%Y-%m-%d", "%Y%m%d"):
            day, said = MIDNIGHT + timedelta(days=days), MIDNIGHT.replace(2026, 11, 3) + timedelta(days=days)
            printed = printed.replace(day.strftime(form), said.strftime(form))
    return printed


def test_the_document_names_the_fields_in_their_order() -> None:
    rows = dict(
        re.findall(r"^\| `(list|jobs|errors|search)` \| (`.*`) \|$", COMMANDS_DOCUMENT.read_text(), re.MULTILINE)
    )
    utc = Zone.of("UTC")
    listings = {
        "list": runs.listing([], utc, MIDNIGHT),
        "jobs": jobs.listing(MIDNIGHT),
        "errors": errors.listing(MIDNIGHT),
        "search": search.listing([], utc),
    }
    assert rows == {name: ", ".join(f"`{field}`" for field in listing.fields) for name, listing in listings.items()}
