"""What schedules mean: due times, also across changes of clocks, and what is said of those that are not understood."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_joblog.errors import ScheduleError
from otel_joblog.schedules import due_times, grace

BERLIN = "Europe/Berlin"
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)  # in Berlin 02:00 becomes 03:00 on the next day
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)  # and 03:00 becomes 02:00 on this one
HOUR = timedelta(hours=1)


def first(number: int, schedule: str, after: datetime, timezone: str = BERLIN) -> list[str]:
    times = itertools.islice(due_times(schedule, timezone, after), number)
    return [f"{due.due_at:%d %H:%M}" for due in times]  # in UTC


def test_a_time_is_that_of_its_time_zone_in_summer_and_in_winter() -> None:
    assert first(1, "0 3 * * *", datetime(2026, 1, 1, tzinfo=UTC)) == ["01 02:00"]
    assert first(1, "0 3 * * *", datetime(2026, 7, 1, tzinfo=UTC)) == ["01 01:00"]
    assert first(1, "0 3 * * *", datetime(2026, 7, 1, tzinfo=UTC), "UTC") == ["01 03:00"]


@pytest.mark.parametrize("prefix", ["CRON_TZ", "TZ"])
def test_a_schedule_may_name_its_time_zone(prefix: str) -> None:
    assert first(1, f"{prefix}=Asia/Tokyo  0 3 * * *", datetime(2026, 7, 1, tzinfo=UTC)) == ["01 18:00"]


def test_a_time_that_is_skipped_comes_at_the_end_of_the_gap() -> None:
    assert first(2, "30 2 * * *", SPRING) == ["29 01:00", "30 00:30"]
    assert first(2, "0,30 2 * * *", SPRING) == ["29 01:00", "30 00:00"]
    assert first(3, "30 * * * *", SPRING + 12 * HOUR) == ["29 00:30", "29 01:30", "29 02:30"]


def test_a_time_that_comes_twice_is_due_the_first_time() -> None:
    assert first(2, "30 2 * * *", AUTUMN) == ["25 00:30", "26 01:30"]
    assert first(4, "30 * * * *", AUTUMN + 11.9 * HOUR) == ["25 00:30", "25 01:30", "25 02:30", "25 03:30"]
    assert first(1, "45 2 * * *", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == ["26 01:45"]


@pytest.mark.parametrize(
    ("schedule", "times"),
    [
        ("@daily", ["06-29 22:00", "06-30 22:00"]),
        ("@Midnight", ["06-29 22:00", "06-30 22:00"]),
        ("@hourly", ["06-29 13:00", "06-29 14:00"]),
        ("@weekly", ["07-04 22:00", "07-11 22:00"]),
        ("@monthly", ["06-30 22:00", "07-31 22:00"]),
        ("@yearly", ["12-31 23:00", "12-31 23:00"]),
        ("* * * * *", ["06-29 12:01", "06-29 12:02"]),
        ("*/20 9-17 * * mon-fri", ["06-29 12:20", "06-29 12:40"]),
        ("0 0 31 * *", ["07-30 22:00", "08-30 22:00"]),
        ("0 0 29 2 *", ["02-28 23:00", "02-28 23:00"]),
        ("0 6 L * *", ["06-30 04:00", "07-31 04:00"]),
    ],
)
def test_what_people_write_is_understood(schedule: str, times: list[str]) -> None:
    found = itertools.islice(due_times(schedule, BERLIN, datetime(2026, 6, 29, 12, tzinfo=UTC)), 2)
    assert [f"{due.due_at:%m-%d %H:%M}" for due in found] == times


def test_each_time_knows_the_next_one_and_how_late_is_still_on_time() -> None:
    friday, monday = itertools.islice(due_times("0 3 * * 1-5", "UTC", datetime(2026, 11, 27, tzinfo=UTC)), 2)
    assert friday.next_due_at == monday.due_at == datetime(2026, 11, 30, 3, tzinfo=UTC)
    assert friday.late_at - friday.due_at == timedelta(minutes=15)


@pytest.mark.parametrize(("minutes", "expected"), [(1, 1), (5, 1), (20, 2), (60, 6), (150, 15), (1440, 15)])
def test_grace_is_a_tenth_of_the_pause_within_bounds(minutes: int, expected: int) -> None:
    assert grace(timedelta(minutes=minutes)) == timedelta(minutes=expected)


def test_time_zones_are_known_where_the_system_has_none() -> None:
    code = "from otel_joblog.schedules import *; from datetime import *; "
    code += "print(next(due_times('0 3 * * *', 'Europe/Berlin', datetime(2026, 7, 1, tzinfo=UTC))).due_at)"
    asked = subprocess.check_output([sys.executable, "-c", code], env={"PYTHONTZPATH": ""}, text=True, timeout=60)
    assert asked == "2026-07-01 01:00:00+00:00\n"


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("", "neither five fields as in cron nor a word such as @daily"),
        ("every night", "neither five fields"),
        ("@reboot", "neither five fields"),
        ("@every 5m", "neither five fields"),
        ("0 0 3 * * *", "neither five fields"),  # where the seconds are, nobody can tell
        ("0 3 * *", "neither five fields"),
        ("0 25 * * *", "bad hour"),
        ("0 3 30 2 *", "bad day-of-month"),
        ("H 3 * * *", "bad minute"),
        ("CRON_TZ=Europe/Atlantis 0 3 * * *", "the time zone 'Europe/Atlantis' is not known on this host"),
        ("CRON_TZ=../etc/passwd 0 3 * * *", "the time zone '../etc/passwd' is not known on this host"),
        ("CRON_TZ= 0 3 * * *", "the time zone '' is not known on this host"),
        ("0 3 * * " + "1," * 200 + "1", "neither five fields"),
    ],
)
def test_what_is_not_understood_says_why(schedule: str, why: str) -> None:
    with pytest.raises(ScheduleError, match=why.replace("?", r"\?")):
        first(1, schedule, SPRING)


FIELDS = st.tuples(
    st.sampled_from(["*", "0", "59", "*/7", "30", "15,45"]),
    st.sampled_from(["*", "2", "3", "*/2", "1-3", "23"]),
    st.sampled_from(["*", "1", "25", "29", "L"]),
    st.sampled_from(["*", "3", "10", "*/6"]),
    st.sampled_from(["*", "0", "7", "mon-fri"]),
).map(" ".join)
ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata"])
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=1_500)).map(lambda later: datetime(2024, 1, 1, tzinfo=UTC) + later)
AROUND = st.sampled_from([SPRING + 12 * HOUR, AUTUMN + 12 * HOUR]).flatmap(
    lambda near: st.timedeltas(-3 * HOUR, 3 * HOUR).map(lambda away: near + away)
)


@given(FIELDS, ZONES, MOMENTS | AROUND)
@example("0,30 2 * * *", BERLIN, SPRING + 13 * HOUR)
def test_times_rise_and_match_whatever_the_clocks_do(schedule: str, timezone: str, after: datetime) -> None:
    times = list(itertools.islice(due_times(schedule, timezone, after), 12))
    assert times
    assert times[0].due_at > after
    for due, following in itertools.pairwise(times):
        assert due.due_at < due.late_at <= due.next_due_at == following.due_at
        assert due.due_at.second == due.due_at.microsecond == 0
        local = due.due_at.astimezone(ZoneInfo(timezone))
        gap = local.utcoffset() != (local - timedelta(hours=2)).utcoffset()
        minute, hour = schedule.split()[:2]
        assert gap or minute[0] == "*" or str(local.minute) in minute.split(",")
        assert gap or not hour.isdigit() or local.hour == int(hour)


@given(FIELDS, ZONES, MOMENTS | AROUND, st.integers(0, 8))
def test_it_does_not_matter_where_one_begins_to_count(
    schedule: str, timezone: str, after: datetime, skipped: int
) -> None:
    times = [due.due_at for due in itertools.islice(due_times(schedule, timezone, after), skipped + 4)]
    again = [due.due_at for due in itertools.islice(due_times(schedule, timezone, times[skipped]), 3)]
    assert again == times[skipped + 1 :]


@given(
    st.text(alphabet=st.sampled_from("0123456789*/,-#LWHT@ =éMON²٣\0"), max_size=40) | st.text(max_size=40), st.text()
)
def test_whatever_a_job_says_is_understood_or_not_and_hurts_nobody(schedule: str, timezone: str) -> None:
    with contextlib.suppress(ScheduleError):
        assert list(itertools.islice(due_times(schedule, timezone, SPRING), 3))
