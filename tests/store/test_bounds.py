"""Lists stay small, however large their rows are; what others say cannot spoil what is there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from otel_joblog.conventions import Attribute, RunStatus
from otel_joblog.errors import StepNotFound
from otel_joblog.records import Process, SpanEvent
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, run_id, span, started, step

T = TypeVar("T")
MEGABYTE = 1_000_000
YEARS = 90 * 365 * 86_400 * SECOND
STRANGER = Process(b"s" * 16, 0, 0, "elsewhere", "", "attacker", {"service.name": "attacker"})


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def asked(dsn: str, question: Callable[[Reader], Awaitable[T]]) -> T:
    async def main() -> T:
        async with Reader(dsn) as reader:
            return await question(reader)

    return asyncio.run(main())


def failed(number: int, size: int, **fields: Any) -> Any:
    said = {
        Attribute.EXCEPTION_TYPE: "ValueError",
        Attribute.EXCEPTION_MESSAGE: "m" * size,
        Attribute.EXCEPTION_STACKTRACE: "t" * size,
    }
    return ended(
        number, status=RunStatus.ERROR, message="s" * size, events=[SpanEvent(NOW, "exception", said)], **fields
    )


def noise(characters: int) -> str:
    """What no compression makes smaller."""
    return "".join(random.Random(characters).choices([chr(code) for code in range(0x4E00, 0x9000)], k=characters))


def test_a_page_of_runs_is_small_however_long_their_errors_and_results_are(writer: Writer, dsn: str) -> None:
    large = {f"{Attribute.RESULT}.all": "r" * MEGABYTE, f"{Attribute.RESULT}.rows": 5, Attribute.OWNER: "o" * MEGABYTE}
    for number in range(25):
        writer.write([failed(number, MEGABYTE, attributes=large)], PROCESS)
    page = asked(dsn, lambda reader: reader.runs())
    assert len(msgspec.json.encode(page)) < 100_000
    first = page.items[0]
    assert first.cut
    assert first.error is not None
    assert (first.status_message, first.error.message, first.result) == ("s" * 500, "m" * 500, {"rows": 5})
    whole = asked(dsn, lambda reader: reader.run(first.run_id))
    assert whole.error is not None
    assert (whole.error.message, whole.error.stacktrace) == ("m" * MEGABYTE, "t" * MEGABYTE)
    assert (whole.run.cut, whole.run.status_message) == (False, "s" * MEGABYTE)
    assert whole.run.result == {"all": "r" * MEGABYTE, "rows": 5}


def test_a_short_run_is_not_said_to_be_cut(writer: Writer, dsn: str) -> None:
    result = {f"{Attribute.RESULT}.rows": 5}
    writer.write([failed(1, 300, attributes=result), ended(2, message="é" * 500)], PROCESS)
    assert [run.cut for run in asked(dsn, lambda reader: reader.runs()).items] == [False, False]


def test_two_thousand_steps_are_small_and_those_that_failed_keep_their_traces(writer: Writer, dsn: str) -> None:
    large = {"payload": "p" * 60_000, Attribute.THREAD_CPU: 0.5}
    steps = [ended(1, **{**step(place), "attributes": large, "message": "w" * 9_000}) for place in range(1, 2_000)]
    trace = {Attribute.EXCEPTION_STACKTRACE: "t" * 15_000, Attribute.EXCEPTION_MESSAGE: "m" * 1_500}
    last = ended(1, **step(2_000), status=RunStatus.ERROR, events=[SpanEvent(NOW, "exception", trace)])
    writer.write([started(1), *steps, last], PROCESS)
    detail = asked(dsn, lambda reader: reader.run(run_id(1)))
    assert len(detail.steps) == 2_000
    assert len(msgspec.json.encode(detail)) < 4 * MEGABYTE
    assert all(info.cut for info in detail.steps[:-1])
    assert detail.steps[0].attributes == {Attribute.THREAD_CPU: 0.5}
    failure = detail.steps[-1]
    assert failure.error is not None
    assert (failure.cut, failure.error.message, failure.error.stacktrace) == (False, "m" * 1_500, "t" * 15_000)


def test_a_step_is_whole_by_its_own_address(writer: Writer, dsn: str) -> None:
    trace = {Attribute.EXCEPTION_STACKTRACE: "t" * MEGABYTE, Attribute.EXCEPTION_MESSAGE: "m" * MEGABYTE}
    large = {"payload": "p" * MEGABYTE}
    failure = ended(1, **step(1), attributes=large, status=RunStatus.ERROR, events=[SpanEvent(NOW, "exception", trace)])
    writer.write([started(1), failure], PROCESS)
    (among,) = asked(dsn, lambda reader: reader.run(run_id(1))).steps
    assert (among.cut, among.attributes) == (True, {})
    alone = asked(dsn, lambda reader: reader.step(run_id(1), among.span_id))
    assert alone.error is not None
    assert (alone.cut, alone.attributes, alone.error.message) == (False, large, "m" * MEGABYTE)
    assert alone.error.stacktrace == "t" * MEGABYTE
    with pytest.raises(StepNotFound):
        asked(dsn, lambda reader: reader.step(run_id(1), span(77).hex()))


def test_a_page_of_lines_counts_attributes_as_large_as_they_are_when_unpacked(writer: Writer, dsn: str) -> None:
    writer.write([started(1), *(line(seq, attributes={"all": "a" * 600_000}) for seq in range(1, 11))], PROCESS)
    page = asked(dsn, lambda reader: reader.lines(run_id(1)))
    assert (len(page.items), page.next is None) == (3, False)
    found = asked(dsn, lambda reader: reader.search("line"))
    assert len(msgspec.json.encode(found)) < 10_000
    assert {(item.cut, len(item.line.attributes)) for item in found.items} == {(True, 0)}


@pytest.mark.parametrize(
    ("key", "column"),
    [
        (Attribute.JOB_TYPE, "type"),
        (Attribute.TRIGGER, "trigger"),
        (Attribute.JOB_NAME, "name"),
        (Attribute.REFERENCE, "reference"),
        (Attribute.SERVICE_NAME, "service"),
    ],
)
def test_what_no_index_takes_is_bounded_and_says_so(key: str, column: str, writer: Writer, dsn: str) -> None:
    said = noise(3_000)
    writer.write([started(1, attributes={key: said}), ended(1, attributes={key: said})])
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        run = connection.execute("select * from joblog.job_run").fetchone()
    assert run is not None
    assert run["status"] == RunStatus.SUCCESS.code
    assert run[column].endswith("… (3,000 characters)")
    assert said.startswith(run[column].removesuffix("… (3,000 characters)"))
    assert run["attributes"][key] == said


def test_all_of_them_together_fit_into_every_index(writer: Writer, dsn: str) -> None:
    keys = (Attribute.JOB_TYPE, Attribute.TRIGGER, Attribute.JOB_NAME, Attribute.REFERENCE)
    attributes = {key: noise(3_000 + place) for place, key in enumerate(keys)}
    service = noise(4_000)
    long = Process(b"l" * 16, NOW, 1, "host", "boot", service, {"service.name": service})
    writer.write([long, failed(1, 10, attributes=attributes), ended(1, **step(1))])
    (job,) = asked(dsn, lambda reader: reader.jobs()).items
    assert job.failures == 1
    detail = asked(dsn, lambda reader: reader.run(run_id(1)))
    assert detail.resource == {"service.name": service}
    assert detail.steps[0].service == detail.run.service == job.service


def test_numbers_that_are_none_are_kept_as_words(writer: Writer, dsn: str) -> None:
    odd = {"loss": float("nan"), "best": [1.5, float("-inf"), None], "deep": {"a": {"b": (float("inf"),)}}}
    spelled = {"loss": "NaN", "best": [1.5, "-Infinity", None], "deep": {"a": {"b": ["Infinity"]}}}
    many = [ended(1, **step(place), attributes=odd) for place in range(1, 25)]
    result = {f"{Attribute.RESULT}.loss": float("nan")}
    writer.write([line(1, attributes=odd), *many, ended(1, attributes=odd | result)], PROCESS)
    detail = asked(dsn, lambda reader: reader.run(run_id(1)))
    assert detail.run.result == {"loss": "NaN"}
    assert {key: detail.attributes[key] for key in odd} == spelled
    assert all(info.attributes == spelled for info in detail.steps)
    (kept,) = asked(dsn, lambda reader: reader.lines(run_id(1))).items
    assert kept.attributes == spelled


@pytest.mark.parametrize("steps", [1, 30], ids=["few steps", "many steps"])
def test_an_end_with_copied_ids_is_none_of_a_living_run(steps: int, writer: Writer, dsn: str) -> None:
    places = range(1, steps + 1)
    writer.write([started(1), *(started(1, **step(place)) for place in places)], PROCESS)
    forged = {"name": "forged", "status": RunStatus.CANCELLED, "message": "by nobody"}
    writer.write([ended(1, **forged), *(ended(1, **{**step(place), **forged}) for place in places)], STRANGER)
    run = asked(dsn, lambda reader: reader.run(run_id(1)))
    assert (run.run.job, run.run.service, run.run.status) == ("invoices", "billing", RunStatus.RUNNING)
    assert {(info.name.split("-")[0], info.status) for info in run.steps} == {("step", RunStatus.RUNNING)}
    writer.write([ended(1), *(ended(1, **step(place)) for place in places)], PROCESS)
    run = asked(dsn, lambda reader: reader.run(run_id(1)))
    assert (run.run.job, run.run.status) == ("invoices", RunStatus.SUCCESS)
    assert {info.status for info in run.steps} == {RunStatus.SUCCESS}
    (job,) = asked(dsn, lambda reader: reader.jobs()).items
    assert (job.job, job.runs) == ("invoices", 1)


def test_a_run_that_was_lost_takes_an_end_of_its_own_job_only(writer: Writer, dsn: str) -> None:
    writer.write([ended(1, status=RunStatus.LOST)], PROCESS)
    writer.write([ended(1, name="forged")], STRANGER)
    assert asked(dsn, lambda reader: reader.run(run_id(1))).run.status is RunStatus.LOST
    # As its own OTLP exporter tells it, which knows nothing of our process's id.
    writer.write([ended(1)], Process(b"d" * 16, 0, 0, "host-1", "", "billing", {"service.name": "billing"}))
    assert asked(dsn, lambda reader: reader.run(run_id(1))).run.status is RunStatus.SUCCESS


def test_runs_from_the_far_future_hold_no_first_page(writer: Writer, dsn: str) -> None:
    writer.write([ended(1), ended(2, start=NOW - SECOND)], PROCESS)
    for number in range(3, 6):
        writer.write([ended(number, start=NOW + YEARS, end=NOW + YEARS + SECOND)], PROCESS)
    page = asked(dsn, lambda reader: reader.runs(limit=2))
    assert [run.run_id for run in page.items] == [run_id(1), run_id(2)]
    assert (page.next, page.ahead) == (None, 3)
    since = asked(dsn, lambda reader: reader.runs(since=page.items[0].started_at))
    assert ([run.run_id for run in since.items], since.ahead) == ([run_id(1)], 3)
    far = asked(dsn, lambda reader: reader.runs(since=datetime.now(UTC) + timedelta(days=1)))
    assert ([run.run_id for run in far.items], far.ahead) == ([run_id(5), run_id(4), run_id(3)], 0)
    (job,) = asked(dsn, lambda reader: reader.jobs()).items
    assert (job.last_run_id, job.last_run_at, job.runs) == (run_id(1), page.items[0].started_at, 2)
    assert job.last_success_at == page.items[0].started_at
    assert asked(dsn, lambda reader: reader.statistics()).total.runs == 2
