"""A job full of secrets: they are printed as ever, and found neither in the state folder nor in the database."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

SECRETS = """
import logging, os, sys
from opentelemetry import trace
from otel_joblog import job, progress, step

log = logging.getLogger("app")
key = "AKIA" + "HUNTER2HUNTER2XY"

@job(attributes={"db.password": "hunter2-attribute"}, reference=lambda user, **_: f"https://{user}:hunter2-url@example.org/")
def import_orders(user, password):
    print("connecting with password=hunter2-print")
    print("Authorization: Bearer hunter2-header", file=sys.stderr)
    log.info("connecting to postgresql://joe:hunter2-dsn@db/x with %s", key)
    more = {"api_key": "hunter2-extra", "argv": ["--token", "hunter2-args"]}
    log.warning("login %r", {"password": "hunter2-json"}, extra=more)
    trace.get_current_span().add_event("sent", {"cookie": "hunter2-event"})
    progress(1, unit="token=hunter2-unit")
    with step("log in with secret=hunter2-step"):
        with trace.get_tracer("http").start_as_current_span("GET", attributes={"url.full": "https://a:hunter2-span@b/"}):
            pass
    raise RuntimeError("could not log in: password: 'hunter2-error'")

try:
    import_orders("joe", "hunter2")
except RuntimeError:
    log.exception("failed")
with job("goes on", attributes={"token": "hunter2-open"}):
    log.info("x" * 9_000_000)  # the next segment repeats what is open
    log.info("y")
    sys.stdout.flush()
    if "die" in sys.argv:
        os._exit(7)
"""


def test_no_secret_is_in_the_journal(
    run_script: Callable[..., subprocess.CompletedProcess[str]], state_dir: Path
) -> None:
    done = run_script(SECRETS, "die", check=False, OTEL_JOBLOG_DSN="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 7
    assert "password=hunter2-print" in done.stdout
    assert "hunter2-header" in done.stderr
    assert list(state_dir.rglob("00000002.seg"))
    assert grep("connecting with password=.redacted.", state_dir)
    assert not grep("hunter2", state_dir)


def test_no_secret_is_in_postgres(run_script: Callable[..., subprocess.CompletedProcess[str]], dsn: str) -> None:
    run_script(SECRETS, OTEL_JOBLOG_DSN=dsn, OTEL_JOBLOG_EXIT_TIMEOUT="60")
    stored = everything_in(dsn)
    assert "hunter2" not in stored.lower()
    for said in ("connecting with password=[redacted]", "log in with secret=[redacted]", "goes on"):
        assert said in stored


def grep(pattern: str, folder: Path) -> str:
    """The names of the files below a folder that hold this, in capitals or not."""
    return subprocess.run(["grep", "-ril", pattern, folder], capture_output=True, text=True, check=False).stdout


def everything_in(dsn: str) -> str:
    """All rows of all tables, as text."""
    rows: list[str] = []
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            selected = sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table))
            rows += [row for (row,) in connection.execute(selected)]
    return "\n".join(rows)
