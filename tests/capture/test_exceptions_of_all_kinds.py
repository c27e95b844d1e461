"""The same exception object comes out of a job, with the same traceback, whatever its class makes of its attributes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Never

import pytest

from otel_joblog import job, step
from otel_joblog.testing import Recorded, recording


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int = 3


class Slots(Exception):
    __slots__ = ("code",)


class Sealed(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(name)


class Closed(Exception):
    """Says nothing of itself."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class OwnTraceback(Exception):
    @property
    def __traceback__(self) -> Any:
        raise RuntimeError("no traceback of mine")

    @__traceback__.setter
    def __traceback__(self, value: Any) -> None:
        raise RuntimeError("no traceback of mine")


class OwnClass(Exception):
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class of mine")


class OwnNotes(Exception):
    __notes__ = ()  # type: ignore[assignment]

    def add_note(self, note: str) -> Never:
        raise RuntimeError("no notes of mine")


class OwnContext(Exception):
    @property
    def __cause__(self) -> Any:
        raise RuntimeError("no cause of mine")

    @property
    def __context__(self) -> Any:
        raise RuntimeError("no context of mine")


class Incomparable(Exception):
    def __eq__(self, other: object) -> Never:
        raise RuntimeError("not to be compared")

    def __hash__(self) -> Never:
        raise RuntimeError("not to be hashed")

    def __bool__(self) -> Never:
        raise RuntimeError("neither true nor false")

    def __len__(self) -> Never:
        raise RuntimeError("no length")


class Unspeakable(Exception):
    def __str__(self) -> Never:
        raise RuntimeError("no words")

    __repr__ = __str__


