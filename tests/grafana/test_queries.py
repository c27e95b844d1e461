"""What the panels ask, on a real database: every query is answered in the form that its panel needs, and rightly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from otel_joblog.records import format_run_id

from .asking import Answer, Query, Store, answered, queries, reading
from .history import FAILED_RUN, LONG_AGO, TODAY, YESTERDAY, at, ids, write, write_attempts
from .macros import Range, Value

DAY = Range(YESTERDAY, TODAY, "1h")
MONTH = Range(TODAY - timedelta(days=30), TODAY, "1d")
NOW = Range(YESTERDAY, TODAY + timedelta(days=1), "30s")

ALL: dict[str, Value] = {
    "service": ["etl", "shop"],
    "type": ["", "cron", "queue"],
    "trigger": ["", "queue", "schedule"],
    "job": ["import", "mail", "o'clock"],
    "status": ["pending", "running", "success", "skipped", "cancelled", "error", "timeout", "lost", "retried"],
    "run": FAILED_RUN,
}
CHOICES: dict[str, dict[str, Value]] = {
    "all": ALL,
    "several": ALL | {"job": ["import", "mail"], "status": ["error", "lost"], "type": ["cron", "queue"]},
    "one": ALL | {name: [values[-1]] for name, values in ALL.items() if name != "run"},
    "no such run": ALL | {"run": "it's none"},
}

NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}
READABLE = NUMBERS | {"text", "timestamptz", "bool"}

QUERIES = {query.name: query for query in queries()}


@pytest.fixture(scope="module")
def store(module_dsn: str) -> Iterator[Store]:
    write(module_dsn)
    with reading(module_dsn) as connection:
        yield connection


def rows(store: Store, name: str, shown: Range = DAY, **variables: Value) -> list[dict[str, Any]]:
    return answered(store, QUERIES[name].sql, shown, ALL | variables).rows


def curves(store: Store, name: str, shown: Range = DAY, **variables: Value) -> dict[str, dict[datetime, float]]:
    found: dict[str, dict[datetime, float]] = {}
    for row in rows(store, name, shown, **variables):
        found.setdefault(row["metric"], {})[row["time"]] = row["value"]
    return found


def hour(number: int, minute: int = 0, *, day: datetime = YESTERDAY) -> datetime:
    return day + timedelta(hours=number, minutes=minute)


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", QUERIES)
def test_every_query_is_answered_in_the_form_that_is_needed(store: Store, name: str, choice: str) -> None:
    query = QUERIES[name]
    as_needed = {"table": is_table, "time_series": is_series, "variable": is_variable, "annotation": is_annotation}
    for shown in (DAY, MONTH, NOW):
        as_needed[query.form](query, answered(store, query.sql, shown, CHOICES[choice]))


def is_table(query: Query, answer: Answer) -> None:
    assert set(answer.types.values()) <= READABLE, answer.types
    if {"message", "level"} <= set(answer.types):  # a panel of logs takes the first text for the line
        assert list(answer.types.items())[:2] == [("time", "timestamptz"), ("message", "text")]


def is_series(query: Query, answer: Answer) -> None:
    names = list(answer.types)
    assert (names[0], answer.types["time"]) == ("time", "timestamptz")
    assert [row["time"] for row in answer.rows] == sorted(row["time"] for row in answer.rows)
    if "metric" in names:
        assert names == ["time", "metric", "value"]
        assert answer.types["metric"] == "text"
        points = [(row["time"], row["metric"]) for row in answer.rows]
        assert len(points) == len(set(points)), "a curve has two values at once"
    assert {answer.types[name] for name in names if name not in {"time", "metric"}} <= NUMBERS
    assert all(row["value"] is not None for row in answer.rows if "value" in row)


def is_variable(query: Query, answer: Answer) -> None:
    assert set(answer.types.values()) == {"text"}
    assert list(answer.types) in (["__text", "__value"], ["trace_id"])
    values = [tuple(row.values()) for row in answer.rows]
    assert len(values) == len(set(values))


def is_annotation(query: Query, answer: Answer) -> None:
    assert answer.types == {"time": "timestamptz", "timeEnd": "timestamptz", "text": "text", "tags": "text"}


def test_variables_offer_what_there_is(store: Store) -> None:
    def offered(name: str, **variables: Value) -> list[str]:
        return [row["__value"] for row in rows(store, f"joblog-history: ${name}", **variables)]

    assert offered("service") == ["etl", "ops", "shop"]
    assert offered("type") == ["", "cron", "queue"]
    assert offered("type", service=["etl"]) == ["cron"]
    assert offered("trigger", service=["shop"]) == ["", "queue"]
    assert offered("job") == ["import", "mail", "o'clock"]
    assert offered("job", type=["queue"]) == ["mail"]
    assert offered("job", trigger=["schedule"]) == ["import"]
    assert offered("job", service=["shop"], type=[""]) == ["o'clock"]
    assert rows(store, "joblog-run: $trace") == [{"trace_id": FAILED_RUN[:32]}]
    assert rows(store, "joblog-run: $trace", run="none") == []


@pytest.mark.parametrize(
    ("variables", "shown", "ended", "failed", "rate"),
    [
        ({}, DAY, 10, 3, 5 / 8),
        ({"job": ["import"]}, DAY, 4, 1, 3 / 4),
        ({"trigger": ["queue"]}, DAY, 5, 2, 1 / 3),
        ({"type": [""]}, DAY, 1, 0, 1.0),
        ({"service": ["nobody"]}, DAY, 0, 0, None),
        ({}, MONTH, 12, 4, 6 / 10),
        ({"trigger": ["queue"]}, MONTH, 5, 2, 1 / 3),
    ],
)
def test_totals_count_ended_runs(
    store: Store, variables: dict[str, Value], shown: Range, ended: int, failed: int, rate: float | None
) -> None:
    (row,) = rows(store, "joblog-history: Ended runs", shown, **variables)
    assert row == {"Ended runs": ended, "Failed": failed, "Retried": 0, "Success rate": rate}


def test_open_runs_are_counted_by_state(store: Store) -> None:
    assert rows(store, "joblog-history: Open now") == [{"Running": 2, "Pending": 0}]
    assert rows(store, "joblog-history: Open now", job=["mail"]) == [{"Running": 1, "Pending": 0}]


def test_a_job_shows_the_worst_of_each_stretch(store: Store) -> None:
    assert curves(store, "joblog-history: Worst outcome by job") == {
        "import": {hour(10): 2, hour(11): 5, hour(12): 2},
        "mail": {hour(10): 7},
        "o'clock": {hour(11): 2},
    }
    month = curves(store, "joblog-history: Worst outcome by job", MONTH, job=["import"])
    assert month == {"import": {LONG_AGO: 5, YESTERDAY: 5}}


def test_runs_are_counted_by_status_and_stretch(store: Store) -> None:
    zero = dict.fromkeys(("success", "skipped", "cancelled", "error", "timeout", "lost", "retried"), 0)
    assert rows(store, "joblog-history: Runs by status") == [
        zero | {"time": hour(10), "success": 3, "skipped": 1, "cancelled": 1, "timeout": 1, "lost": 1},
        zero | {"time": hour(11), "success": 1, "error": 1},
        zero | {"time": hour(12), "success": 1},
    ]
    assert rows(store, "joblog-history: Runs by status", MONTH, status=["error"]) == [
        zero | {"time": LONG_AGO, "error": 1},
        zero | {"time": YESTERDAY, "error": 1},
    ]


def test_throughput_is_in_runs_an_hour(store: Store) -> None:
    assert curves(store, "joblog-history: Throughput") == {
        "import": {hour(10): 2, hour(11): 1, hour(12): 1},
        "mail": {hour(10): 5},
        "o'clock": {hour(11): 1},
    }
    assert curves(store, "joblog-history: Throughput", DAY._replace(interval="15m"), job=["mail"]) == {
        "mail": {hour(10): 8, hour(10, 15): 4, hour(10, 30): 8}
    }
    month = curves(store, "joblog-history: Throughput", MONTH, job=["mail"])
    assert month["mail"][YESTERDAY] == pytest.approx(5 / 24)


def test_durations_are_exact_for_a_day_and_for_few_runs_in_a_month(store: Store) -> None:
    assert rows(store, "joblog-history: Durations", job=["import"]) == [
        {"time": hour(10), "p50": 10, "p95": 20, "longest": 20},
        {"time": hour(11), "p50": 30, "p95": 30, "longest": 30},
        {"time": hour(12), "p50": 40, "p95": 40, "longest": 40},
    ]
    long_ago, yesterday = rows(store, "joblog-history: Durations", MONTH, job=["import"])
    assert (long_ago["time"], yesterday["time"]) == (LONG_AGO, YESTERDAY)
    assert (long_ago["p50"], long_ago["p95"], yesterday["p50"]) == (30, 100, 20)
    assert (long_ago["longest"], yesterday["longest"]) == (100, 40)


def test_runs_are_listed_newest_first_with_what_links_need(store: Store) -> None:
    listed = rows(store, "joblog-history: Newest runs")
    assert [(row["Job"], row["Status"]) for row in listed[:3]] == [
        ("import", "success"),
        ("o'clock", "success"),
        ("import", "error"),
    ]
    assert len(listed) == 10
    run = listed[2]
    assert (run["Run"], run["Trace"], run["Took"], run["Lines"], run["Error lines"]) == (
        FAILED_RUN,
        FAILED_RUN[:32],
        30,
        3,
        1,
    )
    assert run["About"] == "row 7 is bad"
    began = at(11) // 1_000_000
    assert (run["From"], run["To"]) == (str(began - 1000), str(began + 31_000))
    assert {row["Status"] for row in rows(store, "joblog-history: Newest runs", status=["lost", "skipped"])} == {
        "lost",
        "skipped",
    }


def test_lost_runs_are_marked_in_the_curves(store: Store) -> None:
    (mark,) = rows(store, "joblog-history: Lost runs")
    assert (mark["time"], mark["timeEnd"]) == (hour(10, 15), hour(10, 16))
    assert mark["text"] == "mail was lost: killed by SIGKILL"


def test_failed_runs_are_counted_by_how(store: Store) -> None:
    (row,) = rows(store, "joblog-errors: Failed runs")
    assert row == {"Failed": 3, "Errors": 1, "Timed out": 1, "Lost": 1, "Retried": 0, "Failure rate": 3 / 8}


def test_the_failure_rate_is_that_of_each_job_that_failed(store: Store) -> None:
    assert curves(store, "joblog-errors: Failure rate by job") == {
        "import": {hour(10): 0, hour(11): 1, hour(12): 0},
        "mail": {hour(10): 2 / 3},
    }


def test_jobs_are_ranked_by_failures(store: Store) -> None:
    ranked = rows(store, "joblog-errors: Top failing jobs", MONTH)
    assert [tuple(row.values()) for row in ranked] == [
        ("import", "etl", 2, 6, 2 / 6, 2, 0, 0, 0),
        ("mail", "shop", 2, 3, 2 / 3, 0, 1, 1, 0),
    ]


def test_an_attempt_that_another_one_followed_is_retried_and_no_failure(dsn: str) -> None:
    write_attempts(dsn)
    of_fetch: dict[str, Value] = {"service": ["shop"], "job": ["fetch"], "type": [""], "trigger": [""]}
    with reading(dsn) as store:
        for shown in (DAY, MONTH):
            (total,) = rows(store, "joblog-history: Ended runs", shown, **of_fetch)
            assert total == {"Ended runs": 2, "Failed": 0, "Retried": 1, "Success rate": 1.0}
            assert rows(store, "joblog-errors: Top failing jobs", shown, **of_fetch) == []
        assert rows(store, "joblog-errors: Errors by kind", **of_fetch) == []
        assert curves(store, "joblog-history: Worst outcome by job", **of_fetch) == {
            "fetch": {hour(10): 8, hour(11): 2}
        }
        newest = rows(store, "joblog-history: Newest runs", **of_fetch)
        assert [(run["Status"], run["Attempt"]) for run in newest] == [("success", "2 of 3"), ("retried", "1 of 3")]
        (retried,) = rows(store, "joblog-history: Newest runs", **of_fetch | {"status": ["retried"]})
        assert retried["Attempt"] == "1 of 3"


def test_errors_of_a_kind_are_one_with_first_and_last_seen(store: Store) -> None:
    kinds = {row["Type"]: row for row in rows(store, "joblog-errors: Errors by kind", MONTH)}
    assert set(kinds) == {"ValueError", "timeout", "lost"}
    rows_are_bad = kinds["ValueError"]
    assert (rows_are_bad["Message"], rows_are_bad["Runs"], rows_are_bad["Jobs"]) == ("row <n> is bad", 2, 1)
    assert (rows_are_bad["First seen"], rows_are_bad["Last seen"]) == (hour(11, day=LONG_AGO), hour(11))
    assert rows_are_bad["Which jobs"] == "import"
    assert len(rows_are_bad["Kind"]) == 16
    day = {row["Type"]: row["Runs"] for row in rows(store, "joblog-errors: Errors by kind")}
    assert day == {"ValueError": 1, "timeout": 1, "lost": 1}


def test_failing_steps_lead_to_their_latest_run(store: Store) -> None:
    (step,) = rows(store, "joblog-errors: Failing steps")
    assert (step["Step"], step["Job"], step["Failed"], step["Run"]) == ("parse", "import", 1, FAILED_RUN)
    assert (step["Last failed"], step["Last error"]) == (hour(11) + timedelta(seconds=10), "row 7 is bad")


def test_lost_and_timed_out_runs_are_listed(store: Store) -> None:
    gone = rows(store, "joblog-errors: Lost and timed-out runs")
    assert [(row["Status"], row["Host"], row["About"]) for row in gone] == [
        ("lost", "host-2", "killed by SIGKILL"),
        ("timeout", "host-2", "no end after 60 s"),
    ]


def test_error_lines_are_those_of_the_jobs_chosen(store: Store) -> None:
    (line,) = rows(store, "joblog-errors: Newest error lines")
    assert (line["message"], line["level"], line["run_id"]) == ("row 7 is bad", "error", FAILED_RUN)
    assert rows(store, "joblog-errors: Newest error lines", job=["mail"]) == []


OPS: dict[str, Value] = {"service": ["ops"], "job": ["backup", "odd", "report"]}
NO_TROUBLE = {"Failed last time": 0, "Failing thrice or more": 0, "Never succeeded": 0}


def due(store: Store) -> datetime:
    """When report was due last: it began a minute after the time before."""
    (row,) = answered(store, "select started_at from joblog.job_history where job = 'report'").rows
    began: datetime = row["started_at"]
    return began + timedelta(minutes=59)


def test_what_needs_attention_is_counted(store: Store) -> None:
    (row,) = rows(store, "joblog-health: Needs attention")
    since = row.pop("Oldest last success")
    assert since == pytest.approx((datetime.now(TODAY.tzinfo) - hour(10, 5)).total_seconds(), abs=60)
    assert row == NO_TROUBLE | {
        "Jobs": 3,
        "Late or missed": 1,
        "Not expected": 0,
    }  # import, which says a schedule, and began an hour ago
    (row,) = rows(store, "joblog-health: Needs attention", trigger=["queue"])
    assert row["Jobs"] == 1
    (row,) = rows(store, "joblog-health: Needs attention", **OPS)
    assert (row["Jobs"], row["Late or missed"], row["Not expected"]) == (3, 1, 1)
    (row,) = rows(store, "joblog-health: Needs attention", **OPS | {"job": ["backup"]})
    assert (row["Jobs"], row["Late or missed"]) == (1, 0)


def test_the_health_of_each_job_is_told_beside_its_pause(store: Store) -> None:
    jobs = {row["Job"]: row for row in rows(store, "joblog-health: Jobs", MONTH)}
    job = jobs["import"]
    assert job["Pause"] == 20 * 60  # by its schedule
    assert job["Success age in pauses"] == pytest.approx(job["Since last success"] / (20 * 60))
    assert (job["Last status"], job["Failed in a row"], job["Schedule"]) == ("running", 0, "*/20 * * * *")
    assert job["Success rate, 7 days"] == pytest.approx(3 / 4)
    assert jobs["mail"]["Failed in a row"] == 2
    assert jobs["o'clock"]["Pause"] is None  # it began once


def test_jobs_tell_what_became_of_their_last_due_time(store: Store) -> None:
    jobs = {row["Job"]: row for row in rows(store, "joblog-health: Jobs", **OPS)}
    assert list(jobs) == ["report", "odd", "backup"]
    report, backup, odd = jobs["report"], jobs["backup"], jobs["odd"]
    assert (report["Last due"], report["Missed, 7 days"], report["Pause"]) == ("late", 0, 3600)
    assert report["Next due"] == due(store) + timedelta(hours=1)
    assert (backup["Last due"], backup["Next due"], backup["Schedule"]) == (None, None, None)  # it has none any more
    assert backup["Pause"] == 3600  # seven starts within the hours from ten to sixteen
    assert odd["Schedule"] == "when the moon is full · not understood: bad minute"
    assert [row["Job"] for row in rows(store, "joblog-health: Jobs", trigger=["queue"])] == ["mail"]


def test_what_did_not_begin_in_time_is_listed_the_newest_first(store: Store) -> None:
    late, *backup = rows(store, "joblog-health: Missed and late", NOW, **OPS)
    assert (late["Due"], late["Verdict"], late["Job"], late["Started"]) == (due(store), "late", "report", None)
    assert 600 <= late["Behind"] < 1_440  # four times its grace
    assert [(row["Due"], row["Verdict"], row["Schedule"]) for row in backup] == [
        (hour(13), "missed", "0 * * * *"),
        (hour(12), "started late", "0 * * * *"),
    ]
    assert (backup[1]["Behind"], backup[1]["Grace"], backup[1]["Started"]) == (1200, 360, hour(12, 20))
    assert backup[1]["Run"] == format_run_id(*ids(23))
    day = rows(store, "joblog-health: Missed and late", DAY, **OPS | {"job": ["backup"]})
    assert [row["Due"] for row in day] == [row["Due"] for row in backup]
    assert rows(store, "joblog-health: Missed and late", DAY, **OPS | {"job": ["odd"]}) == []


def test_every_due_time_has_its_verdict(store: Store) -> None:
    answer = answered(store, "select * from joblog.job_punctuality where job = 'backup' order by due_at")
    assert [(row["due_at"], row["verdict"], row["open"]) for row in answer.rows] == [
        (hour(11), "on time", False),
        (hour(12), "started late", True),
        (hour(13), "missed", True),
        (hour(14), "on time", False),
        (hour(15, 30), "on time", False),
    ]


def test_success_rates_are_ranked_the_lowest_first(store: Store) -> None:
    lowest = rows(store, "joblog-health: Lowest success rates")
    assert [tuple(row.values()) for row in lowest] == [
        ("mail · shop", 1 / 3),
        ("import · etl", 3 / 4),
        ("o'clock · shop", 1.0),
    ]


def test_failures_in_a_row_are_told_where_there_are_any(store: Store) -> None:
    assert rows(store, "joblog-health: Failures in a row") == [{"Job": "mail · shop", "Failed in a row": 2}]
    assert rows(store, "joblog-health: Failures in a row", trigger=["schedule"]) == []


def test_open_runs_are_remarked_on_the_worst_first(store: Store) -> None:
    silent, new = rows(store, "joblog-health: Open runs: unresponsive, running too long")
    assert (silent["Remark"], silent["Job"], silent["Should take at most"]) == ("unresponsive", "import", 60)
    assert silent["For"] > 3600
    assert 60 <= silent["Since last heartbeat"] == silent["Since last sign of life"]
    assert (silent["Usually"], 2600 < silent["Nothing heard for"] < 2800) == (30, True)
    assert (new["Remark"], new["Job"], new["Should take at most"]) == ("as usual", "mail", None)


def test_heartbeats_are_told_by_host(store: Store) -> None:
    first, second = rows(store, "joblog-health: Heartbeats by host")
    assert (first["Host"], first["Open runs"], first["Processes"], first["Unresponsive runs"]) == ("host-1", 1, 1, 1)
    assert first["Oldest heartbeat"] == first["Newest heartbeat"] >= 60
    assert (second["Host"], second["Unresponsive runs"]) == ("host-2", 0)


def test_progress_is_told_with_what_is_left(store: Store) -> None:
    (row,) = rows(store, "joblog-health: Progress")
    assert (row["Job"], row["Done"], row["Count"], row["Of"], row["Unit"]) == ("import", 0.25, 25, 100, "rows")
    assert row["Left at this pace"] == pytest.approx(2700)
    assert rows(store, "joblog-health: Progress", trigger=["queue"]) == []


def test_the_size_of_the_store_is_told_by_day_and_in_all(store: Store) -> None:
    sizes = curves(store, "joblog-health: Growth of the store", MONTH)
    assert {YESTERDAY} <= set(sizes["lines"]) & set(sizes["steps"])
    total = {row["Holds"]: row["On disk"] for row in rows(store, "joblog-health: Size of the store")}
    assert set(total) == {"lines", "steps", "samples", "runs", "statistics"}
    assert total["lines"] >= sum(sizes["lines"].values()) > 0


def test_a_run_is_shown_whole(store: Store) -> None:
    (run,) = rows(store, "joblog-run: Run")
    assert (run["Status"], run["Job"], run["Took"], run["Steps"], run["Lines"]) == ("error", "import", 30, 2, 3)
    assert (run["Warnings"], run["Error lines"]) == (1, 1)
    (error,) = rows(store, "joblog-run: Error")
    assert tuple(error.values()) == ("ValueError", "row 7 is bad", "Traceback: …")
    assert [(row["No."], row["Step"], row["Status"], row["Took"]) for row in rows(store, "joblog-run: Steps")] == [
        (1, "load", "success", 10),
        (2, "parse", "error", 20),
    ]
    assert [row["message"] for row in rows(store, "joblog-run: Lines")] == [
        "row 7 is bad",
        "row 6 is odd",
        "read 7 rows",
    ]
    attributes = {row["Attribute"]: row["Value"] for row in rows(store, "joblog-run: Attributes")}
    assert (attributes["run"], attributes["host"], attributes["schedule"]) == (FAILED_RUN, "host-1", "*/20 * * * *")


def test_steps_are_states_from_start_to_end(store: Store) -> None:
    ten, thirty = (hour(11) + timedelta(seconds=seconds) for seconds in (10, 30))
    assert curves(store, "joblog-run: Steps over time") == {
        "001 load": {hour(11): 2, ten: -1},
        "002 parse": {ten: 5, thirty: -1},
    }


def test_a_run_that_goes_on_is_shown_so_far(store: Store) -> None:
    (run,) = rows(store, "joblog-run: Run", run=format_run_id(*ids(7)))
    assert (run["Status"], run["Lines"]) == ("running", 0)
    assert run["Took"] > 3600
    assert rows(store, "joblog-run: Error", run=format_run_id(*ids(7))) == []


BY_KEY = [
    *(name for name in QUERIES if name.startswith("joblog-run: ")),
    "joblog-history: Newest runs",
    "joblog-history: Lost runs",
    "joblog-errors: Lost and timed-out runs",
    "joblog-errors: Newest error lines",
    "joblog-health: Missed and late",
]


@pytest.mark.parametrize("name", BY_KEY)
def test_lists_and_runs_are_found_by_index(store: Store, name: str) -> None:
    with store.transaction(force_rollback=True):
        store.execute("set local enable_seqscan = off")  # the tables are too small to need an index
        plan = answered(store, "explain " + QUERIES[name].sql, DAY, ALL).rows
    scans = [line for row in plan for line in row.values() if "Scan" in line]
    assert scans
    assert not [scan for scan in scans if "Seq Scan" in scan]
