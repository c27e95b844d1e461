"""A job is run before OTEL_JOBLOG_DSN is set: what waits for the other place is told, and sent or given up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from otel_joblog.journal import locks
from otel_joblog.journal.folders import journal_folders
from otel_joblog.journal.standby import agent_lock
from tests.cli.commands import JOBS, Command

EMBEDDED = "postgres-embedded"


@pytest.fixture
def journals(environment: dict[str, str], tmp_path: Path) -> Path:
    """Of two runs, export and import, that were recorded while no database was named, for the embedded one."""
    before = {name: value for name, value in environment.items() if name != "OTEL_JOBLOG_DSN"}
    subprocess.run([sys.executable, "-c", JOBS], env=before, check=True, capture_output=True, timeout=60)
    return tmp_path / "state" / "journal"


def stored(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [name for (name,) in connection.execute("select name from joblog.job_run order by name")]


def test_the_list_names_destination_amount_age_and_runs(otel_joblog: Command, journals: Path) -> None:
    said = otel_joblog("journal", "list").stdout
    assert said.startswith(f"{EMBEDDED}  the embedded PostgreSQL of this state folder\n")
    assert "of 1 journal, for " in said
    assert "; nothing here ships to it\n  export " in said
    (told,) = json.loads(otel_joblog("journal", "list", "--json").stdout)
    assert (told["destination"], told["here"], told["journals"]) == (EMBEDDED, False, 1)
    assert [run["job"] for run in told["runs"]] == ["export", "import"]
    assert told["runs"][0]["run_id"][:8] in said


def test_recover_and_doctor_say_what_to_do_instead_of_going_in_a_circle(otel_joblog: Command, journals: Path) -> None:
    for word in ("recover", "doctor"):
        done = otel_joblog(word, check=False)
        said = done.stdout + done.stderr
        assert "for the embedded PostgreSQL of this state folder, which nothing here ships to (export " in said
        assert f"`otel-joblog journal send {EMBEDDED}`" in said
        assert "set OTEL_JOBLOG_DSN" not in said
    assert otel_joblog("recover", check=False).returncode == 1


def test_doctor_names_an_agent_that_is_stopped(otel_joblog: Command, journals: Path, dsn: str) -> None:
    lock = agent_lock(journals, "postgres-shop@db:5432")
    with locks.held(lock, exclusive=True):
        os.utime(lock, (0, 0))
        assert "✗ agent        the agent that ships to the database shop on db:5432 shows no sign of life" in (
            otel_joblog("doctor", check=False).stdout
        )


def test_what_is_sent_is_stored_here(otel_joblog: Command, journals: Path, dsn: str) -> None:
    assert otel_joblog("journal", "send", "embedded").stdout.startswith("1 journal sent to the database ")
    assert stored(dsn) == ["export", "import"]
    assert journal_folders(journals) == []
    assert otel_joblog("journal", "list").stdout == "Nothing waits: everything is shipped.\n"
    assert otel_joblog("recover").stdout == "0 of 0 journals of dead processes shipped.\n"


def test_what_is_dropped_is_gone_when_that_was_confirmed(
    otel_joblog: Command, journals: Path, dsn: str, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "otel_joblog", "journal", "drop", EMBEDDED]
    refused = subprocess.run(command, env=environment, input="n\n", capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "of 1 journal that wait for the embedded PostgreSQL" in refused.stdout
    assert len(journal_folders(journals)) == 1
    assert otel_joblog("journal", "drop", EMBEDDED, "--yes").stdout == "1 journal dropped.\n"
    assert journal_folders(journals) == []
    assert stored(dsn) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("send", "nowhere"), "nothing waits for 'nowhere': give one of postgres-embedded"),
        (("drop", "nowhere"), "nothing waits for 'nowhere': give one of postgres-embedded"),
    ],
)
def test_an_unknown_destination_is_answered_with_those_there_are(
    arguments: tuple[str, ...], why: str, otel_joblog: Command, journals: Path
) -> None:
    done = otel_joblog("journal", *arguments, check=False)
    assert (done.returncode, done.stderr) == (1, f"Error: {why}\n")


def test_what_goes_to_where_it_is_shipped_anyway_is_left_to_recover(
    otel_joblog: Command, journals: Path, environment: dict[str, str]
) -> None:
    del environment["OTEL_JOBLOG_DSN"]
    done = otel_joblog("journal", "send", EMBEDDED, check=False)
    assert done.returncode == 1
    assert "`otel-joblog recover` does it" in done.stderr


def test_a_retired_collectors_debt_is_told_and_dropped_alone(
    otel_joblog: Command, environment: dict[str, str], tmp_path: Path, dsn: str
) -> None:
    retired = environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_JOBLOG_EXIT_TIMEOUT": "60"}
    subprocess.run([sys.executable, "-c", JOBS], env=retired, check=True, capture_output=True, timeout=100)
    assert (
        "for the OTLP endpoint localhost:1, which nothing here ships to" in otel_joblog("recover", check=False).stderr
    )
    assert otel_joblog("journal", "drop", "otlp", "--yes").stdout == "1 journal dropped.\n"
    assert stored(dsn) == ["export", "import"]
    assert journal_folders(tmp_path / "state" / "journal") == []
