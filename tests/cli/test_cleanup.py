"""``cleanup`` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.cli.commands import JOBS, Command

TODAY = datetime.now(UTC).date()

AGO = "- interval '100 days'"
AGEING = (
    f"update joblog.job_run set (started_at, ended_at) = (started_at {AGO}, ended_at {AGO})",
    f"update joblog.job_run set (first_at, last_at) = (first_at {AGO}, last_at {AGO})",
    f"update joblog.job_step set started_at = started_at {AGO}",
    f"update joblog.job_log set ts = ts {AGO}",
)


@pytest.fixture
def ran(environment: dict[str, str], dsn: str, tmp_path: Path) -> dict[str, str]:
    """The environment, after a job has succeeded and another failed a hundred days ago."""
    script = tmp_path / "jobs.py"
    script.write_text(JOBS)
    patient = environment | {"OTEL_JOBLOG_EXIT_TIMEOUT": "60"}
    subprocess.run([sys.executable, str(script)], env=patient, check=True, capture_output=True)
    with psycopg.connect(dsn) as connection:
        for statement in AGEING:
            connection.execute(statement)
    return environment


def test_a_dry_run_tells_what_would_go_and_the_clean_up_does_it(
    ran: dict[str, str], otel_joblog: Command, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    told = otel_joblog("cleanup", "--dry-run", "--archive", str(archive)).stdout
    assert "1 run with 1 line would be deleted, 0 of them failed" in told
    assert "1 run with 1 line would stay" in told
    assert told.endswith("Nothing was changed.\n")
    assert "1 run with 1 line deleted" in otel_joblog("cleanup", "--archive", str(archive)).stdout
    assert "export" not in otel_joblog("list").stdout
    (path,) = archive.iterdir()
    told = otel_joblog("import", str(path)).stdout
    assert f"1 run past the retention: kept until {TODAY + timedelta(days=90)}, then cleaned up again." in told
    assert "0 runs" in otel_joblog("cleanup").stdout
    (back,) = json.loads(otel_joblog("list", "--job", "export", "--json").stdout)
    assert "all well" in otel_joblog("show", back["run_id"]).stdout


def test_ages_and_dates_say_what_goes(ran: dict[str, str], otel_joblog: Command) -> None:
    assert "0 runs" in otel_joblog("cleanup", "--before", str(TODAY - timedelta(days=101))).stdout
    assert "0 runs" in otel_joblog("cleanup", "--before", "15w").stdout
    assert "2 runs" in otel_joblog("cleanup", "--before", "1w", "--keep-failures", "30d").stdout
    for bad in ("--before=tomorrow", "--before=2999-01-01", "--keep-failures=long"):
        assert otel_joblog("cleanup", bad, check=False).returncode == 2
    ran["OTEL_JOBLOG_RETENTION"] = "never"
    assert "OTEL_JOBLOG_RETENTION=never" in otel_joblog("cleanup").stdout


def test_never_is_no_day_to_delete_runs_before(ran: dict[str, str], otel_joblog: Command) -> None:
    for word in ("never", " Never "):
        for dry_run in ((), ("--dry-run",)):
            done = otel_joblog("cleanup", *dry_run, "--before", word, check=False)
            assert done.returncode == 2
            assert "`never` is not a day; to delete nothing, do not run cleanup" in done.stderr
    assert len(json.loads(otel_joblog("list", "--json").stdout)) == 2
