"""Every list keeps its index: the plans of the reader's queries over enough rows, with the reader's own parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from otel_joblog.runquery import RunQuery
from otel_joblog.store.read.find import asked, finding
from otel_joblog.store.read.keys import before_run, run_prefix
from otel_joblog.store.read.runs import ALL_RUNS
from otel_joblog.store.read.search import Question
from otel_joblog.store.read.visibility import Visibility
from otel_joblog.store.schema.partitions import ensure_days, names_of_day
from otel_joblog.store.sql import query
from otel_joblog.store.upkeep.sweep import _KEEP

START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
TRACE = UUID(int=0xABCDEF << 104)
RUN = {"trace_id": TRACE, "span_id": 7, "first_at": START, "last_at": START + timedelta(hours=20)}
AT = START + timedelta(hours=9)
LINES = {
    **RUN,
    **dict.fromkeys(("after_at", "after_seq", "before_at", "before_seq", "min_severity", "stream", "spans", "words")),
    "limit": 1000,
    "bytes": 2_000_000,
    "looked": 200_000,
}
RUNS = {**ALL_RUNS, "before_at": None, "before_trace": None, "before_span": None, "limit": 26}
DEEP = {"before_at": AT, "before_trace": TRACE, "before_span": 7}
PULSE = {"until": START + timedelta(days=9), "open": 1_000, "newest": 100}

TASK = {
    "task_id": "t 7",
    **dict.fromkeys(("job", "service")),
    "before_at": AT,
    "before_trace": TRACE,
    "before_span": 7,
    "limit": 21,
}

JOBS = {
    **dict.fromkeys(("job", "service", "part", "after_name", "after_service")),
    "since": datetime.now(UTC).date() - timedelta(days=30),
    "until": datetime.now(UTC).date(),
    "limit": 51,
}
FIGURES = {
    "since": datetime.now(UTC).date() - timedelta(days=30),
    "until": datetime.now(UTC).date(),
    "job": None,
    "service": None,
    "limit": 10,
}
HISTOGRAM = {
    **dict.fromkeys(("names", "services", "types")),
    "since": datetime.now(UTC) - timedelta(days=2),
    "until": datetime.now(UTC),
}
FOUND = {"traces": [TRACE] * 50, "spans": [7] * 50}
SEARCH = {
    "low": START + timedelta(days=1),
    "high": START + timedelta(days=2),
    "before_at": START + timedelta(days=30),
    "before_trace": UUID(int=0),
    "before_run": 0,
    "before_seq": 0,
    "limit": 51,
    **Question(words=["c81e728d9d4c2f63"]).parameters(),
}

STRETCH = SEARCH | {"low": SEARCH["high"] - timedelta(hours=1)}

# Of every listed job: its latest run, its failures in a row, its days, its durations; two have two good indexes.
OF_EACH_JOB = {"job_pkey", "job_run_name", "job_run_failed", "job_run_failed_name", "job_day_day", "job_day_pkey"}
OF_EACH_JOB |= {"job_duration_day", "job_duration_pkey", "job_schedule_pkey", "job_expected_pkey", "job_expected_open"}
OF_EACH_JOB |= {"job_run_job", "job_run_open"}  # and, where it did not come, what still runs

# Of every listed run: its twins, its process's beat, its gaps.
EACH = {"job_run_name", "job_live_pkey", "job_gap_pkey"}

PAGE = 1_000  # rows: what may be sorted

INNER = {"Subquery Scan", "Bitmap Heap Scan", "CTE Scan", "WorkTable Scan", "Function Scan", "Values Scan"}
BY_INDEX = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}

# What the maintenance does to a closed day.
TEXT_INDEX = """
create extension pg_trgm;
create index {day}_text on joblog.{day} using gin ((left(message, 8192) collate "C") gin_trgm_ops);
analyze joblog.{day};
"""

FILL = """
insert into joblog.job_run
  (trace_id, span_id, parent_run_span_id, process_id, started_at, first_at, last_at, status, name, reference, service,
  error_group, attributes)
