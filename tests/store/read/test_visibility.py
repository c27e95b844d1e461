"""What somebody may not see is not there for them, whatever the reader is asked."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg
import pytest

from otel_joblog.config import Settings
from otel_joblog.conventions import Attribute
from otel_joblog.errors import RunNotFound, TaskNotFound
from otel_joblog.runquery import RunQuery
from otel_joblog.store.read import find
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.read.visibility import EVERYTHING, Visibility
from otel_joblog.store.write.writer import Writer
from tests.web.story import MINUTE, Story

SHOP = Visibility(("shop-*",))
ERROR = ("shop.TimeoutError", "no answer", "Traceback")
AHEAD = 3 * 24 * 60 * MINUTE

# Queries that do not ask whether a run may be seen, and why they need not.
OF_A_RUN_THAT_MAY_BE_SEEN = {
    *("run", "history", "samples", "step", "steps", "count_steps", "outline", "outline_steps", "stages", "placed"),
    *("lines", "lines_edge", "last_lines", "last_lines_edge", "count_lines", "line_steps"),
    *("matches", "problems", "last_success", "compared_lines"),
    *("found_runs", "found_steps"),  # of lines that search_runs.sql found
    *("find/by_time", "find/by_label"),  # in find/passing.sql
}
OF_THE_STORE = {"search_bound", "log_days", "text_search", "upkeep_tables", "upkeep_clean_up"}


class Told(NamedTuple):
    dsn: str
    shop: Story
    payroll: Story


@pytest.fixture(scope="module")
def told(module_dsn: str) -> Told:
    """Two jobs that fail alike, in runs with a task of one name; the one of the shop has a child run of the other's."""
    with contextlib.closing(Writer(module_dsn)) as writer:
        hidden = {Attribute.OWNER: "secret", Attribute.SCHEDULE: "secret", "customer": 42}
        payroll = _failed(Story(writer, "payroll", service="hr", **hidden), "secret")
        shop = _failed(Story(writer, "shop-orders", customer=42), "open")
        inner = Story(writer, "payroll", service="hr", inside=shop)
        inner.say("secret words in it")
        inner.end()
        Story(writer, "payroll", service="hr", began=time.time_ns() + AHEAD)
    with psycopg.connect(module_dsn, autocommit=True) as connection:
        connection.execute(
            "insert into joblog.job_schedule (name, service, schedule, timezone, since, problem)"
            " values ('payroll', 'hr', 'monthly', 'UTC', now(), 'not a schedule')"
        )
    return Told(module_dsn, shop, payroll)


def _failed(story: Story, word: str) -> Story:
    story.step(f"{word} step", **{Attribute.TASK_ID: "batch 1"})
    story.say(f"{word} words", step=f"{word} step")
    story.end_step(f"{word} step", end=10)
    story.end(error=ERROR)
    return story


Ask = Callable[[Reader, Told], Awaitable[object]]


async def _beside(reader: Reader, told: Told) -> object:
    """Of a run that somebody saw who may see it."""
    async with Reader(told.dsn) as everything:
        runs = (await everything.runs(service="hr")).items
    shown = await reader.beside(runs)
    return ["payroll" for _ in (*shown.p95, *shown.last_lines)]


# Of each method of the reader: how it is asked, once or more. Those that tell of everything would name "payroll".
TELLING: dict[str, list[Ask]] = {
    "runs": [
        lambda reader, _: reader.runs(),
        lambda reader, _: reader.runs(service="hr"),
        lambda reader, _: reader.runs(RunQuery.parse("attr.customer:42")),
        lambda reader, _: reader.runs(RunQuery.parse("job:pay*,shop*")),
        lambda reader, _: reader.runs(RunQuery.parse("status:failed")),
        lambda reader, _: reader.runs(RunQuery.parse("-job:nothing")),
        lambda reader, _: reader.runs(job="payroll"),
    ],
    "runs_by_id": [lambda reader, told: reader.runs_by_id([told.shop.run_id, told.payroll.run_id])],
    "beside": [_beside],
    "run": [lambda reader, told: reader.run(told.shop.run_id)],
    "outline": [lambda reader, told: reader.outline(told.shop.run_id)],
    "same_error": [lambda reader, told: reader.same_error(told.shop.run_id)],
    "task_lines": [lambda reader, _: reader.task_lines("batch 1")],
    "search": [
        lambda reader, _: reader.search("words"),
        lambda reader, _: reader.search(),
        lambda reader, _: reader.search("words", attributes={"customer": "42"}),
    ],
    "jobs": [lambda reader, _: reader.jobs(), lambda reader, _: reader.jobs(service="hr")],
    "statistics": [lambda reader, _: reader.statistics()],
    "errors": [lambda reader, _: reader.errors()],
    "marks": [lambda reader, _: reader.marks()],
    "upkeep": [lambda reader, _: reader.upkeep(Settings())],
}
OF_ONE_RUN: dict[str, list[Ask]] = {
    "run": [lambda reader, told: reader.run(told.payroll.run_id)],
    "step": [lambda reader, told: reader.step(told.payroll.run_id, told.payroll.steps["secret step"].hex())],
    "outline": [lambda reader, told: reader.outline(told.payroll.run_id)],
    "history": [lambda reader, told: reader.history(told.payroll.run_id)],
    "same_error": [lambda reader, told: reader.same_error(told.payroll.run_id)],
    "compare": [lambda reader, told: reader.compare(told.payroll.run_id, told.payroll.run_id)],
    "matches": [lambda reader, told: reader.matches(told.payroll.run_id, text="words")],
    "problems": [lambda reader, told: reader.problems(told.payroll.run_id)],
    "lines": [lambda reader, told: reader.lines(told.payroll.run_id)],
    "stages": [lambda reader, told: reader.stages(told.payroll.run_id)],
}
COUNTED = {"histogram"}
NOT_OF_RUNS = {"health", "seen_by"}


