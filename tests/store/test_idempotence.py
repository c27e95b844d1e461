"""Whatever the order, the batches, the repetitions and the beats: the same records give the same rows and counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import NOW, PROCESS, SECOND, ended, line, progress, span, started, step, trace

from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.records import Dropped, Record, SpanEvent
from otel_joblog.store.writer import Writer

DAY = 86_400 * SECOND
FAILURE = SpanEvent(NOW + 100, "exception", {"exception.type": "ValueError", "exception.message": "no"})
OTHER = {"kind": SpanKind.SPAN, "span_id": span(77), "start": NOW + 300, "name": "SELECT"}

RECORDS: list[Record] = [
    PROCESS,
    # A run that ends, after it was thought lost; its step too.
    started(1),
    started(1, **step(1), attributes={"joblog.stage": "load"}),
    *(line(seq, 1, severity=9 + seq % 3 * 4, time=NOW + seq // 2 * 1000) for seq in range(1, 9)),
    *(progress(current, 1) for current in (10, 20, 30)),
    line((1 << 40) + 5, 1, time=NOW + 2000),  # of a forked child
    progress(30, 1, total=None),
    *(Dropped(trace(1), span(1), NOW + nanoseconds, 7, "memory full") for nanoseconds in (1, 2)),
    Dropped(trace(1), span(1), NOW + 1, 3, "dropped at the journal's cap"),
    ended(1, status=RunStatus.LOST, message="its process died", **step(1)),
    ended(1, status=RunStatus.LOST, message="its process died"),
    ended(1, status=RunStatus.ERROR, events=[FAILURE], **step(1)),
    ended(1, status=RunStatus.ERROR, events=[FAILURE], lines=8, steps=1),
    ended(1, **OTHER),
    # A run within it, over midnight, still open.
    started(1, run=2, parent_run=span(1), parent_id=span(1), name="child"),
    started(1, run=2, **step(1, run=2)),
    line(1, 1, run=2),
    line(2, 1, run=2, time=NOW + DAY),
    # Lines and progress of a run that nobody saw begin.
    *(line(seq, 3, span_id=span(5)) for seq in range(1, 5)),
    progress(2, 3),
    progress(9, 3),
    # A run of which only the end is known.
    ended(4),
    # Failures of one kind and another; the last one was thought lost, on another day than it began by its own word.
    *(
        ended(number, status=RunStatus.ERROR, start=NOW - number * SECOND, message=f"row {number} is bad")
        for number in (5, 6, 7)
    ),
    ended(8, status=RunStatus.TIMEOUT, end=NOW + 9 * SECOND),
    ended(9, status=RunStatus.LOST, message="its process died", attributes={"joblog.job.type": "cron"}),
    ended(9, status=RunStatus.ERROR, message="row 9 is bad", attributes={"joblog.job.type": "cron"}),
    ended(10, status=RunStatus.LOST, message="its process died", start=NOW - DAY),
    ended(10, start=NOW + SECOND, attributes={"joblog.process.cpu.user": 1.5, "joblog.process.memory.peak": 1000}),
    ended(11, status=RunStatus.LOST, message="its process died", start=NOW - 2 * SECOND),
    ended(12, status=RunStatus.SKIPPED, message="nothing to do"),
    ended(13, name=""),
]

WRONG_COUNTS = """
    select run.*, actual.*
    from joblog.job_run as run
    cross join lateral (
      select
        count(*) filter (where part = 'line') as lines,
        count(*) filter (where severity between 13 and 16) as warnings,
        count(*) filter (where severity >= 17) as errors,
        count(*) filter (where seq >= 1::bigint << 32) as lines_elsewhere,
        count(*) filter (where part = 'step') as steps,
        min(at) as first_at,
        max(at) as last_at
      from (
        select 'line' as part, ts as at, severity, seq from joblog.job_log
        where trace_id = run.trace_id and run_span_id = run.span_id
        union all
        select case when kind = 0 then 'step' else 'span' end, started_at, null, null from joblog.job_step
        where trace_id = run.trace_id and run_span_id = run.span_id
      ) as parts
    ) as actual
    where (run.lines, run.warnings, run.errors, run.lines_elsewhere, run.steps, run.first_at, run.last_at)
      is distinct from (actual.lines, actual.warnings, actual.errors, actual.lines_elsewhere, actual.steps,
        actual.first_at, actual.last_at)
