"""Signs of life: beats, what is said of a silent run, and how it is given up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from otel_joblog.conventions import RunStatus
from otel_joblog.errors import RecordRefused, StoreUnavailable
from otel_joblog.store.read.models import RunDetail, RunSummary, UsualDuration
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, progress, run_id, started, step

START = datetime.fromtimestamp(NOW // 1000 / 1_000_000, UTC)
HOUR = 3600 * SECOND


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def execute(dsn: str, query: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(query)


def rows(dsn: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()


def statuses(dsn: str, table: str = "job_run") -> list[RunStatus]:
    found = rows(dsn, f"select status from joblog.{table} order by trace_id, started_at, span_id")
    return [RunStatus.from_code(row["status"]) for row in found]


def detail(dsn: str, number: int = 1) -> RunDetail:
    async def main() -> RunDetail:
        async with Reader(dsn) as reader:
            return await reader.run(run_id(number))

    return asyncio.run(main())


def listed(dsn: str) -> list[RunSummary]:
    async def main() -> list[RunSummary]:
        async with Reader(dsn) as reader:
            return (await reader.runs()).items

    return asyncio.run(main())


def beat_ago(dsn: str, seconds: float) -> None:
    execute(dsn, f"update joblog.job_live set beat_at = now() - interval '{seconds} seconds'")


# Beats


def test_processes_beat_before_anything_else_is_known_of_them(writer: Writer, dsn: str) -> None:
    writer.beat([b"a" * 16, b"b" * 16, b"a" * 16])
    beat_ago(dsn, 60)
    writer.beat([b"b" * 16])
    old, new = rows(dsn, "select beat_at > now() - interval '30 seconds' as fresh from joblog.job_live order by 1")
    assert (old["fresh"], new["fresh"]) == (False, True)
    writer.forget([b"a" * 16, b"c" * 16])
    assert [row["process_id"].bytes for row in rows(dsn, "select * from joblog.job_live")] == [b"b" * 16]
    writer.beat([])


def test_beats_raise_as_records_do(writer: Writer) -> None:
    with pytest.raises(RecordRefused):
        writer.beat([b"short"])
    with pytest.raises(StoreUnavailable):
        Writer("host=127.0.0.1 port=1").beat([b"a" * 16])


def test_beats_stay_in_their_page(writer: Writer, dsn: str) -> None:
    ids = [bytes([number]) * 16 for number in range(100)]
    for _ in range(20):
        writer.beat(ids)
    assert rows(dsn, "select pg_relation_size('joblog.job_live') <= 4 * 8192 as small") == [{"small": True}]


def test_two_who_beat_for_the_same_processes_do_not_block_each_other(dsn: str) -> None:
    ids = [number.to_bytes(16, "big") for number in range(300)]
    troubles: list[Exception] = []

    def work(order: list[bytes]) -> None:
        writer = Writer(dsn)
        try:
            for _ in range(20):
                writer.beat(order)
        except Exception as trouble:
            troubles.append(trouble)
        writer.close()

    threads = [threading.Thread(target=work, args=(order,)) for order in (ids, ids[::-1], ids[150:] + ids[:150])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []


# What is said of a run that goes on for too long


def usual(writer: Writer, seconds: int, *, runs: int = 5, first: int = 10) -> None:
    """Successes that took so long, and a failure among them that took a tenth."""
    old = [(NOW - HOUR * number, number) for number in range(first, first + runs)]
    writer.write([ended(number, start=start, end=start + seconds * SECOND) for start, number in old], PROCESS)
    start = NOW - HOUR * 9
    writer.write([ended(9, status=RunStatus.ERROR, start=start, end=start + seconds * SECOND // 10)], PROCESS)


def test_a_run_is_overlong_beyond_twice_what_nearly_all_successes_took(writer: Writer, dsn: str) -> None:
    usual(writer, 600)
    now = int(datetime.now(UTC).timestamp()) * SECOND
    writer.write([started(1, start=now - 700 * SECOND), started(2, start=now - 3 * HOUR)], PROCESS)
    writer.write([line(1, 2, time=now - 2 * HOUR)], PROCESS)
    writer.beat([PROCESS.process_id])
    long, early = detail(dsn, 2).run, detail(dsn, 1).run
    assert (early.overlong, early.usual) == (False, UsualDuration(5, 600.0, 600.0))
    assert (long.overlong, long.usual, long.remark) == (True, early.usual, None)
    assert long.last_heard == datetime.fromtimestamp((now - 2 * HOUR) // SECOND, UTC)
    assert {run.run_id: run.overlong for run in listed(dsn) if not run.status.terminal} == {
        run_id(1): False,
        run_id(2): True,
    }
    in_view = rows(dsn, "select run_id, overlong, time_limit_s from joblog.active_jobs order by 1")
    assert [tuple(row.values()) for row in in_view] == [(run_id(1), False, 1200.0), (run_id(2), True, 1200.0)]


def test_a_short_job_may_take_half_a_minute_more(writer: Writer, dsn: str) -> None:
    usual(writer, 1)
    now = int(datetime.now(UTC).timestamp()) * SECOND
    writer.write([started(1, start=now - 20 * SECOND), started(2, start=now - 40 * SECOND)], PROCESS)
    limits = rows(dsn, "select time_limit_s from joblog.active_jobs")
    assert {row["time_limit_s"] for row in limits} == {31.0}
    assert detail(dsn, 2).run.overlong


def test_what_was_declared_goes_before_what_is_usual(writer: Writer, dsn: str) -> None:
    usual(writer, 600)
    now = int(datetime.now(UTC).timestamp()) * SECOND
    declared = {"attributes": {"joblog.expected_s": 7200}}
    writer.write([started(1, start=now - HOUR, **declared), started(2, start=now - 3 * HOUR, **declared)], PROCESS)
    assert [detail(dsn, number).run.overlong for number in (1, 2)] == [False, True]


def test_of_few_successes_nothing_is_concluded(writer: Writer, dsn: str) -> None:
    usual(writer, 60, runs=4)
    writer.write([started(1, start=NOW - 20 * HOUR)], PROCESS)
    run = detail(dsn).run
    assert (run.overlong, run.usual) == (False, None)  # those began later
    writer.write([started(2)], PROCESS)
    assert (detail(dsn, 2).run.overlong, detail(dsn, 2).run.usual) == (False, UsualDuration(4, 60.0, 60.0))


def test_what_has_ended_is_not_compared(writer: Writer, dsn: str) -> None:
    usual(writer, 60)
    writer.write([ended(1, start=NOW - 9 * HOUR // 10)], PROCESS)
    run = detail(dsn).run
    assert (run.overlong, run.usual, run.last_heard) == (False, None, None)


# What is said of a silent run


def test_a_run_whose_process_missed_three_beats_is_unresponsive(writer: Writer, dsn: str) -> None:
    writer.write([started(), ended(2)], PROCESS)
    writer.beat([PROCESS.process_id])
    assert detail(dsn).run.remark is None
    beat_ago(dsn, 31)
    done, silent = sorted(listed(dsn), key=lambda run: run.status.terminal, reverse=True)
    assert (silent.status, silent.remark) == (RunStatus.RUNNING, "unresponsive")
    assert silent.last_seen is not None
    assert 31 <= (datetime.now(UTC) - silent.last_seen).total_seconds() < 60
    assert (done.remark, done.last_seen) == (None, None)
    assert detail(dsn).run.remark == "unresponsive"


def test_a_line_is_a_sign_of_life_as_good_as_a_beat(writer: Writer, dsn: str) -> None:
    now = int(datetime.now(UTC).timestamp()) * SECOND
    writer.write([started(), line(1, time=now)], PROCESS)
    writer.beat([PROCESS.process_id])
    beat_ago(dsn, 45)
    run = detail(dsn).run
    assert (run.remark, run.last_seen) == (None, datetime.fromtimestamp(now // SECOND, UTC))


def test_a_process_that_never_beat_is_not_called_unresponsive(writer: Writer, dsn: str) -> None:
    writer.write([started(), started(**step(1)), line(2), progress(9)], PROCESS)
    run = detail(dsn).run
    assert (run.remark, run.last_seen) == (None, START + timedelta(microseconds=9))


# How it is given up


def test_a_silent_run_and_its_open_steps_are_lost_at_their_last_sign_of_life(writer: Writer, dsn: str) -> None:
    attributes = {"joblog.stage": "load"}
    writer.write([started(), started(**step(1), attributes=attributes), ended(**step(2)), line(7)], PROCESS)
    assert writer.settle(0) == 1
    assert writer.settle(0) == 0
    found = detail(dsn)
    last = START + timedelta(microseconds=7)
    assert (found.run.status, found.run.ended_at, found.run.last_seen) == (RunStatus.LOST, last, None)
    assert found.run.status_message == f"no sign of life since {last:%Y-%m-%d %H:%M:%S} UTC: its host never came back"
    open_one, done = found.steps
    assert (open_one.status, open_one.ended_at, open_one.stage) == (RunStatus.LOST, last, "load")
    assert open_one.status_message == found.run.status_message
    assert done.status is RunStatus.SUCCESS


def test_whoever_was_heard_lately_is_left_alone(writer: Writer, dsn: str) -> None:
    beating, talking, progressing, new = ({"start": NOW - 4 * HOUR, "number": number} for number in (1, 2, 3, 4))
    writer.write([started(**beating)], PROCESS)
    writer.write([started(**talking), line(1, 2, time=NOW + HOUR)])
    writer.write([started(**progressing), progress(1, 3, time=NOW + HOUR)])
    writer.write([started(**new | {"start": NOW + HOUR}), started(5, start=NOW - 4 * HOUR)])
    writer.beat([PROCESS.process_id])
    beat_ago(dsn, -60)
    assert writer.settle(0) == 1
    assert statuses(dsn) == [RunStatus.RUNNING] * 4 + [RunStatus.LOST]


def test_the_last_beat_is_the_end_of_a_run_that_said_nothing_more(writer: Writer, dsn: str) -> None:
    writer.write([started()], PROCESS)
    writer.beat([PROCESS.process_id])
    beat_ago(dsn, 10)
    (live,) = rows(dsn, "select beat_at from joblog.job_live")
    assert writer.settle(0) == 1
    assert detail(dsn).run.ended_at == live["beat_at"]


def test_nothing_is_given_up_before_the_server_has_been_up_for_as_long(writer: Writer, dsn: str) -> None:
    writer.write([started(start=NOW - 1000 * HOUR)])
    assert writer.settle(500 * 3600) == 0


def test_no_end_is_ever_overwritten_and_a_late_one_still_wins(writer: Writer, dsn: str) -> None:
    writer.write([ended(status=RunStatus.CANCELLED), started(**step(1)), started(2), started(2, **step(1, 2))])
    assert writer.settle(0) == 1
    assert statuses(dsn) == [RunStatus.CANCELLED, RunStatus.LOST]
    assert statuses(dsn, "job_step") == [RunStatus.RUNNING, RunStatus.LOST]
    writer.write([ended(2, **step(1, 2)), ended(2, message="it took its time", lines=3)])
    assert statuses(dsn) == [RunStatus.CANCELLED, RunStatus.SUCCESS]
    assert statuses(dsn, "job_step") == [RunStatus.RUNNING, RunStatus.SUCCESS]
    assert detail(dsn, 2).run.status_message == "it took its time"


def test_a_run_that_was_only_announced_waits_and_one_that_only_spoke_does_not(writer: Writer, dsn: str) -> None:
    execute(
        dsn,
        "insert into joblog.job_run (trace_id, span_id, started_at, status) "
        "select gen_random_uuid(), 1, now() - interval '1 day', 0",
    )
    writer.write([line(1)])
    assert writer.settle(0) == 1
    assert sorted(statuses(dsn)) == [RunStatus.LOST, RunStatus.PENDING]


def test_a_start_that_arrives_after_its_lines_were_given_up_is_taken(writer: Writer, dsn: str) -> None:
    writer.write([line(1)])
    writer.settle(0)
    writer.write([started()], PROCESS)
    assert (detail(dsn).run.job, detail(dsn).run.status) == ("invoices", RunStatus.RUNNING)
    writer.settle(0)
    writer.write([started()], PROCESS)
    assert (detail(dsn).run.job, detail(dsn).run.status) == ("invoices", RunStatus.LOST)


def test_beats_that_nobody_asks_for_any_more_are_dropped(writer: Writer, dsn: str) -> None:
    writer.beat([b"a" * 16])
    beat_ago(dsn, 86_300)
    writer.settle(900)
    assert len(rows(dsn, "select from joblog.job_live")) == 1
    beat_ago(dsn, 86_500)
    writer.settle(100_000)
    assert len(rows(dsn, "select from joblog.job_live")) == 1
    writer.settle(900)
    assert rows(dsn, "select from joblog.job_live") == []


def test_settlers_and_writers_at_once_end_as_one_after_the_other(dsn: str) -> None:
    runs = range(20)
    start = [*(started(number) for number in runs), *(started(number, **step(1)) for number in runs)]
    end = [*(ended(number, **step(1)) for number in reversed(runs)), *(ended(number) for number in reversed(runs))]
    first = Writer(dsn)
    first.write(start, PROCESS)
    first.close()
    settled: list[int] = []

    def settle() -> None:
        writer = Writer(dsn)
        settled.extend(writer.settle(0) for _ in range(5))
        writer.close()

    def finish() -> None:
        writer = Writer(dsn)
        for at in range(0, len(end), 7):
            writer.write(end[at : at + 7], PROCESS)
        writer.close()

    threads = [threading.Thread(target=work) for work in (settle, settle, finish)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(settled) <= len(runs)
    assert set(statuses(dsn)) == set(statuses(dsn, "job_step")) == {RunStatus.SUCCESS}
