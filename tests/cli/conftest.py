"""Commands as a user types them, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Command


@pytest.fixture
def environment(dsn: str, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    state = tmp_path / "state"
    return kept | {"OTEL_JOBLOG_DSN": dsn, "OTEL_JOBLOG_STATE_DIR": str(state), "OTEL_SERVICE_NAME": "shop"}


@pytest.fixture
def otel_joblog(environment: dict[str, str]) -> Command:
    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "otel_joblog", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run