"""

# The statistics as they would be counted from the runs, beside those that are there.
STATISTICS = {
    "job": """
        select
          name, service, count(*) filter (where status > 1) as runs, count(*) filter (where status >= 5) as failures,
          count(*) filter (where status in (2, 5, 6)) as timed, coalesce(sum(ms), 0) as duration_ms,
          max(started_at) as last_run_at, max(started_at) filter (where status = 2) as last_success_at
        from runs group by name, service
    """,
    "job_day": """
        select
          day, name, service, type, count(*) filter (where status = 2) as successes,
          count(*) filter (where status = 3) as skipped, count(*) filter (where status = 4) as cancelled,
          count(*) filter (where status = 5) as errors, count(*) filter (where status = 6) as timeouts,
          count(*) filter (where status = 7) as lost, coalesce(sum(ms), 0) as duration_ms, max(ms) as longest_ms,
          count(*) filter (where status = 2 and attributes ? 'joblog.process.cpu.user') as cpu_runs,
          coalesce(sum(1000 * (attributes ->> 'joblog.process.cpu.user')::numeric), 0) as cpu_ms,
          max((attributes ->> 'joblog.process.memory.peak')::bigint) as memory_peak
        from runs where status > 1 group by day, name, service, type
    """,
    "job_hour": """
        select
          date_trunc('hour', started_at, 'UTC') as hour, name, service, type, trigger,
          count(*) filter (where status = 2) as successes, count(*) filter (where status = 3) as skipped,
          count(*) filter (where status = 4) as cancelled, count(*) filter (where status = 5) as errors,
          count(*) filter (where status = 6) as timeouts, count(*) filter (where status = 7) as lost
        from runs where status > 1 group by 1, 2, 3, 4, 5
    """,
    "job_duration": """
        select day, name, service, floor(4 * log(2, 1 + ms)) as bucket, count(*) as runs
        from runs where ms is not null group by 1, 2, 3, 4
    """,
    "job_error_day": """
        select
          day, name, service, error_group, count(*) as runs, min(started_at) as first_at, max(started_at) as last_at,
          max(type_of_error) as type, max(message) as message
        from runs where status >= 5 group by day, name, service, error_group
    """,
}
# A day and an hour keep their rows when all of their lost runs turn out to have begun at another time.
NOT_EMPTY = "where successes + skipped + cancelled + errors + timeouts + lost > 0"
COUNTED = """
    with runs as (
      select
        *, (started_at at time zone 'UTC')::date as day,
        case when status in (2, 5, 6) then round(1000 * extract(epoch from ended_at - started_at)) end as ms,
        coalesce(error_type, joblog.status_name(status)) as type_of_error,
        regexp_replace(
          regexp_replace(coalesce(error_message, status_message), '^row .*', 'row <n> is bad'), 'since .* UTC',
          'since <time> UTC') as message
      from joblog.job_run where name <> ''
    ),
"""


def assert_statistics_are_right(connection: psycopg.Connection) -> None:
    for table, counted in STATISTICS.items():
        columns = ", ".join(
            column.name for column in connection.execute(f"select * from joblog.{table}").description or []
        )
        kept = f"select {columns} from joblog.{table} {NOT_EMPTY if 'successes' in columns else ''} order by {columns}"
        recounted = f"{COUNTED} counted as ({counted}) select {columns} from counted order by {columns}"
        assert connection.execute(kept).fetchall() == connection.execute(recounted).fetchall(), table


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Record]]:
    again = draw(st.lists(st.sampled_from(range(len(RECORDS))), max_size=30))
    order = draw(st.permutations([*range(len(RECORDS)), *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=6)))
    batches = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return [[RECORDS[place] for place in batch] for batch in batches]


@st.composite
def settled_deliveries(draw: st.DrawFn) -> list[list[Record]]:
    """Of each batch the records, then a settling: an empty batch."""
    batches = draw(deliveries())
    return [part for batch in batches for part in ((batch, []) if draw(st.booleans()) else (batch,))]


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def contents(connection: psycopg.Connection) -> dict[str, list[Any]]:
    tables = ("job_run", "job_step", "job_log", "job_process", "job_gap", "job_sample")
    return {
        table: connection.execute(f"select to_jsonb(row) from joblog.{table} as row order by 1").fetchall()
        for table in tables
    }


def emptied(connection: psycopg.Connection) -> None:
    """By deleting: truncating costs a file or two for every table."""
    tables = ("run", "step", "log", "process", "gap", "live", "day", "hour", "duration", "error_day")
    connection.execute("delete from joblog.job;" + "".join(f"delete from joblog.job_{table};" for table in tables))


ANY_DELIVERY = settings(
    max_examples=50,
    deadline=None,
    # Each example begins with empty tables.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@ANY_DELIVERY
@given(batches=deliveries())
def test_any_delivery_of_the_same_records_gives_the_same_rows(
    writer: Writer, connection: psycopg.Connection, batches: list[list[Record]]
) -> None:
    def delivered(batches: list[list[Record]]) -> dict[str, list[Any]]:
        emptied(connection)
        for batch in batches:
            writer.beat([PROCESS.process_id])
            writer.write(batch, PROCESS)
        return contents(connection)

    expected = delivered([RECORDS])
    assert delivered(batches) == expected
    assert connection.execute(WRONG_COUNTS).fetchall() == []
    assert_statistics_are_right(connection)


@ANY_DELIVERY
@given(batches=settled_deliveries())
def test_runs_that_were_given_up_too_early_end_as_they_really_did(
    writer: Writer, connection: psycopg.Connection, batches: list[list[Record]]
) -> None:
    ended = (
        "select to_jsonb(run) from joblog.job_run as run where lines_emitted is not null order by 1",
        "select to_jsonb(step) from joblog.job_step as step where status not in (1, 7) order by 1",
    )

    def delivered(batches: list[list[Record]]) -> list[list[Any]]:
        emptied(connection)
        for batch in batches:
            if batch:
                writer.write(batch, PROCESS)
            else:
                writer.settle(0)
        return [connection.execute(query).fetchall() for query in ended]

    assert delivered(batches) == delivered([RECORDS])
    assert connection.execute(WRONG_COUNTS).fetchall() == []
    assert_statistics_are_right(connection)
    writer.settle(0)
    assert connection.execute("select from joblog.job_run where status <= 1 and last_at < now()").fetchall() == []