def asked(told: Told, ask: Ask, visibility: Visibility) -> str:
    """What is told, as text."""

    async def ask_it() -> object:
        async with Reader(told.dsn) as reader:
            return await ask(reader.seen_by(visibility), told)

    return repr(asyncio.run(ask_it()))


def test_every_method_of_the_reader_and_every_query_is_looked_at_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Reader, inspect.isfunction) if not name.startswith("_")}
    assert methods == TELLING.keys() | OF_ONE_RUN.keys() | COUNTED | NOT_OF_RUNS
    folder = files("otel_joblog.store.read").joinpath("sql")
    found = {name.removesuffix(".sql"): text for name, text in _sql(folder)}
    unasked = {name for name, text in found.items() if re.search(r"\bjoblog\.job|pg_inherits", text)}
    unasked -= {name for name, text in found.items() if "%(seen)s" in text}
    assert unasked == OF_A_RUN_THAT_MAY_BE_SEEN | OF_THE_STORE


def _sql(folder: Any, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _sql(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".sql"):
            found.append((prefix + entry.name, entry.read_text()))
    return found


@pytest.mark.parametrize("share", ["by label", "by time"])
@pytest.mark.parametrize(("name", "ask"), [(name, ask) for name, asks in TELLING.items() for ask in asks])
def test_what_may_not_be_seen_is_told_nowhere(
    told: Told, name: str, ask: Ask, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if share == "by time":
        monkeypatch.setattr(find, "_NAMES", 0)  # as where there are many jobs
    with contextlib.suppress(TaskNotFound):
        shown = asked(told, ask, SHOP)
        assert not re.search("payroll|secret", shown)
        nothing = asked(told, ask, Visibility(("nobody",))) if name not in {"run", "outline", "same_error"} else ""
        assert not re.search("payroll|secret|shop", nothing)
    assert re.search("payroll|secret", asked(told, ask, EVERYTHING))


@pytest.mark.parametrize("name", OF_ONE_RUN)
def test_a_run_that_may_not_be_seen_is_not_found_as_one_that_is_not_there(told: Told, name: str) -> None:
    for ask in OF_ONE_RUN[name]:
        with pytest.raises(RunNotFound, match="no run's id begins with"):
            asked(told, ask, SHOP)
        assert asked(told, ask, EVERYTHING)
        assert asked(told, ask, Visibility(("h?", "h*")))


def test_a_run_is_compared_with_none_that_may_not_be_seen(told: Told) -> None:
    def compared(reader: Reader, told: Told) -> Awaitable[object]:
        return reader.compare(told.shop.run_id, told.payroll.run_id)

    with pytest.raises(RunNotFound, match="no run's id begins with"):
        asked(told, compared, SHOP)
    assert "secret" in asked(told, compared, EVERYTHING)


def test_figures_count_what_may_be_seen(told: Told) -> None:
    def failures(visibility: Visibility) -> int:
        async def ask() -> int:
            async with Reader(told.dsn) as reader:
                seen = reader.seen_by(visibility)
                assert (await seen.runs()).ahead == (1 if visibility.sees("payroll", "hr") else 0)
                failures = (await seen.statistics()).total.failures
                for query in ("", "since:30h", "-job:nothing", "job:pay*,shop*"):  # by day, by hour, one by one
                    bins = (await seen.histogram(RunQuery.parse(query))).bins
                    assert sum(one.error for one in bins) == failures, query
                return failures

        return asyncio.run(ask())

    assert [failures(one) for one in (EVERYTHING, SHOP, Visibility(("hr", "shop*")), Visibility(()))] == [2, 1, 2, 0]


@pytest.mark.parametrize(
    "patterns",
    [(), ("*",), ("shop-*",), ("etl",), ("%",), ("s_op-orders",), ("shop-orders", "hr"), ("SHOP-*",), ("*r*l",)],
)
def test_python_and_sql_agree_on_what_a_pattern_means(told: Told, patterns: tuple[str, ...]) -> None:
    visibility = Visibility(patterns)

    async def ask() -> set[tuple[str, str]]:
        async with Reader(told.dsn) as reader:
            return {(job.job, job.service) for job in (await reader.seen_by(visibility).jobs()).items}

    known = {("payroll", "hr"), ("shop-orders", "etl")}
    assert asyncio.run(ask()) == {job for job in known if visibility.sees(*job)}
