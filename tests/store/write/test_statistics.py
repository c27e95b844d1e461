"""Statistics kept as runs end; that they are exact in any order is proven in test_idempotence.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from otel_joblog.conventions import RunStatus
from otel_joblog.store.write.statistics import duration_bucket
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, started

DAY = 86_400 * SECOND


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def rows(dsn: str, table: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(f"select * from joblog.{table} order by day, name").fetchall()


def job(dsn: str) -> dict[str, Any]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        (row,) = connection.execute("select * from joblog.job").fetchall()
        return row


def test_a_job_is_known_from_its_first_start(writer: Writer, dsn: str) -> None:
    writer.write([started()], PROCESS)
    assert (job(dsn)["name"], job(dsn)["service"], job(dsn)["runs"]) == ("invoices", "billing", 0)
    assert job(dsn)["last_run_at"].timestamp() == pytest.approx(NOW / SECOND)
    assert rows(dsn, "job_day") == []


def test_every_end_counts_once(writer: Writer, dsn: str) -> None:
    ends = [ended(number, status=status) for number, status in enumerate(list(RunStatus)[2:])]
    for _ in range(2):
        writer.write([started(number) for number in range(len(ends))], PROCESS)
        writer.write(ends, PROCESS)
    (day,) = rows(dsn, "job_day")
    assert {day[name] for name in ("successes", "skipped", "cancelled", "errors", "timeouts", "lost")} == {1}
    assert day["duration_ms"] == 15_000  # of success, error and timeout
    assert (job(dsn)["runs"], job(dsn)["failures"], job(dsn)["timed"]) == (6, 3, 3)
    (duration,) = rows(dsn, "job_duration")
    assert (duration["bucket"], duration["runs"]) == (duration_bucket(5_000), 3)


def test_a_lost_run_that_ends_after_all_is_taken_back(writer: Writer, dsn: str) -> None:
    writer.write(
        [ended(1, status=RunStatus.LOST, message="its process died"), ended(2, status=RunStatus.LOST)], PROCESS
    )
    assert (job(dsn)["failures"], len(rows(dsn, "job_error_day"))) == (2, 2)
    writer.write([ended(1)], PROCESS)
    (day,) = rows(dsn, "job_day")
    assert (day["lost"], day["successes"]) == (1, 1)
    assert (job(dsn)["runs"], job(dsn)["failures"]) == (2, 1)
    (error,) = rows(dsn, "job_error_day")
    assert (error["type"], error["message"], error["runs"]) == ("lost", "", 1)


def test_when_a_kind_of_error_was_seen_is_mended_with_its_lost_runs(writer: Writer, dsn: str) -> None:
    noon = (NOW // DAY - 1) * DAY + DAY // 2
    lost = {"status": RunStatus.LOST, "message": "gone"}
    writer.write([ended(number, start=noon + number * SECOND, **lost) for number in (1, 2, 3)], PROCESS)
    writer.write([ended(1, start=noon + SECOND), ended(3, start=noon + 3 * SECOND)], PROCESS)
    (error,) = rows(dsn, "job_error_day")
    assert error["runs"] == 1
    assert error["first_at"] == error["last_at"]
    assert error["first_at"].timestamp() == noon // SECOND + 2


def test_runs_that_nobody_named_are_not_counted(writer: Writer, dsn: str) -> None:
    writer.write([line(1), line(2, 2)], PROCESS)
    assert writer.settle(0) == 2
    assert rows(dsn, "job_day") == []
    writer.write([started(1), ended(1)], PROCESS)
    assert (job(dsn)["runs"], job(dsn)["failures"]) == (1, 0)


def test_silent_runs_count_as_lost_and_are_one_kind_of_failure(writer: Writer, dsn: str) -> None:
    writer.write([started(1), started(2)], PROCESS)
    writer.settle(0)
    (error,) = rows(dsn, "job_error_day")
    assert (error["type"], error["runs"]) == ("lost", 2)
    assert error["message"] == "no sign of life since <time> UTC: its host never came back"


def test_days_are_those_of_utc(writer: Writer, dsn: str) -> None:
    midnight = NOW // DAY * DAY
    writer.write([ended(1, start=midnight - 1000), ended(2, start=midnight)], PROCESS)
    first, second = rows(dsn, "job_day")
    assert (second["day"] - first["day"]).days == 1


def test_resources_are_summed_where_runs_tell_of_them(writer: Writer, dsn: str) -> None:
    usage = {"joblog.process.cpu.user": 1.5, "joblog.process.cpu.system": 0.25, "joblog.process.memory.peak": 2**33}
    nonsense = {"joblog.process.cpu.user": "much", "joblog.process.memory.peak": True}
    writer.write([ended(1, attributes=usage), ended(2, attributes=nonsense), ended(3)], PROCESS)
    (day,) = rows(dsn, "job_day")
    assert (day["cpu_runs"], day["cpu_ms"], day["memory_peak"]) == (1, 1750, 2**33)


def test_clocks_that_went_backwards_count_as_no_time(writer: Writer, dsn: str) -> None:
    writer.write([ended(1, end=NOW - 60 * SECOND)], PROCESS)
    (day,) = rows(dsn, "job_day")
    assert (day["duration_ms"], day["longest_ms"]) == (0, 0)


def test_writers_at_the_same_time_count_exactly(dsn: str) -> None:
    def write(seed: int) -> None:
        writer = Writer(dsn)
        for number in range(40):
            order = (number + seed * 13) % 40
            writer.write([ended(order, name=f"job {order % 3}", status=RunStatus.LOST, message="gone")], PROCESS)
            writer.write([ended(order, name=f"job {order % 3}"), ended(order + 40, name="job 0")], PROCESS)
        writer.close()

    threads = [threading.Thread(target=write, args=[seed]) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    days = rows(dsn, "job_day")
    assert [(day["name"], day["successes"], day["lost"]) for day in days] == [
        ("job 0", 14 + 40, 0), ("job 1", 13, 0), ("job 2", 13, 0),
    ]  # fmt: skip
    assert sum(duration["runs"] for duration in rows(dsn, "job_duration")) == 80
    assert rows(dsn, "job_error_day") == []
