"""Jobs in processes of their own, a real OTLP receiver, a real database."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.export.receiver import Receiver, http


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run_script(tmp_path: Path, state_dir: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python source as a program, with the settings given as variables."""

    def run(source: str, *arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(source))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            env=kept | {"OTEL_JOBLOG_STATE_DIR": str(state_dir)} | variables,
            capture_output=True,
            text=True,
            timeout=100,
            check=check,
        )

    return run


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http() as receiver:
        yield receiver