select
  case when mod(n, 10000) = 1 then %(trace)s else md5(n::text)::uuid end, n,
  case when mod(n, 10) = 0 then n - 1 end, md5(n::text)::uuid,
  %(start)s + n * interval '7 seconds', %(start)s, %(start)s + interval '1 hour',
  case when mod(n, 50) = 0 then 5 when n > 29990 then 1 else 2 end, 'job ' || mod(n, 40),
  case when mod(n, 3) = 0 then 'ref ' || n end, 'svc', case when mod(n, 50) = 0 then mod(n, 20) end,
  jsonb_build_object('customer', mod(n, 500))
from generate_series(1, 30000) as n;

insert into joblog.job_live select md5(n::text)::uuid, now() from generate_series(1, 30000) as n;

insert into joblog.job_process
select md5(n::text)::uuid, now(), 1, 'box', '', 'svc' from generate_series(1, 30000) as n;

insert into joblog.job_gap select md5(n::text)::uuid, n, 1, 1, 'full' from generate_series(1, 30000) as n;

insert into joblog.job_step
  (started_at, trace_id, span_id, run_span_id, seq, status, kind, otel_kind, name, status_message, scope)
select %(start)s + n * interval '7 seconds',
  case when mod(n, 100) = 0 then %(trace)s else md5((n / 9)::text)::uuid end, n, 7, 1, 2, 0, 0, 'step', '', ''
from generate_series(1, 30000) as n;

insert into joblog.job_sample
select %(start)s + n * interval '5 seconds', case when mod(n, 100) = 0 then %(trace)s else md5((n / 9)::text)::uuid end,
  7, n, n, n
from generate_series(1, 40000) as n;

insert into joblog.job_log
  (ts, trace_id, run_span_id, span_id, seq, severity, stream, logger, message)
select %(start)s + n * interval '3 seconds',
  case when mod(n, 20) = 0 then %(trace)s else md5((n / 99)::text)::uuid end, 7, 7, n,
  case when mod(n, 40) = 0 then 17 else 9 end, 0, 'app', 'a common word and ' || md5(n::text) || repeat('x', 50)
from generate_series(1, 60000) as n;

insert into joblog.job
select 'job ' || n, 'svc', 1000, 10, 900, 900000, now(), now() from generate_series(1, 2000) as n;

insert into joblog.job_day (day, name, service, type, successes, errors, duration_ms)
select current_date - d, 'job ' || n, 'svc', 'cron', 9, 1, 5000
from generate_series(0, 300) as d, generate_series(1, 100) as n;

insert into joblog.job_hour (hour, name, service, type, trigger, successes)
select date_trunc('hour', now()) - h * interval '1 hour', 'job ' || n, 'svc', 'cron', '', 9
from generate_series(0, 500) as h, generate_series(1, 40) as n;

insert into joblog.job_duration
select current_date - d, 'job ' || n, 'svc', b, 1
from generate_series(0, 300) as d, generate_series(1, 60) as n, generate_series(10, 15) as b;

insert into joblog.job_error_day
select current_date - d, 'job ' || n, 'svc', mod(n, 20), 1, now(), now(), 'ValueError', 'no'
from generate_series(0, 300) as d, generate_series(1, 100) as n;

insert into joblog.job_schedule select 'job ' || n, 'svc', '0 * * * *', 'UTC', now() from generate_series(1, 2000) as n;

insert into joblog.job_expected
  (name, service, schedule, due_at, late_at, judged_at, next_due_at, looked_at, started_at)
select
  'job ' || n, 'svc', '0 * * * *', due_at, due_at + interval '6 minutes', due_at + interval '6 minutes',
  due_at + interval '1 hour', due_at,
  case when mod(hours, 50) <> 0 then due_at end
