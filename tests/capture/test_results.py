"""What came of a run, and what it was called with."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import pathlib
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from otel_joblog import job, step
from otel_joblog.capture.facts.summary import LENGTH, summary
from otel_joblog.testing import Recorded, recording


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


class Loud:
    def __repr__(self) -> str:
        raise AssertionError("nobody is to look into it")

    __str__ = __len__ = __iter__ = __index__ = __repr__  # type: ignore[assignment]


class LoudDict(dict[Any, Any]):
    __repr__ = __str__ = __iter__ = __len__ = items = __getitem__ = Loud.__repr__  # type: ignore[assignment]


class Pair(NamedTuple):
    a: int
    b: int


def test_a_secret_is_found_before_a_text_is_cut_in_the_middle_of_it() -> None:
    key = "AKIA" + "ABCDEFGHIJKLMNOP"  # an access key's looks; half of it has none
    assert summary("x" * 190 + " " + key) == ("x" * 190 + " [redacted]")[: LENGTH - 1] + "…"
    assert "AKIA" not in str(summary([["x" * 150, "y" * 30 + " " + key]]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (2.5, 2.5),
        (True, True),
        (None, None),
        ("text", "text"),
        ("x" * 500, "x" * (LENGTH - 1) + "…"),
        ({"records": 4312, "of": [1, 2]}, "{'records': 4312, 'of': [1, 2]}"),
        ((1, "a", None), "(1, 'a', None)"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … 100 in all]"),
        ([[[[1]]]], "[[[[…]]]]"),
        ([[[[]]]], "[[[[]]]]"),
        (Counter("aab"), "{'a': 2, 'b': 1}"),
        (Pair(1, 2), "(1, 2)"),
        (LoudDict(a=1), "{'a': 1}"),
        (Loud(), "<Loud>"),
        ([Loud()], "[<Loud>]"),
        (b"bytes", "b'bytes'"),
        (2**600, "<int of 601 bits>"),
        (2**64, str(2**64)),
        (datetime.date(2026, 11, 3), "2026-11-03"),
        (decimal.Decimal("1.50"), "1.50"),
        (pathlib.PurePosixPath("/tmp/x"), "/tmp/x"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (range(10**12), "<range>"),
    ],
)
def test_a_value_is_said_in_short_and_never_by_code_of_its_own(value: Any, expected: Any) -> None:
    found = summary(value)
    assert (found, type(found)) == (expected, type(expected))


def test_a_value_that_holds_itself_is_said_to_a_depth() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    assert summary(cycle) == "[[[[…]]]]"


def test_what_a_function_returns_is_kept_of_every_kind_of_function(recorded: Recorded) -> None:
    @job
    def plain() -> dict[str, int]:
        return {"records": 3}

    @job
    async def coroutine() -> int:
        return 4

    @job
    def generator() -> Iterator[int]:
        yield 1
        return "done"  # type: ignore[return-value]

    @job
    def nothing() -> None:
        @step
        def part() -> int:
            return 5

        part()

    plain()
    asyncio.run(coroutine())
    list(generator())
    nothing()
    assert [run.attributes.get("joblog.returned") for run in recorded.runs] == ["{'records': 3}", "4", "done", None]
    assert "joblog.returned" not in recorded.steps[0].attributes


def test_results_are_numbers_and_words_by_name(recorded: Recorded) -> None:
    with job("x") as run:
        run.set_result(records=1, source="ftp")
        run.set_result(records=4312, rows=[1, 2], ok=True)
    found = {name: value for name, value in recorded.runs[0].attributes.items() if "result" in name}
    assert found == {
        "joblog.result.records": 4312,
        "joblog.result.source": "ftp",
        "joblog.result.rows": "[1, 2]",
        "joblog.result.ok": True,
    }


def arguments(recorded: Recorded) -> dict[str, Any]:
    prefix = "joblog.argument."
    attributes = recorded.started[0].attributes
    return {name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, {}),
        (False, {}),
        (True, {"day": "2026-11-03", "limit": 5, "2": "rest", "why": "<Loud>"}),
        (["day", "why"], {"day": "2026-11-03", "why": "<Loud>"}),
    ],
)
def test_arguments_are_kept_where_that_is_asked_for(asked: Any, expected: dict[str, Any], recorded: Recorded) -> None:
    @job(arguments=asked)
    def work(day: str, limit: int = 3, *rest: str, **more: Any) -> None: ...

    work("2026-11-03", 5, "rest", why=Loud())
    assert arguments(recorded) == expected


def test_a_methods_self_is_no_argument(recorded: Recorded) -> None:
    class Service:
        @job(arguments=True)
        def method(self, day: str) -> None: ...

        @classmethod
        @job(arguments=True)
        def made(cls, day: str) -> None: ...

    Service().method("today")
    Service.made("today")
    assert [
        set(started.attributes) & {"joblog.argument.self", "joblog.argument.cls"} for started in recorded.started
    ] == [
        set(),
        set(),
    ]
    assert arguments(recorded) == {"day": "today"}


def test_chosen_environment_variables_are_kept(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    from otel_joblog import setup

    assert setup._runtime is not None
    object.__setattr__(setup._runtime.settings, "environment", ("CHOSEN", "ABSENT"))
    monkeypatch.setenv("CHOSEN", "one")
    monkeypatch.setenv("OTHER", "two")
    with job("x"):
        pass
    found = {name for name in recorded.started[0].attributes if name.startswith("process.environment_variable")}
    assert found == {"process.environment_variable.CHOSEN"}
