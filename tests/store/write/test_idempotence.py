"""Whatever the order, the batches, the repetitions and the beats: the same records give the same rows and counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.records import Dropped, Queued, Record, SpanEvent, SpanLink
from otel_joblog.store.columns import instant
from otel_joblog.store.write import steps
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import WRONG_COUNTS, assert_statistics_are_right, contents, emptied
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, progress, run_id, span, started, step, trace

DAY = 86_400 * SECOND
FAILURE = SpanEvent(NOW + 100, "exception", {"exception.type": "ValueError", "exception.message": "no"})
OTHER = {"kind": SpanKind.SPAN, "span_id": span(77), "start": NOW + 300, "name": "SELECT"}


def attempt(number: int, after: int | None = None, reference: str | None = None) -> dict[str, Any]:
    said = {
        "joblog.attempt": number,
        "joblog.previous_attempt": after and run_id(after),
        "joblog.reference": reference,
    }
    attributes = {key: value for key, value in said.items() if value is not None}
    return {"start": NOW + number * SECOND, "attributes": attributes}


WAITED = {"joblog.queued_at": instant(NOW - 9 * SECOND).isoformat(), "joblog.job.type": "queue"}


def waits(number: int) -> Record:
    return Queued(
        trace(number), span(1), NOW - 9 * SECOND, "invoices", "shop", WAITED, [SpanLink(trace(1), span(1), {})]
    )


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
    # Attempts: linked at the start or at the end, thought lost in between; by reference; and not to another job.
    started(14),
    ended(14, status=RunStatus.ERROR, message="row 14 is bad"),
    started(15, **attempt(2, after=14)),
    ended(15, status=RunStatus.LOST, message="its process died", **attempt(2, after=14)),
    ended(15, status=RunStatus.TIMEOUT, **attempt(2, after=14)),
    ended(16, **attempt(3), links=[SpanLink(trace(15), span(1), {"joblog.link": "previous_attempt"})]),
    *(started(number, **attempt(number - 16, reference="order 7")) for number in (17, 18, 19)),
    *(ended(number, status=RunStatus.ERROR, **attempt(number - 16, reference="order 7")) for number in (17, 18)),
    ended(20, status=RunStatus.ERROR, message="row 20 is bad", name="another job"),
    started(21, **attempt(2, after=20)),
    # In a queue: still there, started, ended, and lost; one has only lines beside.
    *(waits(number) for number in (22, 23, 24, 25, 26)),
    *(
        span_of(number, attributes=WAITED)
        for number, span_of in ((23, started), (24, started), (24, ended), (25, ended))
    ),
    ended(25, status=RunStatus.LOST, message="its process died", attributes=WAITED),
    line(1, 26),
]


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


@pytest.fixture(params=["few steps", "many steps"])
def writer(dsn: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    if request.param == "many steps":
        monkeypatch.setattr(steps, "FEW", 0)
    writer = Writer(dsn)
    yield writer
    writer.close()


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