from (
  select n, hours, date_trunc('hour', now()) - hours * interval '1 hour' as due_at
  from generate_series(0, 700) as hours, generate_series(1, 50) as n
) as due;
"""


SEEN = [None, Visibility(("job 7", "sv*")).like]


@pytest.fixture(scope="module")
def database(filled: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(filled, autocommit=True, prepare_threshold=None) as connection:
        yield connection


@pytest.fixture(scope="module")
def filled(module_dsn: str) -> str:
    with psycopg.connect(module_dsn, autocommit=True) as connection:
        ensure_days(connection, [START.date() + timedelta(days=number) for number in range(4)])
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(FILL, {"trace": TRACE, "start": START})
        tables = (
            "run",
            "step",
            "live",
            "gap",
            "sample",
            "day",
            "hour",
            "duration",
            "error_day",
            "schedule",
            "expected",
        )
        connection.execute("vacuum analyze joblog.job, " + ", ".join(f"joblog.job_{table}" for table in tables))
    return module_dsn


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(
    ("name", "parameters", "indexes"),
    [
        ("runs", RUNS, EACH | {"job_run_started"}),
        ("runs", RUNS | DEEP, EACH | {"job_run_started"}),
        ("runs", RUNS | {"job": "job 7"}, EACH),
        ("runs", RUNS | DEEP | {"job": "job 7"}, EACH),
        ("runs", RUNS | {"type": "cron"}, EACH | {"job_run_type"}),
        ("runs", RUNS | {"reference": "ref 300"}, EACH | {"job_run_reference"}),
        ("runs", RUNS | {"statuses": [5, 6, 7]}, EACH | {"job_run_failed"}),
        ("runs", RUNS | {"statuses": [5, 6, 7], "retried": False}, EACH | {"job_run_failed"}),
        ("runs", RUNS | {"first_trace": TRACE, "first_span": 7}, EACH | {"job_run_execution"}),
        ("runs", RUNS | {"statuses": [0, 1]}, EACH | {"job_run_open"}),
        ("runs", RUNS | {"since": START + timedelta(days=2)}, EACH | {"job_run_started"}),
        ("runs", RUNS | {"trace_id": TRACE, "parent_run": 7}, EACH | {"job_run_pkey"}),
        ("runs", RUNS | {"error_group": 10}, EACH | {"job_run_error"}),
        (
            "runs",
            RUNS | {"traces": [UUID(int=number) for number in range(50)], "spans": [7] * 50},
            EACH | {"job_run_pkey"},
        ),
        ("pulse", PULSE, {"job_run_open", "job_run_started"}),
        ("found_runs", FOUND, {"job_run_pkey"}),
        ("found_steps", FOUND | {"first_at": START, "last_at": AT}, {"job_step_{day}_pkey"}),
        ("run", RUN, EACH | {"job_run_pkey"}),
        ("run_keys", run_prefix("abcdef")._asdict(), {"job_run_pkey"}),
        ("run_keys", run_prefix(f"{TRACE.hex}-00")._asdict(), {"job_run_pkey"}),
        ("steps", RUN | {"limit": 2001, "bytes": 2_000_000}, {"job_step_{day}_pkey", "job_process_pkey"}),
        ("outline", RUN | {"limit": 20_000}, {"job_step_{day}_pkey"}),
        ("outline_runs", RUN | {"limit": 500}, {"job_run_pkey"}),
        (
            "outline_steps",
            RUN | {"spans": [100, 200], "cpu": "cpu", "growth": "growth"},
            {"job_step_{day}_pkey", "job_process_pkey"},
        ),
        ("history", RUN | {"before": 50, "after": 10}, {"job_run_pkey", "job_run_name"}),
        ("last_success", RUN | {"looked": 1_000}, {"job_run_pkey", "job_run_name"}),
        ("error_kind", RUN, {"job_run_pkey", "job_error_day_pkey", "job_run_error"}),
        ("count_children", RUN | {"limit": 100_000}, {"job_run_pkey"}),
        ("count_steps", RUN | {"limit": 100_000}, {"job_step_{day}_pkey"}),
        ("line_steps", RUN | {"steps": [100, 200]}, {"job_step_{day}_pkey"}),
        ("placed", RUN | {"stage": "load", "task_id": None, "most": 100_000}, {"job_step_{day}_pkey"}),
        ("samples", RUN | {"from": START, "to": RUN["last_at"], "limit": 1000}, {"job_sample_{day}_pkey"}),
    ],
)
def test_a_query_uses_its_index_and_only_the_days_it_needs(
    database: psycopg.Connection,
    name: str,
    parameters: dict[str, Any],
    indexes: set[str],
    seen: list[str] | None,
) -> None:
    assert used(database, f"read/{name}", parameters | {"seen": seen}) == indexes_of_day(indexes)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(
    ("question", "leading", "others"),
    [
        ("attr.customer:42", "job_run_labels", {"job_run_started"}),
        ("host:web-1 job:a,b -status:success", "job_run_labels", {"job_run_started"}),
        ('"could not connect" duration:>60s', "job_run_labels", {"job_run_started"}),
        ("attempt:>1 status:lost", "job_run_labels", {"job_run_started"}),
        ("duration:<1s", "job_run_started", set()),
        ("-job:a*", "job_run_started", set()),
        ("is:slow", "job_run_started", {"job_duration_pkey", "job_duration_day"}),
        ("is:unresponsive status:running", "job_run_open", {"job_live_pkey"}),
        ("status:failed -job:a*", "job_run_failed", set()),
        ("error:000000000000000a attr.customer:42", "job_run_error", set()),
    ],
)
def test_whatever_a_query_asks_for_no_more_than_so_many_runs_are_looked_at(
    database: psycopg.Connection, question: str, leading: str, others: set[str], seen: list[str] | None
) -> None:
    for place in (None, DEEP):
        wanted = asked(RunQuery.parse(question), UTC, datetime.now(UTC))
        parameters = wanted.conditions | (place or before_run(None)) | {"limit": 51, "looked": 1_000}
        parameters |= {"seen": seen}
        found = used(database, "read/find/passing", parameters, executed=True, text=finding(wanted.by_label))
        assert leading in found
        assert found <= {leading, "job_run_type"} | others  # of few types this is as good as that of the start


def test_counting_what_a_query_asks_for_looks_at_no_more_than_so_many_runs(database: psycopg.Connection) -> None:
    for question, index in (("attr.customer:42", "job_run_labels"), ("-job:a*", "job_run_started")):
        wanted = asked(RunQuery.parse(question), UTC, datetime.now(UTC))
        binned = {"limit": 1_000, "looked": 1_000, "width": timedelta(days=1), "origin": START}
        parameters = wanted.conditions | before_run(None) | binned
        text = finding(wanted.by_label, counted=True)
        assert index in used(database, "read/find/counted", parameters, executed=True, text=text)


def test_the_last_lines_of_listed_runs_are_found_by_key(database: psycopg.Connection) -> None:
    keys = {"traces": [TRACE, *(UUID(int=number) for number in range(49))], "spans": [7] * 50}
    with database.transaction(force_rollback=True):
        database.execute(query("read/by_key"))
        found = used(database, "read/latest_lines", keys)
    assert "job_run_pkey" in found
    assert found <= {"job_run_pkey", "job_log_default_pkey", *(f"{day}_pkey" for day in names("job_log"))}


def names(table: str) -> set[str]:
    return {f"{table}_{START + timedelta(days=number):%Y%m%d}" for number in range(4)}


def test_the_runs_of_a_task_are_found_by_its_id(database: psycopg.Connection) -> None:
    last_day = f"job_step_{START + timedelta(days=3):%Y%m%d}"  # which has nothing in it
    with database.transaction(force_rollback=True):
        database.execute("update joblog.job_step set task_id = 't ' || mod(span_id, 9000)")
        database.execute("analyze joblog.job_step")
        found = used(database, "read/task_runs", TASK, executed=True, small={"job_step_default", last_day})
    days = {f"job_step_{START + timedelta(days=number):%Y%m%d}" for number in range(4)}
    assert {f"{START:job_step_%Y%m%d}_left_started_at_idx"} <= found
    assert found <= {"job_run_pkey", *(f"{day}_{index}" for day in days for index in ("left_started_at_idx", "pkey"))}


def test_what_is_due_is_seen_to_by_key(database: psycopg.Connection) -> None:
    memory = {"memory": timedelta(days=30)}
    with database.transaction(force_rollback=True):
        every_job = used(
            database,
            "upkeep/due/jobs",
            memory | {"ahead": timedelta(minutes=15), "given_up": "-"},
            small={"job", "job_schedule"},
        )
        assert every_job == {"job_run_name", "job_expected_pkey", "job_process_pkey", "job_day_pkey"}
        looked_for = used(database, "upkeep/due/look", memory | {"limit": 5_000}, executed=True, small={"job"})
        assert looked_for - {"job_pkey"} == {"job_expected_open", "job_expected_pkey", "job_run_name"}
        said = {
            "name": "job 7",
            "service": "svc",
            "said_at": AT,
            "now": AT,
            "schedule": "@daily",
            "timezone": "UTC",
            "since": AT,
        }
        assert used(database, "upkeep/due/since", memory | said) == {"job_run_name"}


SHARED = """
insert into joblog.job_run (trace_id, span_id, started_at, status, name, service, schedule)
select gen_random_uuid(), n, now() - n * interval '5 minutes', 2, 'shared', 'tenant ' || mod(n, 300), '0 * * * *'
from generate_series(1, 6000) as n;
insert into joblog.job (name, service, last_run_at)
select 'shared', 'tenant ' || n, now() from generate_series(0, 299) as n;
analyze joblog.job, joblog.job_run;
"""


def test_jobs_that_share_a_name_are_seen_to_without_reading_runs_of_others(dsn: str) -> None:
    parameters = {"memory": timedelta(days=30), "ahead": timedelta(minutes=15), "given_up": "-"}
    with psycopg.connect(dsn) as connection:
        connection.execute(SHARED)
        row = connection.execute(b"explain (format json, analyze) " + query("upkeep/due/jobs"), parameters).fetchone()
    assert row is not None
    scans = [node for node in _nodes(row[0][0]["Plan"]) if node.get("Relation Name") == "job_run"]
    assert {scan["Index Name"] for scan in scans} == {"job_run_job"}
    assert sum(scan.get("Rows Removed by Filter", 0) for scan in scans) == 0


def test_what_was_missed_in_seven_days_is_not_counted_where_nobody_asks(database: psycopg.Connection) -> None:
    def counting(columns: str) -> bool:
        row = database.execute(f"explain (format json) select {columns} from joblog.job_schedules".encode()).fetchone()
        assert row is not None
        return any(
            node.get("Alias", "").startswith("job_punctuality") or node["Node Type"] == "Aggregate"
            for node in _nodes(row[0][0]["Plan"])
        )

    assert counting("missed_7d")
    assert not counting("job, last_due_verdict")


def test_silent_runs_are_found_and_settled_by_key(database: psycopg.Connection) -> None:
    indexes = {"job_run_open", "job_live_pkey", "job_run_pkey", "job_step_{day}_pkey"}
    with database.transaction(force_rollback=True):
        parameters = {"lost_after": 0.0, "message": "silent since %s", "error_group": 1}
        assert used(database, "write/settle_runs", parameters, executed=True) == indexes_of_day(indexes)


def test_attempts_are_found_by_key_and_reference(database: psycopg.Connection) -> None:
    with database.transaction(force_rollback=True):
        database.execute(
            "update joblog.job_run set attempt = 2, previous_span_id = 1,"
            " previous_trace_id = case when span_id % 3 > 0 then md5(span_id::text)::uuid end where span_id % 7 = 0"
        )
        database.execute("analyze joblog.job_run")
        traces = [UUID(md5(str(number).encode()).hexdigest()) for number in range(2, 50)]
        parameters = {"traces": traces, "spans": list(range(2, 50))}
        found = used(database, "write/find_attempts", parameters, executed=True)
        assert found == {"job_run_pkey", "job_run_reference", "job_run_previous", "job_run_attempt"}
        assert used(database, "read/count_attempts", {"first_trace": TRACE, "first_span": 7, "limit": 9}) == {
            "job_run_execution"
        }


def test_known_steps_of_a_batch_are_found_by_key(database: psycopg.Connection) -> None:
    parameters = {"traces": [TRACE.hex] * 50, "first_at": AT, "last_at": AT + timedelta(minutes=9), "most": 1000}
    assert used(database, "write/step_keys", parameters) == indexes_of_day({"job_step_{day}_pkey"})


def test_samples_are_thinned_out_by_key(database: psycopg.Connection) -> None:
    thinning = {"trace_id": TRACE, "run_span_id": 7, "first_at": START, "last_at": AT, "before": 100, "stride": 2}
    assert used(database, "write/thin_samples", thinning) == indexes_of_day({"job_sample_{day}_pkey"})


RETAINED = {
    "before": START.date() + timedelta(days=1),
    "failures_before": START.date() - timedelta(days=90),
    "today": datetime.now(UTC).date(),
}


def test_old_runs_are_found_by_their_start(database: psycopg.Connection) -> None:
    parameters = RETAINED | {"limit": 50}
    assert used(database, "upkeep/retain/due_runs", parameters, small={"job_hold"}) == {
        "job_run_started",
        "job_live_pkey",
    }


def test_runs_are_deleted_by_key(database: psycopg.Connection) -> None:
    with database.transaction(force_rollback=True):
        database.execute(
            "insert into joblog.job_due select trace_id, span_id, lines, steps from joblog.job_run limit 9000"
        )
        database.execute("analyze joblog.job_due")
        small = {"job_due", "job_swept", "job_cleanup", "job_hold"}
        found = used(database, "upkeep/retain/delete_runs", RETAINED | {"limit": 50}, executed=True, small=small)
    assert found - {"job_swept_pkey", "job_hold_pkey"} == {"job_run_pkey", "job_gap_pkey"}


def test_the_latest_clean_up_is_found_by_key(database: psycopg.Connection) -> None:
    assert used(database, "read/upkeep_clean_up", {}) == {"job_cleanup_pkey"}


def test_rows_that_stay_are_found_by_the_runs_that_are_there(database: psycopg.Connection) -> None:
    """Not by looking through a day of millions of lines."""
    with database.transaction(force_rollback=True):
        database.execute("delete from joblog.job_run where span_id % 50 <> 0")
        database.execute("analyze joblog.job_run")
        names = names_of_day("job_log", START.date())
        names |= {"target": names["day"], "source": names["day"]}
        row = database.execute(sql.SQL("explain (format json) " + _KEEP).format(**names)).fetchone()
    assert row is not None
    nodes = list(_nodes(row[0][0]["Plan"]))
    assert "Seq Scan" not in {node["Node Type"] for node in nodes if node.get("Alias") == "part"}
    assert f"job_log_{START:%Y%m%d}_pkey" in {node.get("Index Name") for node in nodes}


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize(
    ("name", "parameters", "indexes"),
    [
        ("lines", LINES, {"job_log_{day}_pkey"}),
        ("lines", LINES | {"after_at": AT, "after_seq": 1}, {"job_log_{day}_pkey"}),
        ("lines", LINES | {"min_severity": 17}, {"job_log_{day}_trace_id_run_span_id_ts_seq_idx"}),
        ("last_lines", LINES | {"limit": 100}, {"job_log_{day}_pkey"}),
        ("last_lines", LINES | {"before_at": AT, "before_seq": 1}, {"job_log_{day}_pkey"}),
        ("last_lines", LINES | {"limit": 100, "min_severity": 13}, {"job_log_{day}_trace_id_run_span_id_ts_seq_idx"}),
        ("lines", LINES | {"spans": [1, 2]}, {"job_log_{day}_pkey"}),
        ("last_lines", LINES | {"words": ["%common%"]}, {"job_log_{day}_pkey"}),
        ("lines_edge", LINES, {"job_log_{day}_pkey"}),
        ("last_lines_edge", LINES | {"before_at": AT, "before_seq": 1}, {"job_log_{day}_pkey"}),
        ("count_lines", LINES | {"spans": [1, 2]}, {"job_log_{day}_pkey"}),
        (
            "compared_lines",
            LINES | {"ends": 2_000, "problems": 1_000},
            {"job_log_{day}_pkey", "job_log_{day}_trace_id_run_span_id_ts_seq_idx"},
        ),
        ("matches", LINES | {"words": ["%common%"]}, {"job_log_{day}_pkey"}),
        (
            "problems",
            LINES | {"parts": 200, "looked": 20_000},
            {"job_log_{day}_trace_id_run_span_id_ts_seq_idx"},
        ),
    ],
)
def test_lines_are_walked_by_their_key_even_in_a_day_that_was_never_analysed(
    database: psycopg.Connection, name: str, parameters: dict[str, Any], indexes: set[str], analysed: bool
) -> None:
    if analysed:
        database.execute("analyze joblog.job_log")
    with database.transaction():
        database.execute(query("read/by_key"))
        assert used(database, f"read/{name}", parameters) == indexes_of_day(indexes)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(
    ("name", "parameters", "indexes"),
    [
        ("jobs", JOBS, OF_EACH_JOB),
        ("jobs", JOBS | {"after_name": "job 17", "after_service": "svc"}, OF_EACH_JOB),
        ("jobs", JOBS | {"job": "job 17"}, OF_EACH_JOB),
        ("statistics_counts", FIGURES, {"job_day_day"}),
        ("statistics_counts", FIGURES | {"job": "job 17", "service": "svc"}, {"job_day_day", "job_day_pkey"}),
        ("statistics_durations", FIGURES, {"job_duration_day"}),
        (
            "statistics_durations",
            FIGURES | {"job": "job 17", "service": "svc"},
            {"job_duration_day", "job_duration_pkey"},
        ),
        ("statistics_jobs", FIGURES, {"job_day_day"}),
        ("histogram_days", HISTOGRAM, {"job_day_day", "job_day_pkey"}),
        ("histogram_days", HISTOGRAM | {"names": ["job 17"]}, {"job_day_day", "job_day_pkey"}),
        ("histogram_hours", HISTOGRAM, {"job_hour_pkey"}),
        (
            "usual_durations",
            {"names": ["job 7"] * 50, "services": ["svc"] * 50, "since": FIGURES["since"]},
            {"job_duration_pkey", "job_duration_day"},
        ),
        ("errors", FIGURES, {"job_error_day_day", "job_run_error"}),
        ("errors", FIGURES | {"job": "job 17"}, {"job_error_day_day", "job_error_day_pkey", "job_run_error"}),
    ],
)
def test_figures_read_no_more_than_their_jobs_and_days(
    database: psycopg.Connection,
    name: str,
    parameters: dict[str, Any],
    indexes: set[str],
    seen: list[str] | None,
) -> None:
    assert used(database, f"read/{name}", parameters | {"seen": seen}) <= indexes


SECOND_DAY = f"job_log_{START + timedelta(days=1):%Y%m%d}"


@pytest.mark.parametrize(
    ("name", "parameters", "indexes"),
    [
        ("search_bound", {"low": SEARCH["low"], "high": SEARCH["high"], "lines": 20_000}, {f"{SECOND_DAY}_ts_idx"}),
        ("search_lines", STRETCH, {f"{SECOND_DAY}_ts_idx"}),
        ("search_lines", SEARCH | Question(min_severity=17).parameters(), {f"{SECOND_DAY}_ts_idx1"}),
        ("search_runs", STRETCH | Question(words=["common"], job="job 7").parameters(), {"job_run_name"}),
        ("search_runs", STRETCH | Question(words=["common"], statuses=[5, 6]).parameters(), {"job_run_failed"}),
    ],
)
def test_a_search_without_text_index_reads_no_more_than_its_stretch(
    database: psycopg.Connection, name: str, parameters: dict[str, Any], indexes: set[str]
) -> None:
    database.execute(f"analyze joblog.{SECOND_DAY}")
    found = used(database, f"read/{name}", parameters, executed=True)
    assert indexes <= found <= indexes | {"job_run_open", f"{SECOND_DAY}_pkey", f"{SECOND_DAY}_ts_idx"}


def test_a_search_of_what_somebody_may_see_finds_the_runs_of_its_stretch_by_their_start(
    database: psycopg.Connection,
) -> None:
    parameters = STRETCH | Question(words=["common"]).parameters() | {"seen": ["job 7"]}
    found = used(database, "read/search_runs", parameters, executed=True)
    by_start = {"job_run_started", "job_run_type"}  # of few types that is as good
    assert found & by_start
    assert found <= by_start | {"job_run_open", f"{SECOND_DAY}_pkey", f"{SECOND_DAY}_ts_idx"}


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (Question(words=["c81e728d9d4c2f63"]), "text"),
        (Question(words=["absent", "c8"]), "text"),
        (Question(words=["common"]), "ts_idx"),
    ],
)
def test_a_search_of_a_closed_day_uses_its_text_index_where_that_is_quicker(
    database: psycopg.Connection, question: Question, index: str
) -> None:
    with database.transaction(force_rollback=True):
        database.execute(TEXT_INDEX.format(day=SECOND_DAY))
        parameters = SEARCH | question.parameters()
        assert used(database, "read/search_lines", parameters, executed=True) == {f"{SECOND_DAY}_{index}"}


def indexes_of_day(indexes: set[str]) -> set[str]:
    return {index.format(day=f"{START:%Y%m%d}") for index in indexes}


def used(
    connection: psycopg.Connection,
    name: str,
    parameters: dict[str, Any],
    *,
    executed: bool = False,
    small: Iterable[str] = (),
    text: bytes = b"",
) -> set[str]:
    """The indexes of a plan, or of what was ``executed`` of it, which must read by indexes only and sort no lines.

    Tables that stay ``small`` may be read whole.
    """
    options = b"explain (format json, analyze) " if executed else b"explain (format json) "
    row = connection.execute(options + (text or query(name)), {"seen": None} | parameters).fetchone()
    assert row is not None
    nodes = [node for node in _nodes(row[0][0]["Plan"]) if node.get("Actual Loops") != 0]
    scans = [node for node in nodes if "Scan" in node["Node Type"] and node["Node Type"] not in INNER]
    scans = [scan for scan in scans if scan.get("Relation Name") not in small]
    unkeyed = [(scan["Node Type"], scan.get("Relation Name")) for scan in scans if scan["Node Type"] not in BY_INDEX]
    assert not unkeyed
    sorts = [node for node in nodes if "Sort" in node["Node Type"]]
    assert not sorts or name not in {"read/lines", "read/last_lines"}
    assert all(sort.get("Actual Rows", 0) <= PAGE for sort in sorts), sorts
    return {scan["Index Name"] for scan in scans}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