class Nameless(type):
    """Its classes say nothing of themselves."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class OfNobody(Exception, metaclass=Nameless):
    pass


class OfNobodyAndUnspeakable(Unspeakable, metaclass=Nameless):
    pass


class OddTimeout(TimeoutError):
    __str__ = Unspeakable.__str__


KINDS: list[Callable[[], BaseException]] = [
    Frozen,
    Slots,
    Sealed,
    Closed,
    OwnTraceback,
    OwnClass,
    OwnNotes,
    OwnContext,
    Incomparable,
    Unspeakable,
    OddTimeout,
    lambda: OfNobody(),
    lambda: OfNobodyAndUnspeakable(),
    asyncio.CancelledError,
    StopIteration,
    StopAsyncIteration,
    GeneratorExit,
    lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    lambda: ExceptionGroup("both", [Frozen(), Closed()]),
    lambda: BaseExceptionGroup("both", [KeyboardInterrupt(), Incomparable()]),
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: getattr(kind, "__name__", ""))


def fail(error: BaseException) -> Never:
    raise error


def raised(call: Callable[[], object]) -> tuple[BaseException, list[str]]:
    """What a call raises, and the functions that its traceback names."""
    try:
        call()
    except BaseException:
        _, error, trace = sys.exc_info()
        assert error is not None
        vars(BaseException)["__traceback__"].__set__(error, None)  # else it grows when it is raised again
        return error, [frame.name for frame in traceback.extract_tb(trace)]
    raise AssertionError("nothing was raised")


def ended(recorded: Recorded) -> list[str]:
    assert not recorded.started[len(recorded.runs + recorded.steps) :], "what began has ended"
    return [str(each.status) for each in [*recorded.steps, *recorded.runs]]


@kinds
@pytest.mark.parametrize("wrap", [job, step], ids=["job", "step"])
def test_a_function_raises_what_it_raised(
    recorded: Recorded, kind: Callable[[], BaseException], wrap: Callable[[Any], Any]
) -> None:
    error = kind()

    def work() -> None:
        fail(error)

    bare = raised(work)
    with job("outer"):
        assert raised(wrap(work)) == (bare[0], bare[1])
    assert raised(work)[0] is error
    assert len(ended(recorded)) == 2


@kinds
def test_blocks_raise_what_was_raised_in_them(recorded: Recorded, kind: Callable[[], BaseException]) -> None:
    error = kind()

    def block() -> None:
        with job("outer"), step("inner"):
            fail(error)

    came, names = raised(block)
    assert came is error
    assert names == ["raised", "block", "fail"]
    cancelled = issubclass(type(error), asyncio.CancelledError | GeneratorExit)
    assert ended(recorded) == ["cancelled" if cancelled else "error"] * 2
    with job("next"):
        pass
    assert recorded.runs[-1].parent_run is None, "nothing of what failed is still around"


@kinds
def test_coroutines_and_generators_raise_what_was_thrown_into_them(
    recorded: Recorded, kind: Callable[[], BaseException]
) -> None:
    async def waits(error: BaseException) -> None:
        fail(error)

    def yields(error: BaseException) -> Iterator[int]:
        yield 1
        fail(error)

    def run(function: Any, error: BaseException) -> object:
        made = function(error)
        return list(made) if hasattr(made, "__next__") else made.send(None)

    for function in (waits, yields):
        error = kind()
        bare = raised(lambda: run(function, error))  # noqa: B023
        ours = raised(lambda: run(job(function), error))  # noqa: B023
        assert type(ours[0]) is type(bare[0])
        assert (ours[0] is error) == (bare[0] is error)
        assert ours[1] == bare[1]
    assert len(ended(recorded)) == 2


def test_except_star_takes_groups_apart_as_before(recorded: Recorded) -> None:
    group = ExceptionGroup("all", [Frozen(1), Closed(), ExceptionGroup("in", [Incomparable()])])
    seen: list[BaseException] = []
    with job("x"):
        try:
            with step("s"):
                fail(group)
        except* Frozen as found:
            seen += found.exceptions
        except* Incomparable as found:
            seen += found.exceptions
        except* Closed as found:
            seen += found.exceptions
    assert seen[0] is group.exceptions[0]
    assert len(seen) == 3
    assert ended(recorded) == ["error", "success"]


def test_a_frozen_exception_is_noted_without_its_own_code(recorded: Recorded) -> None:
    error = Frozen(5)
    with pytest.raises(Frozen) as caught, job("x") as run:
        fail(error)
    assert caught.value is error
    assert error.__notes__ == [f"otel_joblog: job 'x', run {run.run_id}"]
    assert error == Frozen(5)
    assert recorded.runs[0].attributes["error.type"] == f"{__name__}.Frozen"


def test_the_traceback_is_kept_where_the_rest_cannot_be_had(recorded: Recorded) -> None:
    with pytest.raises(Unspeakable), job("x"):
        fail(Unspeakable())
    with pytest.raises(OwnContext), job("y"):
        fail(OwnContext())
    for run in recorded.runs:
        stacktrace = run.events[0].attributes["exception.stacktrace"]
        assert "in fail" in stacktrace
        assert f"\n{__name__}.{run.attributes['error.type'].rpartition('.')[2]}" in stacktrace


AGAIN = ValueError("one object for all")


def test_a_class_is_told_by_its_name_whatever_its_metaclass_says(recorded: Recorded) -> None:
    with contextlib.suppress(Exception), job("x"):
        raise OfNobodyAndUnspeakable
    run = recorded.runs[0]
    assert run.message == "OfNobodyAndUnspeakable: <OfNobodyAndUnspeakable whose str raised RuntimeError>"
    assert run.attributes["error.type"] == f"{__name__}.OfNobodyAndUnspeakable"


def test_an_exception_raised_again_has_the_note_of_the_run_that_raised_it_last(recorded: Recorded) -> None:
    AGAIN.add_note("of the application")
    for name in ("first", "second", "third"):
        with pytest.raises(ValueError), job(name) as run, step("s"):
            raise AGAIN
        assert AGAIN.__notes__ == ["of the application", f"otel_joblog: job {name!r}, step 's', run {run.run_id}"]


def test_an_exception_of_an_inner_run_keeps_that_one_s_note_on_its_way_out() -> None:
    error = ValueError("x")
    with pytest.raises(ValueError), job("outer"), step("calls"), job("middle"), job("inner") as inner:
        raise error
    assert error.__notes__ == [f"otel_joblog: job 'inner', run {inner.run_id}"]


def test_an_exception_kept_from_one_inner_run_and_raised_by_the_next_is_the_next_one_s() -> None:
    error = ValueError("x")
    with contextlib.suppress(ValueError), job("outer"):
        with contextlib.suppress(ValueError), job("first"):
            raise error
        with job("second") as second:
            raise error
    assert error.__notes__ == [f"otel_joblog: job 'second', run {second.run_id}"]


def test_the_result_of_another_step_keeps_the_note_of_where_it_failed() -> None:
    error = ValueError("x")
    with contextlib.suppress(ValueError), job("x") as run:
        with contextlib.suppress(ValueError), step("work"):
            raise error
        with step("wait for it"):
            raise error
    assert error.__notes__ == [f"otel_joblog: job 'x', step 'work', run {run.run_id}"]
