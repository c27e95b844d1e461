"""Output that was never meant for a log: it arrives whole, pages and commands show it sanely, and nothing breaks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import psycopg
import pytest

PROGRAM = r"""
    import logging, sys
    from rich.progress import track
    from otel_joblog import job

    sys.stdout.reconfigure(errors="surrogateescape")

    @job
    def hostile():
        print("\x1b[1;31mred\x1b[0m and \x1b]0;a title\x07plain")
        print("nul \x00 bell \x07 backspace \x08")
        print("lone \udce9 surrogate")
        print("binary " + bytes(range(128, 256)).decode("utf-8", "surrogateescape"))
        logging.warning("logged %s", b"\xff\xfe\x00".decode("latin-1"))
        for number in range(1000):
            print(f"\rloading {number} %", end="")
        print()
        for _ in track(range(100), "rich"):
            pass
        print("<script>alert(1)</script> & 'quotes'")
        print("y" * 50_000_000)
        print("the end")

    hostile()
"""


@pytest.fixture
def hostile(dsn: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a command, after the job has run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment = kept | {"OTEL_JOBLOG_DSN": dsn, "OTEL_JOBLOG_STATE_DIR": str(tmp_path / "state")}
    environment["OTEL_JOBLOG_EXIT_TIMEOUT"] = "60"
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert b"otel_joblog" not in done.stderr
    assert b"lone \xe9 surrogate\n" in done.stdout  # what was printed went out as it was
    return environment


def test_everything_arrives_and_is_shown_sanely(hostile: dict[str, str], dsn: str, web: httpx.Client) -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select left(message, 200), length(message) from joblog.job_log order by seq")
        lines = rows.fetchall()
        row = connection.execute("select lines, lines_emitted, status from joblog.job_run").fetchone()
    messages = [message for message, _ in lines]
    assert row is not None
    assert row[0] == row[1] == len(lines)
    assert ("y" * 200, 50_000_000) in lines
    assert messages[-1] == "the end"
    assert "loading 999 %" in messages
    assert not [message for message in messages if "loading 998" in message]
    assert "lone \\udce9 surrogate" in messages

    run_id = web.get("/api/v1/runs").json()["items"][0]["run_id"]
    page = web.get(f"/runs/{run_id}")
    assert page.status_code == 200
    assert len(page.content) < 5_000_000  # the line of 50 MB does not come with the page
    assert "<script>alert(1)</script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", page.text.replace("\r", ""))
    logs = web.get(f"/api/v1/runs/{run_id}/logs")
    assert logs.status_code == 200

    shown = subprocess.run(
        [sys.executable, "-m", "otel_joblog", "show", run_id], env=hostile, capture_output=True, timeout=100, check=True
    )
    assert b"the end" in shown.stdout
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", shown.stdout)  # it goes to no terminal: nothing acts on one
