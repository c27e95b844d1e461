"""However requests are cut, ordered and repeated: the same spans and log records give the same rows and statistics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_joblog.ingest.otlp import Decoder
from otel_joblog.records import Record
from otel_joblog.store.sql import query
from otel_joblog.store.write import steps
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import WRONG_COUNTS, assert_statistics_are_right, contents, emptied

from .messages import SECOND, event, job, log_event, log_record, logs, span, span_id, trace_id, traces

RUN_ID = {"joblog.run_id": f"{trace_id(1).hex()}-{span_id(1).hex()}"}
CONSUMER = {"kind": 5, "attributes": {"messaging.system": "sidekiq", "messaging.sidekiq.job_class": "Mailer"}}
FAILURE = event("exception", 5, exception__type="ValueError", exception__message="row 7 is bad")

# Each with the service that sends it.
SPANS = [
    # A run with steps that know it, and what other services did for it, two hops away.
    ("shop", job(1, attributes={"joblog.lines": 3}, events=[log_event("begun", 1), FAILURE], failed="no", start=0)),
    ("shop", span(2, 1, attributes={"joblog.kind": "step", "joblog.seq": 1} | RUN_ID, events=[log_event("step", 5)])),
    ("shop", span(3, 2, name="POST", kind=3, start=10)),
    ("api", span(4, 3, name="/charge", kind=2, start=20, events=[log_event("charging", 25, "ERROR")])),
    ("api", span(5, 4, name="SELECT", kind=3, start=30)),
    # It enqueued another, that a rule tells, with a run in it.
    ("shop", span(6, 2, name="enqueue", kind=4, start=40)),
    ("mail", span(7, 6, name="process", start=50, events=[log_event("sending", 55, "WARN")], **CONSUMER)),
    ("mail", job(8, 7, name="inner", start=60)),
    ("mail", span(9, 8, name="smtp", start=70, events=[log_event("one", 75), log_event("one", 75)])),
    # Of a run whose own span never comes, a step that knows it; of another nothing but spans.
    ("shop", span(2, 1, trace=2, attributes={"joblog.kind": "step", "joblog.run_id": span_id(1).hex()})),
    ("shop", span(3, 2, trace=2, events=[log_event("below a step", 5)])),
    ("shop", span(4, 99, trace=3, events=[log_event("nobody's", 5)])),
    ("shop", span(5, 4, trace=3)),
    # Each other's parents.
    ("odd", span(1, 2, trace=4)),
    ("odd", span(2, 1, trace=4)),
    # Runs of one job that end in several ways.
    *(("shop", job(1, trace=number, start=number * SECOND, end=(number + 9) * SECOND)) for number in range(10, 13)),
    *(("shop", job(1, trace=number, failed=f"row {number} is bad")) for number in range(13, 15)),
]
LOGS = [
    log_record("of the run", 1, at=100),
    log_record("of the step", 2, at=101, severity_number=13),
    log_record("of another service", 5, at=102),
    log_record("of a run in a run", 9, at=103),
    log_record("of no span", 77, at=104),
    log_record("of a run told", 88, at=105, attributes=RUN_ID),
]
EVERYTHING = [*SPANS, *LOGS]


def records_of(items: list[Any]) -> list[Record]:
    """What requests of these spans and log records, one for each service, are decoded to."""
    decoder = Decoder()
    records: list[Record] = []
    spans: dict[str, list[Any]] = {}
    some_logs = []
    for item in items:
        if isinstance(item, tuple):
            spans.setdefault(item[0], []).append(item[1])
        else:
            some_logs.append(item)
    for service, found in spans.items():
        request = traces(found, service__name=service, host__name=f"{service}-1")
        records += decoder.traces(request.SerializeToString()).records
    return records + decoder.logs(logs(some_logs).SerializeToString()).records


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Any]]:
    again = draw(st.lists(st.sampled_from(range(len(EVERYTHING))), max_size=20))
    order = draw(st.permutations([*range(len(EVERYTHING)), *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=12)))
    requests = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return [[EVERYTHING[place] for place in request] for request in requests]


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=["few steps", "many steps"])
def writer(dsn: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    if request.param == "many steps":
        monkeypatch.setattr(steps, "FEW", 0)
    writer = Writer(dsn)
    yield writer
    writer.close()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(requests=deliveries())
def test_any_delivery_of_the_same_spans_gives_the_same_rows(
    writer: Writer, connection: psycopg.Connection, requests: list[list[Any]]
) -> None:
    def delivered(requests: list[list[Any]]) -> dict[str, list[Any]]:
        emptied(connection)
        for request in requests:
            writer.write(records_of(request))
        return contents(connection)

    assert delivered(requests) == delivered([EVERYTHING])
    assert connection.execute(WRONG_COUNTS).fetchall() == []
    assert_statistics_are_right(connection)


def test_everything_is_where_it_belongs(writer: Writer, connection: psycopg.Connection) -> None:
    for item in EVERYTHING:
        writer.write(records_of([item]))

    def of(table: str, names: str, trace: int) -> list[Any]:
        query = f"select {names}, run_span_id from joblog.{table} where trace_id = %s order by 1, 2"
        return [(*row[:-1], row[-1] & 0xFF) for row in connection.execute(query, [trace_id(trace).hex()])]

    assert of("job_step", "name", 1) == [
        ("/charge", 1),
        ("POST", 1),
        ("SELECT", 1),
        ("enqueue", 1),
        ("smtp", 8),
        ("span 2", 1),
    ]
    assert of("job_log", "message", 1) == [
        ("begun", 1),
        ("charging", 1),
        ("of a run in a run", 8),
        ("of a run told", 1),
        ("of another service", 1),
        ("of no span", 0),
        ("of the run", 1),
        ("of the step", 1),
        ("one", 8),
        ("one", 8),
        ("sending", 7),
        ("step", 1),
    ]
    runs = connection.execute(
        "select name, type, service, parent_run_span_id & 255, lines, steps, error_type from joblog.job_run"
        " where trace_id = %s order by started_at",
        [trace_id(1).hex()],
    ).fetchall()
    assert runs == [
        ("job", "", "shop", None, 7, 1, "ValueError"),
        ("Mailer", "queue", "mail", 1, 1, 0, None),
        ("inner", "", "mail", 7, 3, 0, None),
    ]
    assert of("job_step", "name", 2) == [("span 2", 1), ("span 3", 1)]
    assert {run for *_, run in of("job_step", "name", 3) + of("job_step", "name", 4)} == {0}
    waiting = connection.execute("select trace_id from joblog.job_waiting order by 1").fetchall()
    assert [waited.hex for (waited,) in waiting] == [trace_id(number).hex() for number in (1, 3, 4)]
    # What is in a process of another service is told by that.
    services = connection.execute(
        "select step.name, service from joblog.job_step as step join joblog.job_process using (process_id)"
        " where trace_id = %s order by 1",
        [trace_id(1).hex()],
    ).fetchall()
    assert dict(services) == {
        "/charge": "api",
        "POST": "shop",
        "SELECT": "api",
        "enqueue": "shop",
        "smtp": "mail",
        "span 2": "shop",
    }


def test_a_trace_is_not_looked_through_before_it_has_a_run(writer: Writer, connection: psycopg.Connection) -> None:
    def looked_through() -> bool:
        bounds = connection.execute(query("write/lock_waiting"), {"trace_id": trace_id(1).hex()}).fetchone()
        return bounds is not None

    writer.write(records_of([("api", span(3, 2)), ("api", span(4, 3))]))
    assert connection.execute("select count(*) from joblog.job_waiting").fetchone() == (1,)
    assert not looked_through()
    writer.write(records_of([("shop", job(1))]))
    assert looked_through(), "the span between is missing"
    writer.write(records_of([("shop", span(2, 1))]))
    assert not looked_through(), "nothing waits any more"
    assert connection.execute("select distinct run_span_id & 255 from joblog.job_step").fetchall() == [(1,)]


def test_spans_that_are_written_at_once_by_many_find_their_runs(dsn: str, connection: psycopg.Connection) -> None:
    everything = [[("shop", job(1, trace=trace)), *(("api", span(n, n - 1, trace=trace)) for n in range(2, 9))]
        for trace in range(1, 31)]  # fmt: skip
    parts = [[trace[place] for trace in everything] for place in range(8)]
    together = threading.Barrier(8)

    def write(part: list[Any], turn: int) -> None:
        writer = Writer(dsn)
        together.wait()
        for one in range(0, len(part), 5):
            writer.write(records_of(part[(one + turn) % 30 : (one + turn) % 30 + 5]))
        for item in part:
            writer.write(records_of([item]))
        writer.close()

    threads = [threading.Thread(target=write, args=(part, turn)) for turn, part in enumerate(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = connection.execute("select run_span_id & 255, count(*) from joblog.job_step group by 1").fetchall()
    assert runs == [(1, 210)]
    assert connection.execute("select count(*) from joblog.job_waiting").fetchone() == (0,)
