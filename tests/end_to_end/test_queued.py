"""A run that is put into a queue by one process and started by another, through journals, shippers and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.rows import dict_row

PRODUCER = """
    import json, os, signal, sys
    from otel_joblog import job, queued

    with job("web"):
        print(json.dumps(queued("send", reference="invoice-7", queue="mail")), flush=True)
        if "die" in sys.argv:
            os.kill(os.getpid(), signal.SIGKILL)
"""

WORKER = """
    import json, logging, sys
    from otel_joblog import job

    with job("send", queued=json.loads(sys.argv[1])):
        logging.getLogger("worker").warning("sent")
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def runs(dsn: str) -> dict[str, dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return {row["job"]: row for row in connection.execute("select * from joblog.job_history").fetchall()}


def test_a_run_goes_from_one_process_to_another(run_script: Run, dsn: str) -> None:
    waiting = run_script(PRODUCER, OTEL_JOBLOG_DSN=dsn).stdout
    before = runs(dsn)
    assert (before["send"]["status"], before["send"]["run_id"]) == ("pending", json.loads(waiting)["run_id"])
    assert before["send"]["queue_delay_s"] is None

    run_script(WORKER, waiting, OTEL_JOBLOG_DSN=dsn)
    after = runs(dsn)
    assert (after["send"]["status"], after["send"]["run_id"]) == ("success", before["send"]["run_id"])
    assert after["send"]["pid"] != after["web"]["pid"]
    assert (after["send"]["lines"], after["send"]["reference"]) == (1, "invoice-7")
    assert after["send"]["queued_at"] == before["send"]["queued_at"]
    assert after["send"]["queue_delay_s"] > 0
    assert after["send"]["producer_trace_id"] == after["web"]["trace_id"]
    assert after["send"]["attributes"]["messaging.destination.name"] == "mail"


def test_what_was_queued_by_a_process_that_is_killed_at_once_still_waits_and_starts(run_script: Run, dsn: str) -> None:
    killed = run_script(PRODUCER, "die", check=False, OTEL_JOBLOG_DSN=dsn)
    assert killed.returncode == -9

    run_script("from otel_joblog.cli.main import main; main(['recover'])", OTEL_JOBLOG_DSN=dsn)
    found = runs(dsn)
    assert (found["web"]["status"], found["send"]["status"]) == ("lost", "pending")

    run_script(WORKER, killed.stdout, OTEL_JOBLOG_DSN=dsn)
    assert runs(dsn)["send"]["status"] == "success"


def test_a_start_that_is_told_first_stays(run_script: Run, dsn: str, empty_dsn: str) -> None:
    waiting = run_script(PRODUCER, OTEL_JOBLOG_DSN=empty_dsn).stdout
    run_script(WORKER, waiting, OTEL_JOBLOG_DSN=dsn)
    assert runs(dsn)["send"]["status"] == "success"
    assert runs(dsn)["send"]["queue_delay_s"] > 0
