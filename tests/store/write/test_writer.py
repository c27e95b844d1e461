from __future__ import annotations

import gc
import os
import socket
import threading
import warnings
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.rows import dict_row

from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.errors import ConfigError, RecordRefused, SchemaError, StoreUnavailable
from otel_joblog.records import SpanEvent, SpanLink
from otel_joblog.store.sql import query
from otel_joblog.store.write import steps
from otel_joblog.store.write import writer as module
from otel_joblog.store.write.batch import Batch
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import WRONG_COUNTS
from tests.store.samples import NOW, PROCESS, ended, line, progress, span, started, step, trace


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def rows(dsn: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()


def one(dsn: str, table: str = "job_run") -> dict[str, Any]:
    (row,) = rows(dsn, f"select * from joblog.{table}")
    return row


def test_a_run_is_kept_from_start_to_end(writer: Writer, dsn: str) -> None:
    attributes = {
        "joblog.job.name": "nightly",
        "joblog.job.type": "cron",
        "joblog.trigger": "schedule",
        "joblog.reference": "INV-7",
        "joblog.owner": "ops",
        "joblog.schedule": "0 3 * * *",
        "joblog.attempt": 2,
        "joblog.expected_s": 30,
        "extra": [1, {"a": None}],
    }
    writer.write([PROCESS, started(attributes=attributes, parent_id=span(9))])
    row = one(dsn)
    assert (row["name"], row["type"], row["trigger"], row["reference"]) == ("nightly", "cron", "schedule", "INV-7")
    assert (row["owner"], row["schedule"], row["attempt"], row["expected_s"]) == ("ops", "0 3 * * *", 2, 30.0)
    assert (row["service"], row["host"], row["pid"]) == ("billing", "host-1", 4711)
    assert (row["status"], row["ended_at"], row["lines_emitted"]) == (RunStatus.RUNNING.code, None, None)
    assert row["attributes"] == attributes
    assert row["resource"] == {"service.name": "billing"}

    writer.write(
        [ended(attributes=attributes | {"joblog.exit_code": 3}, status=RunStatus.ERROR, lines=12, steps=2)], PROCESS
    )
    row = one(dsn)
    assert (row["status"], row["exit_code"], row["lines_emitted"], row["steps_emitted"]) == (5, 3, 12, 2)
    assert (row["ended_at"] - row["started_at"]).total_seconds() == 5
    assert one(dsn, "job_process")["boot_id"] == "boot-1"


def test_without_a_process_the_attributes_say_who_speaks(writer: Writer, dsn: str) -> None:
    writer.write([ended(attributes={"service.name": "web", "host.name": "h", "process.pid": 3})])
    row = one(dsn)
    assert (row["service"], row["host"], row["pid"], row["process_id"]) == ("web", "h", 3, None)


def test_attributes_of_the_wrong_type_are_no_reason_to_refuse_a_run(writer: Writer, dsn: str) -> None:
    attributes = {
        "joblog.attempt": "many",
        "joblog.exit_code": 2**40,
        "joblog.expected_s": float("nan"),
        "joblog.reference": ["a"] * 400,
        "joblog.job.type": 7,
        "inf": float("inf"),
        "zero\0": "a\\u0000 \0\0 b",
    }
    writer.write([started(attributes=attributes, name="n" * 9000)])
    row = one(dsn)
    assert (row["attempt"], row["exit_code"], row["expected_s"], row["type"]) == (1, 2**31 - 1, None, "7")
    assert row["attributes"]["inf"] == "Infinity"
    assert row["attributes"]["zero\ufffd"] == "a\\u0000 \ufffd\ufffd b"
    assert len(row["name"].encode()) == 1_000
    assert row["name"].endswith("n… (9,000 characters)")
    assert row["attributes"]["joblog.job.name"] == "n" * 9000


def test_text_that_postgres_cannot_hold_is_replaced_not_refused(writer: Writer, dsn: str) -> None:
    odd = {"key\ud800": {1, 2}, "big": 2**70, "bytes": b"\xff"}
    writer.write([started(), line(1, message="a\0b\ud800", logger="\0", attributes=odd), ended(message="\0\udfff")])
    row = one(dsn, "job_log")
    assert (row["message"], row["logger"]) == ("a\ufffdb\\ud800", "\ufffd")
    assert row["attributes"]["key\\ud800"] == [1, 2]
    assert one(dsn)["status_message"] == "\ufffd\\udfff"


def test_a_line_of_five_megabytes_is_kept_whole(writer: Writer, dsn: str) -> None:
    message = "é" * 2_500_000
    writer.write([line(1, message=message)])
    assert one(dsn, "job_log")["message"] == message


def test_bytes_are_those_of_the_lines_that_are_there_whenever_they_came(writer: Writer, dsn: str) -> None:
    writer.write([started(), line(1, message="é"), line(2, message="a\0b")])
    writer.write([line(1, message="é"), line(2, message="a\0b"), line(3, message="xyz")])  # two are there already
    writer.write([ended(lines=3)])
    writer.write([line((1 << 32) + 1, message="late")])
    with psycopg.connect(dsn) as connection:
        (stored,) = connection.execute("select sum(octet_length(message)) from joblog.job_log").fetchone() or ()
    assert one(dsn)["bytes"] == stored == 2 + 5 + 3 + 4


def test_bytes_of_a_run_that_an_older_version_began_are_not_known(writer: Writer, dsn: str) -> None:
    writer.write([started(), line(1)])
    with psycopg.connect(dsn) as connection:
        connection.execute("update joblog.job_run set bytes = null")  # as the migration leaves it
    writer.write([line(2)])
    assert one(dsn)["bytes"] is None


def test_the_exception_that_ended_a_run_is_its_error_and_no_event(writer: Writer, dsn: str) -> None:
    first, last = (
        SpanEvent(NOW, "exception", {"exception.type": name, "exception.message": "m", "exception.stacktrace": "t"})
        for name in ("First", "Last")
    )
    other = SpanEvent(NOW + 1000, "checkpoint", {"n": 1})
    link = SpanLink(trace(5), span(5), {})
    writer.write([ended(status=RunStatus.ERROR, events=[first, last, other], links=[link])])
    row = one(dsn)
    assert (row["error_type"], row["error_message"], row["error_stacktrace"]) == ("Last", "m", "t")
    assert [event["name"] for event in row["events"]] == ["exception", "checkpoint"]
    assert row["links"] == [{"trace_id": trace(5).hex(), "span_id": span(5).hex(), "attributes": {}}]


def test_an_exception_that_a_run_survived_stays_an_event(writer: Writer, dsn: str) -> None:
    writer.write([ended(events=[SpanEvent(NOW, "exception", {"exception.type": "KeyError"})])])
    row = one(dsn)
    assert row["error_type"] is None
    assert row["events"][0]["attributes"] == {"exception.type": "KeyError"}


def test_the_first_terminal_state_wins(writer: Writer, dsn: str) -> None:
    for status in (RunStatus.TIMEOUT, RunStatus.SUCCESS, RunStatus.LOST):
        writer.write([ended(status=status), ended(status=status, **step(1))])
    writer.write([started(), started(**step(1))])
    assert one(dsn)["status"] == RunStatus.TIMEOUT.code
    assert one(dsn, "job_step")["status"] == RunStatus.TIMEOUT.code


def test_lost_gives_way_to_a_real_end(writer: Writer, dsn: str) -> None:
    for status in (RunStatus.LOST, RunStatus.SUCCESS):
        writer.write([ended(status=status, name=status), ended(status=status, **step(1))])
    assert (one(dsn)["status"], one(dsn)["name"]) == (RunStatus.SUCCESS.code, "success")
    assert one(dsn, "job_step")["status"] == RunStatus.SUCCESS.code


def test_what_a_span_was_counted_as_it_stays(writer: Writer, dsn: str) -> None:
    """Whoever sends two spans with one id gets one of them, and counts that agree with it."""
    lost, done = RunStatus.LOST, RunStatus.SUCCESS
    writer.write([started(), started(run=2, start=NOW + 1)])
    writer.write([ended(status=lost, **(step(1) | {"kind": SpanKind.SPAN})), ended(status=lost, **step(2))])
    writer.write([ended(status=done, **step(1)), ended(status=done, **step(2), run=2)])
    assert [row["status"] for row in rows(dsn, "select status from joblog.job_step")] == [done.code] * 2
    assert rows(dsn, WRONG_COUNTS) == []


def test_steps_and_other_spans_are_told_apart(writer: Writer, dsn: str) -> None:
    labels = {"joblog.stage": "load", "joblog.task_id": "t-1"}
    other = {"kind": SpanKind.SPAN, "span_id": span(7), "start": NOW + 9000, "otel_kind": 3, "scope": "httpx"}
    writer.write([started(), started(**step(1), attributes=labels), ended(name="GET", **other)])
    a, b = rows(dsn, "select * from joblog.job_step order by started_at")
    assert (a["kind"], a["seq"], a["stage"], a["task_id"], a["name"]) == (0, 1, "load", "t-1", "step-1")
    assert (b["kind"], b["seq"], b["otel_kind"], b["scope"], b["name"]) == (1, 0, 3, "httpx", "GET")
    assert one(dsn)["steps"] == 1


def test_many_new_steps_become_the_same_rows_as_few(writer: Writer, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "joblog.stage": "load",
        "joblog.task_id": 7,
        "zero\0": "a\\u0000 \0",
        "inf": float("inf"),
        "deep": [{}],
    }
    failure = SpanEvent(NOW, "exception", {"exception.type": "KeyError", "exception.message": "'é\0'"})
    event = SpanEvent(NOW + 1500, "checkpoint", {"n": 1})
    records = [
        started(**step(1)),
        started(**step(2) | {"parent_id": None}, attributes=said),
        ended(**step(3), attributes=said, message="é\0"),
        ended(**step(4), status=RunStatus.ERROR, events=[failure, event], links=[SpanLink(trace(5), span(5), said)]),
        ended(**step(5) | {"kind": SpanKind.SPAN, "seq": 2**70}, scope="shop\0", otel_kind=3),
    ]

    def written(few: int) -> list[dict[str, Any]]:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("truncate joblog.job_step, joblog.job_run")
        monkeypatch.setattr(steps, "FEW", few)
        writer.write(records[:2])
        writer.write(records[2:], PROCESS)
        return [*rows(dsn, "select * from joblog.job_step order by span_id"), one(dsn)]

    assert len(written(0)) == 6
    assert written(0) == written(100)


def test_a_step_that_somebody_else_writes_meanwhile_is_counted_once(
    writer: Writer, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "FEW", 0)
    writer.write([ended(**step(number)) for number in range(3)])
    monkeypatch.setattr(steps, "_divided", lambda connection, steps: (steps, []))  # as if it was not there yet
    writer.write([line(1), *(ended(**step(number)) for number in range(1, 5))])
    assert one(dsn)["steps"] == 5
    assert len(rows(dsn, "select from joblog.job_step")) == 5


@pytest.mark.parametrize("most", [1, 1000])
def test_steps_that_are_there_are_not_copied_again(
    writer: Writer, dsn: str, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(steps, "FEW", 0)
    monkeypatch.setattr(steps, "MOST", most)
    writer.write([started(number, **step(place)) for number in (1, 2) for place in range(number)])
    ends = Batch.of([ended(number, **step(place)) for number in (1, 2, 3) for place in range(3)], None)
    gains = ends.progress_gains()
    with psycopg.connect(dsn) as connection:
        steps.insert_steps(connection, ends.steps, gains, staged=False)
    assert {trace_id: gain.steps for (trace_id, _), gain in gains.items()} == {trace(1): 2, trace(2): 1, trace(3): 3}
    found = rows(dsn, "select status from joblog.job_step")
    assert found == [{"status": RunStatus.SUCCESS.code}] * 9


def test_counts_are_those_of_rows_really_inserted(writer: Writer, dsn: str) -> None:
    lines = [line(1), line(2, severity=13), line(3, severity=17), line(4, severity=21)]
    writer.write([started(), *lines[:2]])
    writer.write(lines)
    writer.write([*lines, *lines])
    row = one(dsn)
    assert (row["lines"], row["warnings"], row["errors"]) == (4, 1, 2)


def test_lines_of_one_microsecond_are_told_apart_by_their_place(writer: Writer, dsn: str) -> None:
    writer.write([line(1, time=NOW), line(2, time=NOW), line(3, time=NOW + 999)])
    assert [row["seq"] for row in rows(dsn, "select seq from joblog.job_log order by ts, seq")] == [1, 2, 3]


def test_lines_before_their_run_wait_under_a_pending_one(writer: Writer, dsn: str) -> None:
    writer.write([line(2), progress(1)])
    assert (one(dsn)["status"], one(dsn)["lines"]) == (RunStatus.PENDING.code, 1)
    writer.write([started(), line(1)])
    row = one(dsn)
    assert (row["status"], row["lines"], row["name"], row["progress_current"]) == (1, 2, "invoices", 1.0)


def test_the_latest_progress_stays(writer: Writer, dsn: str) -> None:
    writer.write([started(), progress(5), progress(7), progress(6)])
    writer.write([progress(3), progress(9, total=float("nan"))])
    row = one(dsn)
    assert (row["progress_current"], row["progress_total"], row["progress_unit"]) == (7.0, 100.0, "rows")


def test_a_record_that_can_never_be_stored_is_refused_and_the_batch_undone(writer: Writer, dsn: str) -> None:
    for bad in (
        line(2, severity=10**6),
        line(2, trace_id=b"short"),
        ended(trace_id=b"short"),
        line(2, time=-(2**70)),
    ):
        with pytest.raises(RecordRefused):
            writer.write([started(), line(1), bad])
    assert rows(dsn, "select from joblog.job_run") == []
    writer.write([started(), line(1)])
    assert one(dsn)["lines"] == 1


def test_a_cut_connection_is_told_once_and_then_opened_again(writer: Writer, dsn: str) -> None:
    writer.write([started()])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            "where application_name = 'otel_joblog' and datname = current_database()"
        )
    with pytest.raises(StoreUnavailable):
        writer.write([line(1)])
    writer.write([line(1)])
    assert one(dsn)["lines"] == 1


def test_a_server_that_never_answers_is_given_up(writer: Writer, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.write([started()])
    monkeypatch.setattr(module, "DEADLINE", 0.3)
    with psycopg.connect(dsn) as connection:
        connection.execute("lock table joblog.job_run in access exclusive mode")
        with pytest.raises(StoreUnavailable):
            writer.write([line(1)])
    monkeypatch.undo()
    writer.write([line(1)])
    assert one(dsn)["lines"] == 1


def test_a_writer_that_is_stopped_in_a_transaction_holds_up_the_others_for_the_deadline_only(
    writer: Writer, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE", 1.0)
    with psycopg.connect(dsn, application_name="otel_joblog") as stopped, psycopg.connect(dsn) as other:
        stopped.execute(query("write/beat"), {"process_ids": [PROCESS.process_id.hex()]})
        other.execute("select 1")  # not one of ours: it may stay in its transaction for as long as it likes
        with pytest.raises(StoreUnavailable):
            writer.beat([PROCESS.process_id])
        writer.beat([PROCESS.process_id])
        with pytest.raises(psycopg.OperationalError):
            stopped.execute("select 1")
        other.execute("select 1")
    assert len(rows(dsn, "select * from joblog.job_live")) == 1


def test_no_database_is_unavailable_and_a_dsn_nobody_can_read_keeps_its_password() -> None:
    with pytest.raises(StoreUnavailable, match="PostgreSQL cannot be reached"):
        Writer("host=127.0.0.1 port=1").write([started()])
    with pytest.raises(ConfigError) as caught:
        Writer("postgresql://me:s3cret@host:port:port/?x").write([started()])
    assert "s3cret" not in str(caught.value)


def test_an_empty_database_is_given_the_schema_by_the_first_writer(empty_dsn: str) -> None:
    asked = []

    def dsn() -> str:
        asked.append(1)
        return empty_dsn

    writer = Writer(dsn)
    assert not asked
    writer.write([started()])
    writer.close()
    assert one(empty_dsn)["name"] == "invoices"


def test_a_newer_schema_is_not_written_to(writer: Writer, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("insert into joblog.schema_version (version, name) values (999, '0999_future')")
    with pytest.raises(SchemaError, match="upgrade otel_joblog"):
        writer.write([started()])


def test_a_forked_child_writes_by_a_connection_of_its_own(writer: Writer, dsn: str) -> None:
    writer.write([started()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: pytest's own threads
        child = os.fork()
    if child == 0:
        try:
            writer.write([line(1)])
            writer.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    writer.write([line(2)])
    assert one(dsn)["lines"] == 2


def test_writers_that_send_the_same_records_at_once_count_each_once(dsn: str) -> None:
    records = [
        *(started(number) for number in range(6)),
        *(started(number, **step(place, number)) for number in range(6) for place in range(4)),
        *(line(seq, number) for seq in range(50) for number in range(6)),
        *(ended(number) for number in range(6)),
    ]

    def work(offset: int) -> None:
        writer = Writer(dsn)
        turned = records[offset:] + records[:offset]
        for at in range(0, len(turned), 70):
            writer.write(turned[at : at + 70], PROCESS)
        writer.close()

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 40, 130, 260)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = rows(dsn, "select lines, steps, status from joblog.job_run")
    assert found == [{"lines": 50, "steps": 4, "status": RunStatus.SUCCESS.code}] * 6


def test_updates_of_an_open_run_stay_in_their_page(writer: Writer, dsn: str) -> None:
    writer.write([started()])
    for number in range(20):
        writer.write([line(number), progress(number)])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_stat_force_next_flush()")
    writer.close()  # a session's figures are seen when it ends
    table = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relid = 'joblog.job_run'::regclass"
    for _ in range(50):
        (figures,) = rows(dsn, table)
        if figures["n_tup_upd"] == 20:
            break
        threading.Event().wait(0.1)
    assert figures == {"n_tup_upd": 20, "n_tup_hot_upd": 20}


def test_a_socket_that_the_program_closed_is_not_used_and_what_has_its_number_is_left_alone(dsn: str) -> None:
    writer = Writer(dsn)
    writer.write([PROCESS, started(1)])
    connection = writer._connection
    assert connection is not None
    number = connection.fileno()
    theirs, peer = socket.socketpair()
    with theirs, peer:
        os.dup2(theirs.fileno(), number)
        peer.setblocking(False)
        writer.write([line(1, 1)])
        writer.close()
        del connection
        gc.collect()
        with pytest.raises(BlockingIOError):
            peer.recv(1)
        assert os.fstat(number).st_ino == os.fstat(theirs.fileno()).st_ino, "it is open"
        os.close(number)
    assert one(dsn)["lines"] == 1


def test_what_says_nothing_asks_nothing_of_the_database() -> None:
    nowhere = Writer("host=127.0.0.1 port=1")
    nowhere.write([])
    nowhere.beat([])
    nowhere.forget([])
    nowhere.hold([], date(2040, 1, 1))


def test_runs_are_held_until_a_day(writer: Writer, dsn: str) -> None:
    writer.write([started(1), started(2)])
    writer.hold([(trace(1), span(1))], date(2040, 1, 1))
    held = rows(dsn, "select * from joblog.job_hold")
    assert [row["trace_id"].bytes for row in held] == [trace(1)]


def test_what_is_done_in_vain_because_of_others_is_done_again_three_times(dsn: str) -> None:
    troubles: list[Exception] = [DeadlockDetected(), SerializationFailure(), DeadlockDetected()]

    def work() -> str:
        if troubles:
            raise troubles.pop()
        return "done"

    with psycopg.connect(dsn, autocommit=True) as connection:
        assert module._in_transaction(connection, work) == "done"


def test_a_connection_that_a_fork_left_is_let_go_and_another_opened(
    writer: Writer, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_pid", 0)  # as in a child that was forked before the first write
    writer.write([started()])
    connection = writer._connection
    assert connection is not None
    monkeypatch.setattr(writer, "_pid", 0)  # and in one of its own
    writer.write([line(1)])
    assert writer._connection is not connection
    assert module._inherited.pop() is connection
    module._abandon(connection)  # its number may be another's by now
    assert one(dsn)["lines"] == 1
