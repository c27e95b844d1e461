"""Alert rules: what they ask, on a real database, and for whom they fire."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from otel_joblog.conventions import Attribute, RunStatus
from otel_joblog.health.keeper import keep_due_times
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.write.writer import Writer

from .asking import ALERTING, RULES, STORE, Store, answered, reading
from .history import SECOND, SHOP, ended, started

HOUR = 3_600
ASKING = {rule["uid"]: rule for rule in RULES if rule["data"][0]["model"]["datasource"]["type"] == STORE}


@pytest.fixture(scope="module")
def store(module_dsn: str) -> Iterator[Store]:
    success, error, lost = RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.LOST
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    hourly = {Attribute.SCHEDULE: f"{due.minute} * * * *"}
    told: list[tuple[str, dict[str, Any], float, RunStatus]] = [
        *(("steady", {}, hours, success) for hours in range(6)),
        *(("flaky", {}, hours, error if hours in {1, 3} else success) for hours in range(6)),
        ("gone", {}, 1, lost),
        ("gone", {}, 3, lost),
        ("hopeless", {}, 48, success),
        ("hopeless", {}, 2, error),
        ("never", {}, 30, error),
        ("never", {}, 1, error),
        ("new", {}, 1, error),
        *(("silent", hourly, hours, success) for hours in range(9, 60)),
        *(("regular", hourly, hours + 9 / 60, success) for hours in range(60)),
        ("odd", {Attribute.SCHEDULE: "some time"}, 5, success),
        *(("unscheduled", {}, hours, success) for hours in range(9, 60)),
    ]
    writer = Writer(module_dsn)
    now = time.time_ns() - 60 * SECOND
    runs = [
        ended(number, job, attributes, now - round(hours * HOUR) * SECOND, 5, status)
        for number, (job, attributes, hours, status) in enumerate(told, 1)
    ]
    began = round((due - timedelta(hours=2)).timestamp()) * SECOND
    writer.write([*runs, started(len(runs) + 1, "overlapping", hourly, began)], SHOP)
    writer.close()
    assert maintain(module_dsn, None, [keep_due_times])
    with reading(module_dsn) as connection:
        yield connection


def asked_by(rule: dict[str, Any]) -> str:
    sql: str = rule["data"][0]["model"]["rawSql"]
    return sql


def firing(store: Store, uid: str) -> dict[str, float]:
    """The jobs for which a rule fires, with the number."""
    evaluator = ASKING[uid]["data"][1]["model"]["conditions"][0]["evaluator"]
    assert evaluator["type"] == "gt"
    (limit,) = evaluator["params"]
    answer = answered(store, asked_by(ASKING[uid]))
    number = list(answer.types)[-1]
    return {row["job"]: row[number] for row in answer.rows if row[number] > limit}


@pytest.mark.parametrize("uid", ASKING)
def test_an_alert_rule_asks_for_one_number_by_job(store: Store, uid: str) -> None:
    types = list(answered(store, asked_by(ASKING[uid])).types.items())
    assert types[:2] == [("job", "text"), ("service", "text")]
    assert [kind for _, kind in types[2:] if kind != "text"] == ["float8"] == [types[-1][1]]


def test_alerts_fire_for_the_jobs_that_they_are_about(store: Store) -> None:
    assert firing(store, "joblog-failure-rate") == {"flaky": 2 / 6}
    assert firing(store, "joblog-lost") == {"gone": 1}
    no_success = firing(store, "joblog-no-success")
    assert no_success == pytest.approx({"hopeless": 48 * HOUR, "never": 30 * HOUR}, abs=HOUR)
    missed = firing(store, "joblog-missed")
    assert missed == pytest.approx({"silent": 900, "overlapping": 900}, abs=300)


def test_an_alert_tells_which_run_still_goes_on(store: Store) -> None:
    remarks = {row["job"]: row["remark"] for row in answered(store, asked_by(ASKING["joblog-missed"])).rows}
    (row,) = answered(store, "select started_at at time zone 'UTC' as at from joblog.active_jobs").rows
    assert remarks == {
        "silent": "has not started",
        "overlapping": f"has not started, as its run of {row['at']:%Y-%m-%d %H:%M} UTC still goes on",
    }


def test_an_alert_fires_when_nobody_works_out_what_is_due(store: Store, module_dsn: str) -> None:
    assert firing(store, "joblog-unwatched") == {}
    with psycopg.connect(module_dsn, row_factory=dict_row) as owner:
        owner.execute("delete from joblog.job_expected where due_at > now()")
        assert firing(owner, "joblog-unwatched") == {"overlapping": 3}  # and others
        owner.rollback()


def test_every_rule_says_what_is_the_matter_and_where_it_goes() -> None:
    uids = [rule["uid"] for rule in RULES]
    assert len(set(uids)) == len(uids) == 6
    for rule in RULES:
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["notification_settings"]["receiver"] == "joblog"
        assert (rule["condition"], rule["data"][1]["model"]["expression"]) == ("B", "A")


def test_no_dollar_of_a_rule_is_taken_for_a_variable_of_the_environment() -> None:
    for line in (ALERTING / "rules.yaml").read_text().splitlines():
        assert re.fullmatch(r"([^$]|\$\$)*", line.split(" # ")[0] if line.lstrip()[:1] != "#" else ""), line
