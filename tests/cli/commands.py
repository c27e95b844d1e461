"""What tests of commands share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

__all__ = ["JOBS", "Command"]

Command = Callable[..., subprocess.CompletedProcess[str]]

JOBS = """
from otel_joblog import job, step

@job("import", reference="2026-11-03")
def load():
    print("said before the fall")
    with step("parse"):
        int("x")

@job("export")
def export():
    print("all well")

export()
try:
    load()
except ValueError:
    pass
"""
