"""Jobs in figures, as pages, API and CLI ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import psycopg
import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.errors import BadCursor
from otel_joblog.records import Process
from otel_joblog.store.read.models import JobSummary
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, run_id, started

T = TypeVar("T")

DAY = 86_400 * SECOND
NOON = NOW // DAY * DAY - DAY // 2  # of yesterday
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
OTHER = Process(b"o" * 16, NOW, 1, "host-2", "", "shop", {})


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


def job(dsn: str) -> JobSummary:
    (found,) = asked(dsn, lambda reader: reader.jobs()).items
    return found


def at(minute: int, seconds: float = 5.0, days_ago: int = 1) -> dict[str, int]:
    start = NOON + DAY - days_ago * DAY + minute * 60 * SECOND
    return {"start": start, "end": start + round(seconds * SECOND)}


def test_a_job_is_told_with_its_latest_run(writer: Writer, dsn: str) -> None:
    attributes = {"joblog.schedule": "0 3 * * *", "joblog.owner": "ops", "joblog.job.type": "cron"}
    writer.write([ended(1, **at(1)), ended(2, status=RunStatus.ERROR, **at(2))], PROCESS)
    writer.write([ended(3, status=RunStatus.SKIPPED, **at(3)), ended(4, status=RunStatus.TIMEOUT, **at(4))], PROCESS)
    writer.write([started(5, attributes=attributes)], PROCESS)
    found = job(dsn)
    assert (found.job, found.service, found.type, found.owner) == ("invoices", "billing", "cron", "ops")
    assert (found.last_run_id, found.last_status) == (run_id(5), RunStatus.RUNNING)
    assert (found.runs, found.failures, found.runs_ever, found.failures_ever) == (4, 2, 4, 2)
    assert found.success_rate == pytest.approx(1 / 3)
    assert found.failures_in_a_row == 2
    assert found.average == found.average_ever == 5.0
    assert found.p50 == 5.0
    assert found.last_success_at is not None
    assert found.last_success_at.timestamp() == (NOON + 60 * SECOND) // SECOND


def test_what_is_known_of_a_job_outlives_its_runs(writer: Writer, dsn: str) -> None:
    writer.write([ended(1, **at(1, days_ago=100))], PROCESS)
    with psycopg.connect(dsn) as connection:
        connection.execute("delete from joblog.job_run")
    found = job(dsn)
    assert (found.last_run_id, found.last_status, found.runs, found.runs_ever) == (None, None, 0, 1)
    assert (found.success_rate, found.p95) == (None, None)
    assert found.last_run_at is not None


def test_jobs_are_listed_by_name_page_by_page(writer: Writer, dsn: str) -> None:
    for process in (PROCESS, OTHER):
        base = 0 if process is PROCESS else 100
        writer.write([started(base + number, name=f"job-{number % 7}") for number in range(14)], process)
    names, key = [], None
    while True:
        page = asked(dsn, lambda reader, key=key: reader.jobs(after=key, limit=4))
        names += [(job.job, job.service) for job in page.items]
        if (key := page.next) is None:
            break
    assert names == [(f"job-{number}", service) for number in range(7) for service in ("billing", "shop")]
    assert [job.service for job in asked(dsn, lambda reader: reader.jobs(job="job-3")).items] == ["billing", "shop"]
    assert len(asked(dsn, lambda reader: reader.jobs(service="shop", part="B-3")).items) == 1
    assert asked(dsn, lambda reader: reader.jobs(part="%")).items == []
    with pytest.raises(BadCursor):
        asked(dsn, lambda reader: reader.jobs(after="bm9uc2Vuc2U"))


def test_statistics_of_a_job_tell_every_day(writer: Writer, dsn: str) -> None:
    writer.write([ended(number, **at(number, seconds=number)) for number in range(1, 101)], PROCESS)
    writer.write([ended(200, status=RunStatus.LOST, message="gone", **at(1, days_ago=3))], PROCESS)
    writer.write([ended(201, name="other", **at(1))], PROCESS)
    found = asked(dsn, lambda reader: reader.statistics(job="invoices", service="billing", days=7))
    assert [day.day for day in found.by_day] == [YESTERDAY + timedelta(days=number) for number in range(-5, 2)]
    assert [day.runs for day in found.by_day] == [0, 0, 0, 1, 0, 100, 0]
    assert (found.total.runs, found.total.lost, found.total.failures) == (101, 1, 1)
    assert found.total.p50 == pytest.approx(50, rel=0.03)
    assert found.total.p95 == pytest.approx(95, rel=0.03)
    assert found.total.p99 == pytest.approx(99, rel=0.03)
    assert (found.total.average, found.total.longest) == (50.5, 100.0)
    assert found.by_day[5].p95 == found.total.p95
    assert (found.top_failing, found.slowest) == ([], [])
    assert [error.type for error in found.top_errors] == ["lost"]


@pytest.mark.parametrize(
    ("durations", "percentiles"),
    [
        ([2.15], (2.15, 2.15, 2.15)),
        ([1.0, 2.15], (1.0, 2.15, 2.15)),
        ([2.05, 2.15], (2.05, 2.15, 2.15)),  # of one bucket
        ([0.5, 2.15, 30.0], (2.15, 30.0, 30.0)),
        ([0.0], (0.0, 0.0, 0.0)),
    ],
)
def test_percentiles_of_few_runs_are_exact(
    durations: list[float], percentiles: tuple[float, ...], writer: Writer, dsn: str
) -> None:
    writer.write([ended(number, **at(number, seconds)) for number, seconds in enumerate(durations)], PROCESS)
    found = asked(dsn, lambda reader: reader.statistics())
    for figures in (found.total, found.by_day[-2]):
        assert (figures.p50, figures.p95, figures.p99) == percentiles
    assert (job(dsn).p50, job(dsn).p95) == percentiles[:2]
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select p50_s, p95_s, p99_s, runs from joblog.job_durations").fetchone()
    assert row == (*percentiles, len(durations))


def test_percentiles_are_between_the_shortest_and_the_longest_run(writer: Writer, dsn: str) -> None:
    durations = [2.0 + number % 17 / 100 for number in range(200)]
    writer.write([ended(number, **at(number, seconds)) for number, seconds in enumerate(durations)], PROCESS)
    total = asked(dsn, lambda reader: reader.statistics()).total
    assert total.p50 == pytest.approx(2.08, abs=0.01)
    assert 2.0 <= total.p50 <= total.p95 <= total.p99 <= total.longest == 2.16


def test_what_an_older_version_counted_has_percentiles_within_its_buckets(writer: Writer, dsn: str) -> None:
    writer.write([ended(number, **at(number, 5.0)) for number in range(10)], PROCESS)
    with psycopg.connect(dsn) as connection:
        connection.execute("update joblog.job_duration set low_ms = null, high_ms = null")
    total = asked(dsn, lambda reader: reader.statistics()).total
    assert total.p50 == pytest.approx(5.0, rel=0.19)


def test_statistics_of_all_jobs_rank_them(writer: Writer, dsn: str) -> None:
    for number, (failures, seconds) in enumerate([(3, 1), (5, 2), (0, 9)]):
        runs = [
            ended(
                100 * number + run,
                name=f"job-{number}",
                attributes={"joblog.job.type": "cron" if number else "queue"},
                status=RunStatus.ERROR if run < failures else RunStatus.SUCCESS,
                **at(run, seconds),
            )
            for run in range(10)
        ]
        writer.write(runs, PROCESS)
    found = asked(dsn, lambda reader: reader.statistics())
    assert [(job.job, job.failures, job.success_rate) for job in found.top_failing] == [
        ("job-1", 5, 0.5),
        ("job-0", 3, 0.7),
    ]
    assert [(job.job, job.average) for job in found.slowest] == [("job-2", 9.0), ("job-1", 2.0), ("job-0", 1.0)]
    assert {name: figures.runs for name, figures in found.by_type.items()} == {"cron": 20, "queue": 10}
    assert len(found.by_day) == 30


def test_an_empty_store_has_no_figures(dsn: str) -> None:
    found = asked(dsn, lambda reader: reader.statistics(days=2))
    assert (found.total.runs, found.total.success_rate, found.total.p50) == (0, None, None)
    assert [day.runs for day in found.by_day] == [0, 0]
    assert asked(dsn, lambda reader: reader.jobs()).items == []
    assert asked(dsn, lambda reader: reader.errors()) == []


def test_errors_are_told_by_kind_the_most_frequent_first(writer: Writer, dsn: str) -> None:
    for number in range(6):
        failed = {"status": RunStatus.ERROR, "message": f"row {number} is bad", "name": f"job-{number}"}
        writer.write([ended(number, **failed, **at(number)), ended(number, **failed, **at(number))], PROCESS)
    writer.write([ended(10, status=RunStatus.TIMEOUT, message="no end after 30 s", **at(10))], OTHER)
    rows, timeouts = asked(dsn, lambda reader: reader.errors())
    assert (rows.type, rows.message, rows.runs, rows.number_of_jobs) == ("error", "row <n> is bad", 6, 6)
    assert rows.jobs == [f"job-{number}" for number in range(5)]
    assert (rows.first_seen_at.minute, rows.last_seen_at.minute) == (0, 5)
    assert rows.last_run_id == run_id(5)
    assert (timeouts.type, timeouts.message) == ("timeout", "no end after <n> s")
    page = asked(dsn, lambda reader: reader.runs(error=rows.error, job="job-3"))
    assert [run.run_id for run in page.items] == [run_id(3)]
    assert [error.type for error in asked(dsn, lambda reader: reader.errors(service="shop"))] == ["timeout"]
    assert asked(dsn, lambda reader: reader.errors(days=1)) == []
