"""What was due and what came of it, kept in a real database."""

from __future__ import annotations

import itertools
import zoneinfo
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from otel_joblog.conventions import Attribute, RunStatus, SpanKind
from otel_joblog.health.keeper import keep_due_times
from otel_joblog.records import Process, Queued, Record, SpanEnded, SpanStarted
from otel_joblog.store.upkeep.maintenance import Maintenance, maintain
from otel_joblog.store.upkeep.retention import Retention
from otel_joblog.store.write.writer import Writer

SHOP = Process(b"s" * 16, 0, 22, "host-2", "boot", "shop", {"service.name": "shop"})
FAR = Process(b"f" * 16, 0, 22, "host-3", "", "shop", {"service.name": "shop"})  # as ingest knows one by its resource
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

_numbers = itertools.count(1)


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        yield connection


class Store:
    """A store whose jobs began when a test says so."""

    def __init__(self, dsn: str, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self.dsn = dsn
        self.connection = connection
        self.now = datetime.now(UTC)
        self.due = self.now.replace(second=0, microsecond=0) - 10 * MINUTE  # the last time of what is due hourly
        self.hourly = f"{self.due.minute} * * * *"

    def run(
        self,
        job: str,
        at: datetime,
        schedule: str | None,
        *,
        took: timedelta | None = timedelta(seconds=1),  # None: it goes on
        process: Process = SHOP,
        **more: str,
    ) -> None:
        number = next(_numbers)
        attributes = {Attribute.SCHEDULE: schedule, Attribute.SCHEDULE_TIMEZONE: schedule and "UTC"} | more
        start, run = round(at.timestamp() * 1_000_000) * 1_000, number.to_bytes(8, "big")
        said = {name: value for name, value in attributes.items() if value is not None}
        head = (SpanKind.JOB, number.to_bytes(16, "big"), run, None, run, None, start, job, 0, said)
        record: Record = SpanStarted(*head)
        if took is not None:
            end = start + took // timedelta(microseconds=1) * 1_000
            record = SpanEnded(*head, end, RunStatus.SUCCESS, "", [], [], 0, "", True)
        with closing(Writer(self.dsn)) as writer:
            writer.write([process, record])

    def keep(self) -> None:
        assert maintain(self.dsn, None, [keep_due_times])

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.connection.execute(query.encode(), parameters).fetchall()

    def verdicts(self, job: str) -> dict[datetime, str]:
        """Those of the times that have come, the oldest first."""
        found = self.rows(
            "select due_at, verdict from joblog.job_punctuality where job = %s and due_at <= now() order by 1", job
        )
        return {row["due_at"].astimezone(UTC): row["verdict"] for row in found}

    def health(self, job: str) -> dict[str, Any]:
        (row,) = self.rows("select * from joblog.job_health where job = %s", job)
        return row


@pytest.fixture
def store(dsn: str, connection: psycopg.Connection[dict[str, Any]]) -> Store:
    return Store(dsn, connection)


def test_due_times_are_answered_in_time_late_or_not_at_all(store: Store) -> None:
    store.run("hourly", store.due - 6 * HOUR, store.hourly)
    store.run("hourly", store.due - 5 * HOUR + timedelta(seconds=2), store.hourly)
    store.run("hourly", store.due - 4 * HOUR - timedelta(seconds=3), store.hourly)  # by a clock that is a little fast
    store.run("hourly", store.due - 3 * HOUR + 20 * MINUTE, store.hourly)
    store.run("hourly", store.due - 1 * HOUR + 5 * MINUTE, store.hourly)
    expected = {5: "on time", 4: "on time", 3: "started late", 2: "missed", 1: "on time", 0: "late"}
    for _ in range(2):  # and again, when what is settled is not looked for
        store.keep()
        assert store.verdicts("hourly") == {store.due - hours * HOUR: verdict for hours, verdict in expected.items()}
    health = store.health("hourly")
    assert (health["last_due_at"], health["last_due_verdict"]) == (store.due, "late")
    assert (health["next_due_at"], health["due_pause_s"], health["missed_7d"]) == (store.due + HOUR, 3600, 1)
    upcoming = store.rows("select * from joblog.job_punctuality where due_at > now()")
    assert [(row["due_at"], row["verdict"], row["run_id"]) for row in upcoming] == [
        (store.due + HOUR, "upcoming", None)
    ]


def test_a_run_that_comes_is_seen_at_once(store: Store) -> None:
    store.run("hourly", store.due - HOUR, store.hourly)
    store.keep()
    assert store.verdicts("hourly") == {store.due: "late"}
    store.run("hourly", store.due + 8 * MINUTE, store.hourly)
    assert store.verdicts("hourly") == {store.due: "started late"}
    (row,) = store.rows("select * from joblog.job_punctuality where due_at = %s", store.due)
    assert (row["started_at"], row["delay_s"], row["grace_s"]) == (store.due + 8 * MINUTE, 480, 360)
    assert row["run_id"] == store.health("hourly")["last_run_id"]


def test_a_run_that_waits_in_a_queue_has_not_come_and_does_not_go_on(store: Store) -> None:
    store.run("hourly", store.due - HOUR, store.hourly)
    at = round(store.due.timestamp() * 1_000_000) * 1_000
    with closing(Writer(store.dsn)) as writer:
        writer.write([Queued(bytes(range(1, 17)), bytes(range(1, 9)), at, "hourly", SHOP.service, {}, [])])
    store.keep()
    assert store.verdicts("hourly") == {store.due: "late"}
    assert store.health("hourly")["open_since"] is None


def test_within_its_grace_a_job_is_neither_late_nor_judged(store: Store) -> None:
    due = store.now.replace(second=0, microsecond=0) - 2 * MINUTE
    store.run("hourly", due - HOUR, f"{due.minute} * * * *")
    store.keep()
    assert store.verdicts("hourly") == {due: "due"}
    assert store.health("hourly")["last_due_verdict"] is None


def test_after_four_times_its_grace_a_job_is_missed_and_a_run_by_hand_is_late(store: Store) -> None:
    due = store.now.replace(second=0, microsecond=0) - 26 * MINUTE
    store.run("hourly", due - HOUR, f"{due.minute} * * * *")
    store.keep()
    assert store.verdicts("hourly") == {due: "missed"}
    store.run("hourly", store.now - MINUTE, None, **{Attribute.TRIGGER: "manual"})
    store.keep()
    assert store.verdicts("hourly") == {due: "started late"}
    assert store.health("hourly")["next_due_at"] == due + HOUR  # which that run does not answer for


def test_where_runs_are_told_of_at_their_end_it_is_judged_as_much_later_as_they_take(store: Store) -> None:
    long = {"took": 50 * MINUTE, "process": FAR}
    store.run("far", store.due - 5 * HOUR, store.hourly, **long)
    store.keep()
    expected = {4: "missed", 3: "missed", 2: "missed", 1: "late", 0: "due"}  # after 74 minutes missed, late after 56
    assert store.verdicts("far") == {store.due - hours * HOUR: verdict for hours, verdict in expected.items()}
    store.run("far", store.due - 1 * HOUR, store.hourly, **long)
    store.run("near", store.due - 1 * HOUR, store.hourly, took=50 * MINUTE)
    store.keep()
    assert store.verdicts("far")[store.due - 1 * HOUR] == "on time"
    assert (store.health("far")["last_due_verdict"], store.health("near")["last_due_verdict"]) == ("on time", "late")


def test_a_run_that_still_goes_on_is_told_where_the_next_one_did_not_begin(store: Store) -> None:
    began = store.due - HOUR + timedelta(seconds=1)
    store.run("long", began, store.hourly, took=None)
    store.run("silent", store.due - HOUR, store.hourly)
    store.run("steady", store.due, store.hourly, took=None)
    store.keep()
    health = {job: store.health(job) for job in ("long", "silent", "steady")}
    assert [health[job]["last_due_verdict"] for job in health] == ["late", "late", None]
    assert [health[job]["open_since"] for job in health] == [began, None, None]


def test_two_due_times_are_not_answered_by_one_run(store: Store) -> None:
    store.run("often", store.due - 10 * MINUTE, "* * * * *")
    store.run("often", store.due - 4 * MINUTE + timedelta(seconds=57), "* * * * *")
    store.keep()
    verdicts = store.verdicts("often")
    assert [due for due, verdict in verdicts.items() if verdict == "on time"] == [store.due - 3 * MINUTE]
    assert set(list(verdicts.values())[:-1]) == {"missed", "on time"}


def test_a_run_that_is_told_of_late_was_in_time_all_the_same(store: Store) -> None:
    store.run("hourly", store.due - 3 * HOUR, store.hourly)
    store.keep()
    assert store.verdicts("hourly")[store.due - 2 * HOUR] == "missed"
    store.run("hourly", store.due - 2 * HOUR + timedelta(seconds=1), store.hourly)
    store.connection.execute("update joblog.job_expected set looked_at = looked_at - interval '7 minutes'")
    store.keep()
    assert store.verdicts("hourly")[store.due - 2 * HOUR] == "on time"


def test_runs_of_a_long_outage_are_seen_ten_minutes_after_they_arrived(store: Store) -> None:
    days = [store.due - timedelta(days=number) for number in (9, 8, 7)]
    daily = f"{store.due.minute} {store.due.hour} * * *"
    store.run("daily", days[0] - HOUR, daily)
    store.keep()
    assert [store.verdicts("daily")[day] for day in days] == ["missed"] * 3
    for day in days:
        store.run("daily", day, daily)
    store.connection.execute("update joblog.job_expected set looked_at = looked_at - interval '11 minutes'")
    store.keep()
    assert [store.verdicts("daily")[day] for day in days] == ["on time"] * 3


def test_what_no_run_can_answer_for_is_not_looked_for_again(store: Store) -> None:
    """As of a host that was shut down, whose jobs were due every minute."""
    store.run("gone", store.due - 5 * HOUR, store.hourly)
    store.keep()
    store.connection.execute("update joblog.job_expected set looked_at = next_due_at where next_due_at <= now()")
    before = store.rows("select due_at, looked_at from joblog.job_expected where next_due_at <= now()")
    store.keep()
    assert store.rows("select due_at, looked_at from joblog.job_expected where next_due_at <= now()") == before


def test_nothing_is_due_before_the_first_run_with_a_schedule(store: Store) -> None:
    store.run("hourly", store.due - 9 * HOUR, None)
    store.run("hourly", store.due - 2 * HOUR - MINUTE, store.hourly)
    store.run("hourly", store.due - 1 * HOUR, store.hourly)
    store.run("never", store.due - 1 * HOUR, None)
    store.keep()
    assert list(store.verdicts("hourly")) == [store.due - 2 * HOUR, store.due - HOUR, store.due]
    assert store.health("never")["next_due_at"] is None
    assert store.health("never")["missed_7d"] is None


def test_a_schedule_that_changed_takes_the_place_of_the_old_one(store: Store) -> None:
    store.run("moved", store.due - 2 * HOUR, store.hourly)
    store.keep()
    moved = store.due + 8 * MINUTE
    store.run("moved", moved, f"{moved.minute} * * * *")
    store.keep()
    assert store.verdicts("moved") == {store.due - HOUR: "missed", store.due: "started late"}
    assert store.health("moved")["next_due_at"] == moved + HOUR
    upcoming = store.rows("select due_at from joblog.job_punctuality where due_at > now()")
    assert upcoming == [{"due_at": moved + HOUR}]


def test_another_time_zone_is_another_schedule(store: Store) -> None:
    tokyo = {Attribute.SCHEDULE_TIMEZONE: "Asia/Tokyo"}
    store.run("daily", store.now - 3 * HOUR, "0 3 * * *")
    store.keep()
    store.run("daily", store.now - 2 * HOUR, "0 3 * * *", **tokyo)
    store.keep()
    health = store.health("daily")
    assert health["next_due_at"].astimezone(UTC).hour == 18
    (schedule,) = store.rows("select * from joblog.job_schedules")
    assert (schedule["schedule"], schedule["timezone"]) == ("0 3 * * *", "Asia/Tokyo")
    assert schedule["since"] == store.now - 2 * HOUR


def test_a_run_by_a_schedule_that_says_none_ends_it(store: Store) -> None:
    store.run("hourly", store.due - HOUR, store.hourly)
    store.keep()
    store.run("hourly", store.due + MINUTE, None)
    store.keep()
    assert store.verdicts("hourly") == {store.due: "on time"}
    assert store.health("hourly")["next_due_at"] is None


def test_runs_by_hand_change_nothing_however_many_nor_does_it_that_runs_are_deleted(store: Store) -> None:
    store.run("hourly", store.due - HOUR, store.hourly)
    store.keep()
    for number in range(1, 25):
        store.run("hourly", store.due - number * MINUTE, None, **{Attribute.TRIGGER: "manual"})
    for forgotten in ("due_at > now()", "true"):
        store.connection.execute(f"delete from joblog.job_expected where {forgotten}")
        store.keep()
        assert store.verdicts("hourly") == {store.due: "late"}
        assert store.health("hourly")["next_due_at"] == store.due + HOUR
        store.connection.execute("delete from joblog.job_run")


def test_a_run_by_hand_elsewhere_does_not_move_the_schedule(store: Store) -> None:
    by_hand = {Attribute.TRIGGER: "manual", Attribute.SCHEDULE_TIMEZONE: "Asia/Tokyo"}
    store.run("daily", store.now - 3 * HOUR, "0 3 * * *", **by_hand)
    store.keep()
    (schedule,) = store.rows("select * from joblog.job_schedules")
    assert schedule["timezone"] == "Asia/Tokyo"  # better than none
    store.run("daily", store.now - 2 * HOUR, "0 3 * * *")
    store.run("daily", store.now - 1 * HOUR, "0 3 * * *", **by_hand)
    for _ in range(2):
        store.keep()
        (schedule,) = store.rows("select * from joblog.job_schedules")
        assert (schedule["timezone"], schedule["since"]) == ("UTC", store.now - 2 * HOUR)
        store.run("daily", store.now - MINUTE, store.hourly, **{Attribute.TRIGGER: "api"})


def test_a_schedule_that_was_tried_by_hand_is_in_force_from_the_first_run_by_it(store: Store) -> None:
    store.run("moved", store.due - 4 * HOUR, "@yearly")
    store.keep()
    store.run("moved", store.due - 3 * HOUR, store.hourly, **{Attribute.TRIGGER: "manual"})
    store.run("moved", store.due - 1 * HOUR, store.hourly)
    store.keep()
    assert store.verdicts("moved") == {store.due: "late"}


@pytest.mark.parametrize("then", [None, "@yearly"])
def test_what_was_due_until_the_schedule_changed_is_written_down_late(store: Store, then: str | None) -> None:
    store.run("moved", store.due - 5 * HOUR, store.hourly)
    store.keep()
    store.connection.execute("delete from joblog.job_expected where due_at > %s", [store.due - 4 * HOUR])
    store.run("moved", store.due - 2 * HOUR + 3 * MINUTE, then)  # while nobody kept due times
    store.run("moved", store.due - 1 * HOUR + 3 * MINUTE, then)
    store.keep()
    assert store.verdicts("moved") == {
        store.due - 4 * HOUR: "missed",
        store.due - 3 * HOUR: "missed",
        store.due - 2 * HOUR: "on time",
    }


def test_what_was_due_before_a_change_comes_in_pieces_too(store: Store) -> None:
    store.run("often", store.now - timedelta(days=2), "* * * * *")
    with psycopg.connect(store.dsn, autocommit=True) as connection:
        keep_due_times(connection)
        store.run("often", store.now - MINUTE, "@yearly")
        while keep_due_times(connection):
            pass
    (row,) = store.rows(
        "select count(*), count(distinct next_due_at) as ends from joblog.job_expected where due_at < now()"
    )
    assert row["count"] == row["ends"] in {2_878, 2_879, 2_880}


def test_what_is_not_understood_says_why_and_hurts_no_other_job(store: Store) -> None:
    store.run("odd", store.due - HOUR, "every night")
    store.run("hourly", store.due - HOUR, store.hourly)
    store.keep()
    odd = store.health("odd")
    assert odd["schedule_problem"] == "not understood: neither five fields as in cron nor a word such as @daily"
    assert (odd["next_due_at"], odd["last_due_verdict"], odd["missed_7d"]) == (None, None, 0)
    assert store.health("hourly")["next_due_at"] == store.due + HOUR
    store.run("odd", store.due, store.hourly)
    store.keep()
    assert (store.health("odd")["schedule_problem"], store.health("odd")["next_due_at"]) == (None, store.due + HOUR)


def test_a_schedule_is_understood_as_soon_as_its_time_zone_is_known(store: Store, tmp_path: Path) -> None:
    store.run("early", store.due - 2 * HOUR, store.hourly, **{Attribute.SCHEDULE_TIMEZONE: "Mars/Olympus"})
    store.keep()
    assert (
        store.health("early")["schedule_problem"]
        == "not understood: the time zone 'Mars/Olympus' is not known on this host"
    )
    assert store.health("early")["next_due_at"] is None
    (tmp_path / "Mars").mkdir()
    (tmp_path / "Mars/Olympus").write_bytes((files("tzdata") / "zoneinfo/UTC").read_bytes())
    zoneinfo.reset_tzpath([tmp_path, *zoneinfo.TZPATH])
    try:
        store.keep()
    finally:
        zoneinfo.reset_tzpath()
    assert store.health("early")["schedule_problem"] is None
    assert store.verdicts("early") == {store.due - HOUR: "missed", store.due: "late"}
    assert store.health("early")["next_due_at"] == store.due + HOUR


def test_no_more_than_thirty_days_are_made_up_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.run("often", store.now - timedelta(days=29, hours=23), "*/15 * * * *")
    store.run("yearly", store.now - timedelta(days=400), "@yearly")
    store.run("often", store.now - MINUTE, "*/15 * * * *")
    with psycopg.connect(store.dsn, autocommit=True) as connection:
        pieces = itertools.takewhile(lambda more: more, (keep_due_times(connection) for _ in range(9)))
        counted = [store.rows("select count(*) from joblog.job_expected")[0]["count"] for _ in pieces]
    assert counted == [1000, 2000]
    (row,) = store.rows("select count(*) from joblog.job_expected where due_at <= now()")
    assert 2870 <= row["count"] <= 2880


def test_a_job_that_has_not_run_for_long_is_given_up_until_it_runs_again(store: Store) -> None:
    store.run("gone", store.now - timedelta(days=29), "@daily")
    store.keep()
    assert store.health("gone")["missed_7d"] == 7
    store.connection.execute("update joblog.job_run set started_at = started_at - interval '2 days'")
    store.connection.execute("update joblog.job set last_run_at = last_run_at - interval '2 days'")
    store.connection.execute("delete from joblog.job_expected where due_at > now()")
    store.keep()
    last_run = store.now.astimezone(UTC) - timedelta(days=31)
    for forgotten in ("false", "true"):  # due times that are over go with the runs
        store.connection.execute(f"delete from joblog.job_expected where {forgotten}")
        store.keep()
        health = store.health("gone")
        assert (
            health["schedule_problem"] == f"not expected any more: it has not run since {last_run:%Y-%m-%d %H:%M} UTC"
        )
        assert (health["schedule"], health["next_due_at"]) == ("@daily", None)
    store.run("gone", store.now - MINUTE, "@daily")
    store.keep()
    health = store.health("gone")
    assert (health["schedule_problem"], health["missed_7d"]) == (None, 0)
    assert health["next_due_at"] is not None


def test_a_job_that_was_given_up_is_forgotten_after_a_run_without_a_schedule(store: Store) -> None:
    store.run("gone", store.now - timedelta(days=33), None, **{Attribute.TRIGGER: "manual"})
    store.connection.execute(
        "insert into joblog.job_schedule values ('gone', 'shop', '@daily', 'UTC', now(), 'not expected any more: …')"
    )
    store.keep()
    assert store.rows("select * from joblog.job_schedules") != []
    store.run("gone", store.now - MINUTE, None)
    store.keep()
    assert store.rows("select * from joblog.job_schedules") == []


def test_old_due_times_go_with_the_runs(store: Store) -> None:
    store.run("daily", store.now - timedelta(days=29), "@daily")
    store.keep()
    maintain(store.dsn, Retention(runs=10, failures=20), [keep_due_times])
    (row,) = store.rows(
        "select min(due_at) as oldest, count(*) filter (where due_at <= now()) from joblog.job_expected"
    )
    assert row["oldest"] >= store.now - timedelta(days=11)
    assert row["count"] in {10, 11}


def test_a_run_of_a_clock_that_is_far_ahead_changes_nothing(store: Store) -> None:
    store.run("hourly", store.due - HOUR, store.hourly)
    store.run("hourly", store.now + timedelta(days=300), "@daily")
    store.keep()
    assert store.verdicts("hourly") == {store.due: "late"}
    assert store.health("hourly")["next_due_at"] == store.due + HOUR


def test_it_is_kept_by_whoever_maintains_the_database(store: Store) -> None:
    store.run("hourly", store.due - HOUR, store.hourly)
    with Maintenance(store.dsn, None, [keep_due_times]):
        for _ in range(400):
            if store.verdicts("hourly"):
                break
            store.connection.execute("select pg_sleep(0.05)")
    assert store.verdicts("hourly") == {store.due: "late"}
