"""The filters of commands, by the names and words of the API; and the zone of times, the same for all that is printed
and given."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from otel_joblog.cli.main import main
from otel_joblog.cli.printing.times import Zone
from otel_joblog.cli.runs import list_runs
from otel_joblog.conventions import Attribute, RunStatus
from otel_joblog.filters import statuses
from otel_joblog.moments import moment
from otel_joblog.store.write.writer import Writer
from otel_joblog.web.params import RUN_FILTERS
from tests.cli.commands import Command
from tests.cli.ptys import on_terminal
from tests.web.story import SECOND, Story

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LIST = [sys.executable, "-m", "otel_joblog", "list"]


@pytest.fixture
def runs(dsn: str) -> None:
    """One an hour, the last an hour ago."""
    at = time.time_ns()
    outcomes = [RunStatus.SUCCESS, RunStatus.LOST, RunStatus.TIMEOUT, RunStatus.ERROR]
    with contextlib.closing(Writer(dsn)) as writer:
        for hours, status in enumerate(outcomes, 1):
            kind = "cron" if hours % 2 else "queue"
            began = at - hours * 3_600 * SECOND
            Story(writer, status.value, began=began, **{Attribute.JOB_TYPE: kind}).end(status, "why")
        Story(writer, "running", began=at - 60 * SECOND)
        Story(writer, "of another century", began=4_607_280_000 * SECOND).end()


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("arguments", "jobs"),
    [
        ("--status failed", ["lost", "timeout", "error"]),
        ("--status failed --since 150m", ["lost"]),
        ("--status failed --since 24h --type cron", ["timeout"]),
        ("--status success --status error,open", ["running", "success", "error"]),
        ("--since 150m", ["running", "success", "lost"]),
        ("--until 150m", ["timeout", "error"]),
        ("--status retried", []),
        ("--type queue", ["lost", "error"]),
        ("--service etl --limit 1", ["running"]),
        ("--service other", []),
        ("--reference none", []),
        ("--since 2100-01-01", ["of another century"]),
        ("status:failed since:150m", ["lost"]),
        ("-- status:success,open -job:succ*", ["running"]),
        ("type:queue --status failed", ["lost", "error"]),
        ("why duration:>59s --limit 1", ["success"]),
    ],
)
def test_runs_are_listed_by_filters(arguments: str, jobs: list[str], otel_joblog: Command) -> None:
    assert [run["job"] for run in json.loads(otel_joblog("list", "--json", *arguments.split()).stdout)] == jobs


@pytest.mark.usefixtures("runs")
def test_the_runs_of_a_kind_of_error_are_listed_by_the_key_that_errors_prints(
    environment: dict[str, str], otel_joblog: Command
) -> None:
    key = otel_joblog("errors", "--job", "lost").stdout.partition("\t")[0]
    assert key in on_terminal([sys.executable, "-m", "otel_joblog", "errors"], environment, 80)
    assert [run["job"] for run in json.loads(otel_joblog("list", "--json", "--error", key).stdout)] == ["lost"]


def test_the_filters_of_list_are_those_of_the_api() -> None:
    assert {option.name for option in list_runs.params} >= set(RUN_FILTERS) - {"retried"}  # that is --status retried


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("list --status broken", "'broken' is no status: use one or more of these, separated by commas: pending,"),
        ("list --status error,broken", "skipped, cancelled, error, timeout, lost, failed, open"),
        ("list --since yesterday", "'yesterday' is no time: give a time such as 2026-11-03T03:12, or how long ago"),
        ("list --error 12", "give the 16 digits that `otel-joblog errors` prints as KEY"),
        ("list --typ cron", "--type"),
        ("list --time-zone Mars/Olympus", "'Mars/Olympus' is no time zone: use UTC, local, or a name such as Europe"),
        ("list --time-zone Europe/Berlin --utc", "use --utc or --time-zone, not both"),
        ("search x --level loud", "'loud' is no level: use trace, debug, info, warn, error or fatal"),
        ("search x --stream stdin", "'stdin' is no stream: use log, stdout or stderr"),
        ("search x --attribute shard", "'shard' is no NAME=VALUE, as in shard=3"),
        ("list statsu:error", "at character 1, 'statsu:error': there is no key 'statsu'; use status, job,"),
        ("list job:a --job b", "job:a and job:b ask for the same"),
        ("export --status broken", "'broken' is no status: use one or more"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(arguments: str, said: str) -> None:
    done = CliRunner().invoke(main, arguments.split())
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_words_for_several_states_are_taken_apart_once() -> None:
    assert statuses(["failed,error", "Open", ""]) == [
        RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.LOST, RunStatus.PENDING, RunStatus.RUNNING,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "at"),
    [
        ("today", datetime(2026, 11, 2, 23, tzinfo=UTC)),
        ("90s", NOW - timedelta(seconds=90)),
        ("30m", NOW - timedelta(minutes=30)),
        ("24H", NOW - timedelta(hours=24)),
        ("7 d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-03", datetime(2026, 11, 2, 23, tzinfo=UTC)),
        ("2026-11-03T03:12", datetime(2026, 11, 3, 2, 12, tzinfo=UTC)),
        (" 2026-07-03 03:12:04.5 ", datetime(2026, 7, 3, 1, 12, 4, 500_000, UTC)),
        ("2026-11-03T03:12:00Z", datetime(2026, 11, 3, 3, 12, tzinfo=UTC)),
        ("2026-11-03T03:12-05:00", datetime(2026, 11, 3, 8, 12, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_in_the_zone_or_so_long_ago(words: str, at: datetime) -> None:
    assert moment(words, ZoneInfo("Europe/Berlin"), NOW) == at


@pytest.mark.parametrize("words", ["", "yesterday", "24", "-1h", "1y", "999999w", "0001-01-01T00:00", "2026-13-01"])
def test_what_is_no_moment_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="such as 2026-11-03T03:12, or how long ago it was, such as 30m, 24h"):
        moment(words, ZoneInfo("Asia/Tokyo"), NOW)


@pytest.mark.parametrize(
    ("arguments", "zone", "first"),
    [
        ((), "Asia/Kolkata, now UTC+05:30", "2024-11-03 08:42:04"),
        (("--time-zone", "local"), "Asia/Kolkata, now UTC+05:30", "2024-11-03 08:42:04"),
        (("--utc",), "UTC", "2024-11-03 03:12:04"),
        (("--time-zone", "Asia/Tokyo"), "Asia/Tokyo, now UTC+09:00", "2024-11-03 12:12:04"),
    ],
)
def test_the_zone_of_times_is_said_and_chosen(
    arguments: tuple[str, ...], zone: str, first: str, dsn: str, environment: dict[str, str], otel_joblog: Command
) -> None:
    with contextlib.closing(Writer(dsn)) as writer:
        story = Story(writer, began=1_730_603_524 * SECOND)
        story.say("a line", at=0)
        story.end()
    environment |= {"TZ": "Asia/Kolkata"}
    screen = on_terminal([*LIST, *arguments], environment, 120)
    assert f"Times: {zone}\n" in screen
    assert first in screen
    shown = on_terminal([sys.executable, "-m", "otel_joblog", "show", story.run_id, *arguments], environment, 120)
    assert f"Times: {zone}\n{first[-8:]}.000 INFO" in shown
    assert f"when   {first} UTC" in shown
    # What is printed may be given: the second is the run's, the next one is not.
    given = first.replace(" ", "T")
    assert otel_joblog("list", "--since", given, *arguments).stdout.count("\n") == 1
    assert otel_joblog("list", "--until", given, *arguments).stdout == ""


def test_a_zone_says_the_offset_of_each_time() -> None:
    berlin = Zone.of("Europe/Berlin")
    winter, summer = datetime(2026, 1, 3, 3, tzinfo=UTC), datetime(2026, 7, 3, 3, tzinfo=UTC)
    assert berlin.stamp(winter) == "2026-01-03 04:00:00 UTC+01:00"
    assert berlin.stamp(summer) == "2026-07-03 05:00:00 UTC+02:00"
    assert berlin.iso(summer) == "2026-07-03T05:00:00.000+02:00"
    assert Zone.of("utc").stamp(summer) == "2026-07-03 03:00:00 UTC"
    assert Zone.of("Etc/UTC").iso(summer) == "2026-07-03T03:00:00.000Z"
