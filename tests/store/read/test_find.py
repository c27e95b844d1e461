"""Runs found by queries, in a real store."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest

from otel_joblog.conventions import Attribute, RunStatus
from otel_joblog.runquery import RunQuery
from otel_joblog.store.read import find
from otel_joblog.store.read.models import RunPage
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.write.writer import Writer
from tests.web.story import MINUTE, PROCESS, SECOND, Story

Asked = Callable[..., list[str]]
DAY = 24 * 60 * MINUTE
ERROR = ("shop.errors.PaymentTimeoutError", "order ORD-17 timed out after 30 s; 100 % of it_x", "Traceback")


@pytest.fixture(scope="module")
def told(module_dsn: str) -> str:
    """Five runs of as many days: a (the latest) to e."""
    now = time.time_ns()
    with contextlib.closing(Writer(module_dsn)) as writer:
        for number, (name, more) in enumerate(
            {
                "billing.a": {Attribute.TRIGGER: "api", "customer": 42, f"{Attribute.ARGUMENT}.day": "2026-11-03"},
                "billing.b": {Attribute.REFERENCE: "ORD-17", "tags": ["blue", "green"], "ratio": 0.5, "ok": True},
                "shop_c": {Attribute.ATTEMPT: 3, f"{Attribute.ARGUMENT}.customer": "42", "nested": {"deep": 1}},
                "shopxd": {Attribute.JOB_TYPE: "cron", Attribute.TRIGGER: "schedule"},
                "e*": {"odd key: é": "with, comma"},
            }.items()
        ):
            story = Story(writer, name, began=now - number * DAY - 10 * MINUTE, **more)
            if number == 1:
                story.end(error=ERROR, at=90)
            elif number == 3:
                story.end(RunStatus.LOST, "the process vanished", at=3_600)
            elif number == 4:
                story.end(RunStatus.SKIPPED, at=0.25)
            elif number == 2:
                story.end(at=5)
    return module_dsn


def page(dsn: str, query: str, **options: object) -> RunPage:
    async def asking() -> RunPage:
        async with Reader(dsn) as reader:
            return await reader.runs(RunQuery.parse(query), **options)  # type: ignore[arg-type]

    return asyncio.run(asking())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "a b c d e"),
        ("job:billing.a", "a"),
        ("job:billing.*", "a b"),
        ("job:shop_*", "c"),  # an underscore is an underscore
        ('job:"e*"', "e"),
        ('job:"*"', ""),
        ("job:billing.a,shopxd", "a d"),
        ("-job:billing.*", "c d e"),
        ("job:billing.* -job:*.b", "a"),
        ("job:none*", ""),
        ("service:etl", "a b c d e"),
        ("service:e*", "a b c d e"),
        ("host:worker-3 trigger:api", "a"),
        ("-trigger:schedule", "a"),
        ("type:cron", "d"),
        ("type:c* trigger:schedule", "d"),
        ("ref:ORD-17", "b"),
        ("ref:ORD-*", "b"),
        ("-ref:ORD-17 job:billing.*", "a"),
        ("status:running", "a"),
        ("status:running job:billing.*", "a"),
        ("status:error", "b"),
        ("status:failed", "b d"),
        ("status:lost", "d"),
        ("status:lost,skipped", "d e"),
        ("-status:success", "a b d e"),
        ("-status:success,failed", "a e"),
        ("status:failed -status:lost", "b"),
        ("status:retried", ""),
        ("-status:retried", "a b c d e"),
        ("status:failed job:shop*", "d"),
        ("attr.customer:42", "a c"),
        ("attr.customer:42 trigger:api", "a"),
        ("attr.customer:4*", "a c"),
        ("attr.customer:41,42", "a c"),
        ("-attr.customer:42", "b d e"),
        ("attr.customer:43", ""),
        ("attr.joblog.trigger:api", "a"),
        ("attr.day:2026-11-03", "a"),
        ("attr.tags:green", "b"),
        ("attr.ratio:0.5 attr.ok:true", "b"),
        ('attr."odd key: é":"with, comma"', "e"),
        ("duration:>60s", "a b d"),
        ("duration:>60s -status:open", "b d"),
        ("duration:>=90s duration:<=90s", "b"),
        ("duration:<1s", "e"),
        ("duration:>1h", ""),
        ("duration:>=1h", "d"),
        ("attempt:>1", "c"),
        ("attempt:3", "c"),
        ("attempt:<2 job:shop*", "d"),
        ("timeout", "b"),
        ("paymenttimeouterror", "b"),
        ('"timed out"', "b"),
        ('"out timed"', ""),
        ("100 %", "b"),
        ('"100 % of it_x"', "b"),
        ('"it?x"', ""),
        ("ord-17", "b"),
        ("billing", "a b"),
        ("-billing", "c d e"),
        ("vanished", "d"),
        ("shop vanished", ""),  # whole words: the job is called shopxd
        ("since:36h", "a b"),
        ("until:36h", "c d e"),
        ("since:80h until:36h -job:shopxd", "c"),
        ("is:slow", ""),
    ],
)
def test_a_query_finds_its_runs_newest_first(told: str, query: str, found: str) -> None:
    assert [run.job.strip("*")[-1] for run in page(told, query).items] == found.split()


def test_pages_of_what_is_found_follow_one_another(told: str) -> None:
    keys, after = [], None
    for _ in range(4):
        found = page(told, "host:worker-3 -trigger:api", limit=2, after=after)
        keys.append([run.job for run in found.items])
        if (after := found.next) is None:
            break
    assert keys == [["billing.b", "shop_c"], ["shopxd", "e*"]]


def test_a_page_that_looked_at_enough_runs_says_how_far_and_goes_on(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "LOOKED_AT", 2)
    first = page(told, "-job:billing.*,shop*")
    assert first.items == []
    assert first.looked_until is not None
    second = page(told, "-job:billing.*,shop*", after=first.next)
    third = page(told, "-job:billing.*,shop*", after=second.next)
    assert ([run.job for run in third.items], third.next) == (["e*"], None)


def test_the_key_of_a_kind_of_error_and_its_refusal(told: str) -> None:
    with psycopg.connect(told) as connection:
        (group,) = connection.execute("select error_group from joblog.job_run where status = 5").fetchone() or (0,)
    key = int(group).to_bytes(8, signed=True).hex()
    assert [run.job for run in page(told, f"error:{key}").items] == ["billing.b"]
    assert [run.job for run in page(told, f"error:{key} -ref:ORD-1*").items] == []
    assert [run.job for run in page(told, f"status:failed -error:{key}").items] == ["shopxd"]


def test_times_without_an_offset_are_of_the_zone_asked_for(told: str) -> None:
    assert len(page(told, f"since:{datetime.now(UTC):%Y-%m-%dT%H:%M}", zone=UTC).items) == 0


def test_slow_and_unresponsive_runs_are_found(dsn: str) -> None:
    now = time.time_ns()
    with contextlib.closing(Writer(dsn)) as writer:
        for number in range(6):
            Story(writer, "sync", began=now - (20 + number) * MINUTE).end(at=2)
        Story(writer, "sync", began=now - 15 * MINUTE).end(at=120)
        Story(writer, "declared", began=now - 15 * MINUTE, **{Attribute.EXPECTED: 30.0}).end(at=31)
        silent = Story(writer, "sync", began=now - 300 * SECOND)
        writer.beat([PROCESS.process_id])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("update joblog.job_live set beat_at = now() - interval '45 seconds'")
    assert [(run.job, run.duration) for run in page(dsn, "is:slow").items] == [("sync", None), ("declared", 31.0)]
    assert [run.run_id for run in page(dsn, "is:unresponsive").items] == [silent.run_id]


def test_a_pattern_of_very_many_jobs_looks_through_the_newest_runs(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "_NAMES", 1)
    assert [run.job for run in page(told, "job:billing.*").items] == ["billing.a", "billing.b"]
