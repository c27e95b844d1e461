"""A schedule from the command that says it to the list that tells when the job is due, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg

from tests.cli.commands import Command
from tests.cli.ptys import on_terminal

AGENT = [sys.executable, "-m", "otel_joblog", "agent"]


def test_an_agent_works_out_when_a_command_is_due_next(
    environment: dict[str, str], otel_joblog: Command, dsn: str
) -> None:
    environment |= {"TZ": "Asia/Kolkata", "OTEL_JOBLOG_EXIT_TIMEOUT": "60"}
    soon = datetime.now(UTC) + timedelta(hours=5, minutes=30 + 150)  # by the clocks of Kolkata, in two hours and a half
    otel_joblog("run", "--name", "nightly", "--schedule", f"{soon.minute} {soon.hour} * * *", "--", "true")
    otel_joblog("recover")
    with (
        subprocess.Popen(AGENT, env=environment, stdout=subprocess.DEVNULL) as agent,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        try:
            for _ in range(1_000):
                if connection.execute("select 1 from joblog.job_schedules where next_due_at > now()").fetchone():
                    break
                connection.execute("select pg_sleep(0.05)")
        finally:
            agent.terminate()
    (job,) = json.loads(otel_joblog("jobs", "--json").stdout)
    assert (job["timezone"], job["last_due_verdict"], job["missed_7d"]) == ("Asia/Kolkata", None, 0)
    expected = (soon - timedelta(hours=5, minutes=30)).replace(second=0, microsecond=0)
    assert datetime.fromisoformat(job["next_due_at"]) == expected
    assert "  in 2 h  " in on_terminal([sys.executable, "-m", "otel_joblog", "jobs"], environment, 120)
