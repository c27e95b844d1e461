"""``delete`` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.cli.commands import JOBS, Command

OPEN = """
import os
from otel_joblog import flush, job

with job("endless") as run:
    print("still here")
    flush(30)
    print(run.run_id)
    os._exit(0)
"""


@pytest.fixture
def ran(environment: dict[str, str], tmp_path: Path) -> list[dict[str, str]]:
    script = tmp_path / "jobs.py"
    script.write_text(JOBS)
    patient = environment | {"OTEL_JOBLOG_EXIT_TIMEOUT": "60"}  # all is shipped, however busy the machine
    subprocess.run([sys.executable, str(script)], env=patient, check=True, capture_output=True)
    done = [sys.executable, "-m", "otel_joblog", "list", "--json"]
    listed = json.loads(subprocess.run(done, env=environment, check=True, capture_output=True).stdout)
    assert {run["job"] for run in listed} == {"import", "export"}
    return listed


def runs(otel_joblog: Command) -> list[str]:
    return sorted(run["job"] for run in json.loads(otel_joblog("list", "--json").stdout))


def test_a_run_is_deleted_once_that_was_confirmed(ran: list[dict[str, str]], otel_joblog: Command) -> None:
    run_id = next(run["run_id"] for run in ran if run["job"] == "import")
    told = otel_joblog("delete", "run", run_id).stdout
    assert "1 run with" in told
    assert told.endswith("and 1 step would go. Nothing was changed: say --yes to delete.\n")
    assert runs(otel_joblog) == ["export", "import"]
    assert "and 1 step deleted." in otel_joblog("delete", "run", run_id, "--yes").stdout
    assert runs(otel_joblog) == ["export"]
    gone = otel_joblog("delete", "run", run_id, "--yes", check=False)
    assert (gone.returncode, "no run's id begins with" in gone.stderr) == (1, True)


def test_a_job_is_deleted_with_its_statistics(ran: list[dict[str, str]], otel_joblog: Command) -> None:
    assert "would go" in otel_joblog("delete", "job", "export").stdout
    assert "1 run with 1 line and 0 steps deleted." in otel_joblog("delete", "job", "export", "--yes").stdout
    assert "export" not in otel_joblog("jobs").stdout
    assert "no job 'export'" in otel_joblog("delete", "job", "export", check=False).stderr


def test_a_run_that_goes_on_is_deleted_by_force_only(
    environment: dict[str, str], otel_joblog: Command, dsn: str, tmp_path: Path
) -> None:
    script = tmp_path / "endless.py"
    script.write_text(OPEN)
    done = subprocess.run([sys.executable, str(script)], env=environment, check=True, capture_output=True, text=True)
    run_id = done.stdout.split()[-1]
    with psycopg.connect(dsn, autocommit=True) as connection:  # as long as nobody has noticed that it died
        connection.execute("update joblog.job_run set status = 1, ended_at = null")
    for what in (("run", run_id), ("job", "endless")):
        refused = otel_joblog("delete", *what, "--yes", check=False)
        assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    assert "deleted" in otel_joblog("delete", "run", run_id, "--yes", "--force").stdout


def test_who_may_only_write_is_told_to_ask_the_owner(
    ran: list[dict[str, str]], environment: dict[str, str], otel_joblog: Command, dsn: str
) -> None:
    otel_joblog("migrate", "--roles")
    name = "joblog_test_deletes_nothing"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create role {name} login password 'secret' in role joblog_writer, joblog_reader")
        try:
            environment["OTEL_JOBLOG_DSN"] = make_conninfo(dsn, user=name, password="secret")
            for what in (("run", ran[0]["run_id"]), ("job", "export")):
                refused = otel_joblog("delete", *what, "--yes", check=False)
                assert refused.stderr == "Error: this login does not own the tables: delete as the one who does\n"
        finally:
            connection.execute(f"drop role {name}")
