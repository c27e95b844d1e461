"""Lines after the end of their run: told by the command line, on its page, by the API and in SQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

PROGRAM = """
    import threading
    from otel_joblog import job, step

    ended = threading.Event()

    def work(number):
        ended.wait()
        print(f"late {number}\\n", end="")

    with job("batch"):
        with step("submit"):
            threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
            for thread in threads:
                thread.start()
        print("in time")
    ended.set()
"""


def test_lines_after_the_end_of_their_run_are_told_wherever_it_is(
    run_script: Callable[..., subprocess.CompletedProcess[str]], dsn: str, tmp_path: Path
) -> None:
    run_script(PROGRAM, OTEL_JOBLOG_DSN=dsn)
    with psycopg.connect(dsn) as connection:
        told = connection.execute("select lines, lines_emitted, lines_after_end, status from joblog.job_history")
        assert told.fetchall() == [(4, 4, 3, "success")]
        lines = connection.execute(
            "select split_part(message, ' ', 1), seq > 4294967295, attributes ->> 'joblog.step' from joblog.job_lines"
        ).fetchall()
        ((run_id,),) = connection.execute("select run_id from joblog.job_history").fetchall()
    assert sorted(lines) == [("in", False, None), *[("late", True, "submit")] * 3]

    def show(*options: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        variables = {"OTEL_JOBLOG_DSN": dsn, "OTEL_JOBLOG_STATE_DIR": str(tmp_path / "viewer")}
        command = [sys.executable, "-m", "otel_joblog", "show", run_id, *options]
        return subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=True).stdout

    assert "4 of 4 lines, 3 after its end" in show()
    as_object = json.loads(show("--json"))
    assert (as_object["lines_after_end"], as_object["lines_emitted"], as_object["missing"]) == (3, 4, None)
