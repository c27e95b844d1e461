"""Whether what is stored agrees with itself: counts of runs with their rows, statistics with the runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg

__all__ = ["WRONG_COUNTS", "assert_statistics_are_right", "contents", "emptied"]

WRONG_COUNTS = """
    select run.*, actual.*
    from joblog.job_run as run
    cross join lateral (
      select
        count(*) filter (where part = 'line') as lines,
        coalesce(sum(bytes), 0) as bytes,
        count(*) filter (where severity between 13 and 16) as warnings,
        count(*) filter (where severity >= 17) as errors,
        count(*) filter (where seq >= 2::bigint << 32) as lines_elsewhere,
        count(*) filter (where seq >= 1::bigint << 32 and seq < 2::bigint << 32) as lines_after_end,
        count(*) filter (where part = 'step') as steps,
        min(at) as first_at,
        max(at) as last_at
      from (
        select 'line' as part, ts as at, severity, seq, octet_length(message) as bytes from joblog.job_log
        where trace_id = run.trace_id and run_span_id = run.span_id
        union all
        select case when kind = 0 then 'step' else 'span' end, started_at, null, null, null from joblog.job_step
        where trace_id = run.trace_id and run_span_id = run.span_id
      ) as parts
    ) as actual
    where (run.lines, run.bytes, run.warnings, run.errors, run.lines_elsewhere, run.lines_after_end, run.steps,
        run.first_at, run.last_at)
      is distinct from (actual.lines, actual.bytes, actual.warnings, actual.errors, actual.lines_elsewhere,
        actual.lines_after_end, actual.steps, actual.first_at, actual.last_at)
"""

# The statistics as they would be counted from the runs, beside those that are there.
STATISTICS = {
    "job": """
        select
          name, service, count(*) filter (where status > 1) as runs,
          count(*) filter (where status >= 5 and not followed) as failures,
          count(*) filter (where status in (2, 5, 6)) as timed, coalesce(sum(ms), 0) as duration_ms,
          max(started_at) filter (where not ahead) as last_run_at,
          max(started_at) filter (where status = 2 and not ahead) as last_success_at
        from runs where status > 1 or not ahead group by name, service
    """,
    "job_day": """
        select
          day, name, service, type, count(*) filter (where status = 2) as successes,
          count(*) filter (where status = 3) as skipped, count(*) filter (where status = 4) as cancelled,
          count(*) filter (where status = 5 and not followed) as errors,
          count(*) filter (where status = 6 and not followed) as timeouts,
          count(*) filter (where status = 7 and not followed) as lost,
          count(*) filter (where status >= 5 and followed) as retried, count(ms) as timed,
          coalesce(sum(ms), 0) as duration_ms, max(ms) as longest_ms,
          count(*) filter (where status = 2 and attributes ? 'joblog.process.cpu.user') as cpu_runs,
          coalesce(sum(1000 * (attributes ->> 'joblog.process.cpu.user')::numeric), 0) as cpu_ms,
          max((attributes ->> 'joblog.process.memory.peak')::bigint) as memory_peak
        from runs where status > 1 group by day, name, service, type
    """,
    "job_hour": """
        select
          date_trunc('hour', started_at, 'UTC') as hour, name, service, type, trigger,
          count(*) filter (where status = 2) as successes, count(*) filter (where status = 3) as skipped,
          count(*) filter (where status = 4) as cancelled,
          count(*) filter (where status = 5 and not followed) as errors,
          count(*) filter (where status = 6 and not followed) as timeouts,
          count(*) filter (where status = 7 and not followed) as lost,
          count(*) filter (where status >= 5 and followed) as retried
        from runs where status > 1 group by 1, 2, 3, 4, 5
    """,
    "job_duration": """
        select day, name, service, floor(4 * log(2, 1 + ms)) as bucket, count(*) as runs, min(ms) as low_ms,
          max(ms) as high_ms
        from runs where ms is not null group by 1, 2, 3, 4
    """,
    "job_error_day": """
        select
          day, name, service, error_group, count(*) as runs, min(started_at) as first_at, max(started_at) as last_at,
          max(type_of_error) as type, max(message) as message
        from runs where status >= 5 and not followed group by day, name, service, error_group
    """,
}
# A day and an hour keep their rows when all of their lost runs turn out to have begun at another time.
NOT_EMPTY = "where successes + skipped + cancelled + errors + timeouts + lost + retried > 0"
COUNTED = """
    with runs as (
      select
        *, (started_at at time zone 'UTC')::date as day, started_at >= now() + interval '1 day' as ahead,
        next_trace_id is not null as followed,
        case when status in (2, 5, 6) then round(1000 * extract(epoch from ended_at - started_at)) end as ms,
        coalesce(error_type, joblog.status_name(status)) as type_of_error,
        regexp_replace(
          regexp_replace(coalesce(error_message, status_message), '^row .*', 'row <n> is bad'), 'since .* UTC',
          'since <time> UTC') as message
      from joblog.job_run where name <> '' and status > 0
    ),
"""


def assert_statistics_are_right(connection: psycopg.Connection, leaving_out: Collection[str] = ()) -> None:
    for table, counted in STATISTICS.items():
        if table in leaving_out:
            continue
        columns = ", ".join(
            column.name for column in connection.execute(f"select * from joblog.{table}").description or []
        )
        kept = f"select {columns} from joblog.{table} {NOT_EMPTY if 'successes' in columns else ''} order by {columns}"
        recounted = f"{COUNTED} counted as ({counted}) select {columns} from counted order by {columns}"
        # The two sort texts that are equal to the collation as they like.
        counts = (sorted(connection.execute(query).fetchall(), key=str) for query in (kept, recounted))
        assert next(counts) == next(counts), table


def contents(connection: psycopg.Connection) -> dict[str, list[Any]]:
    tables = ("job_run", "job_step", "job_log", "job_process", "job_gap", "job_sample")
    return {
        table: connection.execute(f"select to_jsonb(row) from joblog.{table} as row order by 1").fetchall()
        for table in tables
    }


def emptied(connection: psycopg.Connection) -> None:
    """By deleting: truncating costs a file or two for every table."""
    tables = ("run", "step", "log", "process", "gap", "live", "day", "hour", "duration", "error_day", "waiting")
    connection.execute("delete from joblog.job;" + "".join(f"delete from joblog.job_{table};" for table in tables))
