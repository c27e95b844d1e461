"""What shipping imports is there before a job's own code runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from . import receiver

SCRIPT = """
    import json, sys, threading
    elsewhere, main = [], threading.get_ident()

    def note(event, args):
        if event == "import" and threading.get_ident() != main:
            elsewhere.append(args[0])

    sys.addaudithook(note)
    from otel_joblog import flush, job, step
    with job("nightly"):
        there = set(sys.modules)
        with step("load"):
            print("a line")
        assert flush(60)
        later = sorted(set(sys.modules) - there)
    print(json.dumps([elsewhere, later]), file=sys.__stdout__)
"""


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_no_module_is_imported_in_a_thread_of_ours_nor_while_a_job_runs(
    dsn: str, transport: str, tmp_path: Path
) -> None:
    serve: Any = receiver.http if transport == "http" else receiver.over_grpc
    with serve() as received:
        environment = os.environ | {
            "OTEL_JOBLOG_DSN": dsn,
            "OTEL_JOBLOG_STATE_DIR": str(tmp_path),
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if transport == "grpc" else "http/protobuf",
        }
        command = [sys.executable, "-c", dedent(SCRIPT)]
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1]) == [[], []]
    assert received.spans
