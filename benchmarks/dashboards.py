"""How fast the dashboards' queries are with 2 million runs: each one's median for 30 days of all jobs beside its bound.

Asked as Grafana asks, with every variable at All. The database is that of ``benchmarks/store.py``: kept from there, or
filled.

    python -m benchmarks.dashboards [--scale 0.02] [--keep FOLDER] [--days 30]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psycopg

from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.server.embedded import EmbeddedServer
from tests.grafana.asking import RULES, STORE, queries
from tests.grafana.macros import Range, Value, expanded

from .store import RUNS, connected, describe, fill

BOUND = 300  # ms
ROUNDS = 9
POINTS = 90  # maxDataPoints of the panels
INTERVALS = {60: "1m", 900: "15m", 3_600: "1h", 21_600: "6h", 86_400: "1d"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ojb-")))
        server = EmbeddedServer(folder / "postgres")
        if server.start():
            stack.callback(server.stop)
        if migrate(server.dsn):
            fill(server.dsn, round(RUNS * options.scale))
        describe(server.dsn)
        print(f"{options.days} days, all jobs; {os.getloadavg()[0]:.0f} processes wanted a CPU in the last minute\n")
        with connected(server.dsn) as connection:
            ask(connection, options.days)


def ask(connection: psycopg.Connection, days: int) -> None:
    (until,) = connection.execute("select max(started_at) + interval '1 minute' from joblog.job_run").fetchone() or ()
    shown = Range(until - timedelta(days=days), until, interval(days))
    chosen = everything(connection, shown)
    asked = {query.name: expanded(query.sql, shown, chosen) for query in queries()}
    asked |= {
        f"alert: {rule['title']}": rule["data"][0]["model"]["rawSql"]
        for rule in RULES
        if rule["data"][0]["model"]["datasource"]["type"] == STORE
    }
    for name, sql in asked.items():
        taken = [milliseconds(connection, sql) for _ in range(ROUNDS + 1)][1:]
        median = statistics.median(taken)
        verdict = "" if median <= BOUND else "  OVER"
        print(f"{name:58} median {median:6.1f} ms   least {min(taken):6.1f} ms   bound {BOUND} ms{verdict}", flush=True)


def interval(days: int) -> str:
    """About what Grafana makes of so many points."""
    wanted = days * 86_400 / POINTS
    return INTERVALS[min(INTERVALS, key=lambda seconds: abs(seconds - wanted))]


def everything(connection: psycopg.Connection, shown: Range) -> dict[str, Value]:
    """What All stands for, and a run that failed."""
    statuses = ["pending", "running", "success", "skipped", "cancelled", "error", "timeout", "lost"]
    chosen: dict[str, Value] = {"status": statuses}
    questions = {query.name: query.sql for query in queries()}
    for name in ("service", "type", "trigger", "job"):
        sql = expanded(questions[f"joblog-history: ${name}"], shown, chosen)
        chosen[name] = [value for _, value in connection.execute(sql.encode())]
    failed = "select run_id from joblog.job_history where failed order by started_at desc limit 1"
    (chosen["run"],) = connection.execute(failed).fetchone() or ("",)
    return chosen


def milliseconds(connection: psycopg.Connection, sql: str) -> float:
    start = time.perf_counter()
    connection.execute(sql.encode()).fetchall()
    return (time.perf_counter() - start) * 1_000


if __name__ == "__main__":
    main()
