"""A job with 100,000 lines: all of them in the store, none cut, in little memory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psycopg

PROGRAM = """
    import logging, sys
    import psutil
    import otel_joblog
    from otel_joblog import job

    log = logging.getLogger("many")
    resident = lambda: psutil.Process().memory_info().rss

    @job
    def many():
        # What the first lines bring with them (the SDK, psycopg, a connection) is no growth of the job's.
        log.info("line %06d %s", 0, "x" * 100)
        otel_joblog.flush()
        before = highest = resident()
        for number in range(1, 100_000):
            log.info("line %06d %s", number, "x" * 100)
            if number % 5_000 == 0:
                highest = max(highest, resident())
        return highest - before

    grown = many()
    assert otel_joblog.flush(60)
    print(grown)
"""


def test_a_hundred_thousand_lines_are_all_kept_in_little_memory(
    run_script: Callable[..., subprocess.CompletedProcess[str]], dsn: str
) -> None:
    grown = int(run_script(PROGRAM, OTEL_JOBLOG_DSN=dsn).stdout)

    with psycopg.connect(dsn) as connection:
        run = connection.execute("select lines, lines_emitted from joblog.job_run").fetchone()
        stored = connection.execute(
            "select count(*), count(distinct message), min(length(message)), max(length(message)) from joblog.job_log"
        ).fetchone()
    assert run == (100_000, 100_000)
    assert stored == (100_000, 100_000, 112, 112)
    # Of a burst on a busy machine some batches are on their way at once; kept, the lines alone would take 57 MB.
    assert grown < 40_000_000
