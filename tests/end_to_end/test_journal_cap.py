"""An outage longer than the journal's cap: the newest lines are kept, the rest is counted, and the run says so."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SUCCESS = 2  # joblog.job_run.status

PROGRAM = """
    import logging
    from otel_joblog import job, step

    @job
    def endless():
        for number in range(60_000):
            if number % 10_000 == 0:
                with step(f"part {number // 10_000}"):
                    pass
            logging.info("line %06d", number)

    endless()
"""


def test_an_outage_longer_than_the_cap_keeps_the_newest_lines_and_says_what_is_missing(
    run_script: Callable[..., subprocess.CompletedProcess[str]], dsn: str, tmp_path: Path
) -> None:
    parts = conninfo_to_dict(dsn)
    folder = Path(str(parts["host"]))
    if not folder.is_absolute():
        pytest.skip("the door is a link to the server's socket")
    there = {"OTEL_JOBLOG_DSN": make_conninfo(dsn, host=str(tmp_path), port=5432)}

    run_script(PROGRAM, **there, OTEL_JOBLOG_JOURNAL_MAX_BYTES="1MiB")
    (tmp_path / ".s.PGSQL.5432").symlink_to(folder / f".s.PGSQL.{parts.get('port', 5432)}")
    run_script("from otel_joblog.cli.main import main; main(['recover'])", **there)

    with psycopg.connect(dsn) as connection:
        run = connection.execute("select status, lines, lines_emitted, steps from joblog.job_run").fetchone()
        gaps = connection.execute("select sum(lines), min(reason), max(reason) from joblog.job_gap").fetchone()
        last = connection.execute("select max(message) from joblog.job_log").fetchone()
    assert run is not None
    assert gaps is not None
    status, lines, emitted, steps = run
    assert (status, emitted, steps) == (SUCCESS, 60_000, 6)
    assert 1_000 < lines < 20_000
    assert gaps == (60_000 - lines, "dropped at the journal's cap", "dropped at the journal's cap")
    assert last == ("line 059999",)
    shown = run_script("from otel_joblog.cli.main import main; main(['list'])", **there).stdout
    assert f"{60_000 - lines:,} lines missing: dropped at the journal's cap" in shown
