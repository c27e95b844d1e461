"""Runs and steps: what is recorded of them, however they begin and end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import pickle
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.context import get_current

import otel_joblog
from otel_joblog import Skip, current_run, job, progress, setup, step
from otel_joblog.diagnostics import counts
from otel_joblog.testing import Recorded, recording


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    before = get_current()
    with recording() as recorded:
        yield recorded
    assert get_current() == before


def ends(recorded: Recorded) -> list[tuple[str, str]]:
    return [(run.name, str(run.status)) for run in recorded.runs]


@pytest.mark.parametrize(
    ("error", "status", "message", "code"),
    [
        (ValueError("bad"), "error", "ValueError: bad", None),
        (SystemExit(), "success", "", 0),
        (SystemExit(0), "success", "", 0),
        (SystemExit(3), "error", "exited with status 3", 3),
        (SystemExit("words"), "error", "exited: words", 1),
        (SystemExit(10**30), "error", "exited with status -1", -1),
        (KeyboardInterrupt(), "cancelled", "interrupted (KeyboardInterrupt)", None),
        (asyncio.CancelledError(), "cancelled", "the task was cancelled", None),
        (TimeoutError("socket"), "error", "TimeoutError: socket", None),
        (ExceptionGroup("two", [ValueError(1), OSError(2)]), "error", "ExceptionGroup: two (2 sub-exceptions)", None),
    ],
)
def test_a_run_ends_as_its_exception_says_and_the_very_same_is_raised(
    error: BaseException, status: str, message: str, code: int | None, recorded: Recorded
) -> None:
    @job
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        work()
    assert raised.value is error
    (run,) = recorded.runs
    assert (run.status, run.message, run.attributes.get("joblog.exit_code")) == (status, message, code)


def test_a_traceback_shows_no_frame_of_ours(recorded: Recorded) -> None:
    @job
    def outer() -> None:
        inner()

    @step
    def inner() -> None:
        raise ValueError

    with pytest.raises(ValueError) as raised:
        outer()
    assert [entry.name for entry in raised.traceback][1:] == ["outer", "inner"]
    (event,) = recorded.runs[0].events
    assert str(Path(otel_joblog.__file__).parent) not in event.attributes["exception.stacktrace"]


def test_the_note_names_the_innermost_step_once(recorded: Recorded) -> None:
    with pytest.raises(ValueError) as raised, job("import") as run, step("load"), step("parse"):
        raise ValueError
    assert raised.value.__notes__ == [f"otel_joblog: job 'import', step 'parse', run {run.run_id}"]


def test_a_call_with_wrong_arguments_fails_and_ends_its_run(recorded: Recorded) -> None:
    @job
    def plain(a: int) -> None: ...

    @job
    def generator(a: int) -> Iterator[int]:
        yield a

    with pytest.raises(TypeError, match="missing 1 required"):
        plain()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required"):
        next(generator())  # type: ignore[call-arg]
    assert [status for _, status in ends(recorded)] == ["error", "error"]


def test_skip_ends_only_the_innermost(recorded: Recorded) -> None:
    @job
    def work() -> str:
        with step("s"):
            raise Skip("nothing new")
        return "went on"

    assert work() == "went on"
    assert (recorded.steps[0].status, recorded.steps[0].message) == ("skipped", "nothing new")
    assert recorded.runs[0].status == "success"


@pytest.mark.parametrize("reason", [5, None, object])
def test_a_skip_for_any_reason_is_recorded(reason: Any, recorded: Recorded) -> None:
    with job("x"):
        raise Skip(reason)
    assert (recorded.runs[0].status, recorded.runs[0].message) == ("skipped", str(reason))


def test_a_job_that_is_not_recorded_hides_what_runs_inside_and_nothing_after(recorded: Recorded) -> None:
    with job("off", enabled=False) as off:
        assert current_run() is None
        with step("step") as inside, job("inside"):
            inside.fail("no")
            progress(1)
            raise Skip
    assert not off._active.recording
    with job("after"):
        pass
    assert ends(recorded) == [("after", "success")]


def test_skip_goes_no_further_where_nothing_is_recorded(recorded: Recorded) -> None:
    with job("off", enabled=False):
        raise Skip
    with step("outside of any run") as outside:
        progress(1, 2)
        outside.fail("no")
        outside.set_attribute("k", 1)
        outside._active.run.set_attribute("k", 1)
        raise Skip
    assert not recorded.records


def test_a_run_inside_a_run_is_its_child(recorded: Recorded) -> None:
    with job("parent") as parent, step("s"), job("child") as child, step("t"):
        assert current_run() is child
    child_end, parent_end = recorded.runs
    assert (child_end.parent_run, child_end.trace_id) == (parent._active.span_id, parent._active.trace_id)
    assert child_end.parent_id == recorded.steps[1].span_id
    assert recorded.steps[0].run == child._active.span_id
    assert (parent_end.steps, child_end.steps) == (1, 1)


def test_a_job_that_calls_itself_gives_a_run_each_time(recorded: Recorded) -> None:
    @job
    def factorial(n: int) -> int:
        return 1 if n == 0 else n * factorial(n - 1)

    assert factorial(5) == 120
    assert len(recorded.runs) == 6
    assert len({run.trace_id for run in recorded.runs}) == 1


def test_one_definition_may_be_in_use_in_many_threads(recorded: Recorded) -> None:
    definition = job("shared")
    together = threading.Barrier(8)

    def work() -> None:
        with definition:
            together.wait()
            with definition:
                together.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends(recorded) == [("shared", "success")] * 16
    assert len({run.trace_id for run in recorded.runs}) == 8


class Service:
    @job
    def method(self) -> object:
        return self

    @classmethod
    @job
    def inner_class(cls) -> object:
        return cls

    @job
    @classmethod
    def outer_class(cls) -> object:
        return cls

    @staticmethod
    @job
    def static(a: int) -> int:
        return a

    @property
    @job
    def size(self) -> int:
        return 5


def test_methods_of_every_kind_are_jobs(recorded: Recorded) -> None:
    service = Service()
    assert service.method() is service
    assert service.inner_class() is Service
    assert service.outer_class() is Service  # type: ignore[operator]
    assert Service.static(3) == 3
    assert service.size == 5
    assert job("p")(functools.partial(lambda a, b: a + b, 1))(2) == 3
    assert [run.name.rpartition(".")[2] for run in recorded.runs] == [
        "method", "inner_class", "outer_class", "static", "size", "p",
    ]  # fmt: skip


@job
def module_level(a: int = 1) -> int:
    """Its words."""
    return a


def test_a_decorated_function_keeps_its_kind_and_pickles(recorded: Recorded) -> None:
    async def coroutine() -> None: ...

    def generator() -> Iterator[int]:
        yield 1

    async def stream() -> AsyncIterator[int]:
        yield 1

    assert inspect.iscoroutinefunction(job(coroutine))
    assert inspect.isgeneratorfunction(step(generator))
    assert inspect.isasyncgenfunction(job("x")(stream))
    assert pickle.loads(pickle.dumps(module_level)) is module_level
    assert (module_level.__name__, module_level.__doc__) == ("module_level", "Its words.")
    assert str(inspect.signature(module_level)) == "(a: 'int' = 1) -> 'int'"


@pytest.mark.parametrize("nonsense", [5, b"x", "", int, property(lambda self: 1)])
def test_what_cannot_be_a_job_is_refused_at_once(nonsense: Any) -> None:
    with pytest.raises(TypeError):
        job(nonsense)


def test_a_generator_does_not_leak_its_run_into_whoever_consumes_it(recorded: Recorded) -> None:
    @job
    def numbers() -> Iterator[int]:
        assert current_run() is not None
        yield 1
        assert current_run() is not None
        with step("second"):
            yield 2

    for _ in numbers():
        assert current_run() is None
    assert ends(recorded)[0][1] == "success"
    assert recorded.steps[0].run == recorded.runs[0].span_id


def test_interleaved_generators_keep_their_runs_apart(recorded: Recorded) -> None:
    @job
    def numbers(name: str) -> Iterator[str]:
        for _ in range(2):
            run = current_run()
            assert run is not None
            yield run.run_id

    one, two = numbers("one"), numbers("two")
    seen = list(zip(one, two, strict=True))
    assert seen[0] == seen[1]
    assert len({*seen[0]}) == 2


def test_a_generator_may_go_on_in_another_thread(recorded: Recorded) -> None:
    @job
    def numbers() -> Iterator[int]:
        yield 1
        with step("elsewhere"):
            yield 2

    going = numbers()
    next(going)
    rest: list[int] = []
    thread = threading.Thread(target=lambda: rest.extend(going))
    thread.start()
    thread.join()
    assert rest == [2]
    assert ends(recorded)[0][1] == "success"
    assert recorded.steps[0].run == recorded.runs[0].span_id


def test_a_generator_collected_half_way_ends_its_run_as_cancelled(recorded: Recorded) -> None:
    @job
    def numbers() -> Iterator[int]:
        yield 1

    going = numbers()
    next(going)
    del going
    gc.collect()
    assert ends(recorded)[0][1] == "cancelled"


def test_a_generator_passes_on_what_is_sent_and_thrown(recorded: Recorded) -> None:
    @step
    def echo() -> Any:
        got: object = "ready"
        while True:
            try:
                got = yield got
            except KeyError as error:
                got = error
            except GeneratorExit:
                return

    error = KeyError("k")
    with job("x"):
        going = echo()
        assert [next(going), going.send(5), going.throw(error)] == ["ready", 5, error]
        going.close()
    assert recorded.steps[0].status == "success"
    assert sys.getrefcount(error) < 5


def test_tasks_cancelled_and_timed_out_are_told_apart(recorded: Recorded) -> None:
    @job
    async def sleeping() -> None:
        await asyncio.sleep(60)

    @job
    async def impatient() -> None:
        async with asyncio.timeout(0.001):
            await sleeping()

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    assert [status for _, status in ends(recorded)] == ["cancelled", "timeout"]


def test_tasks_of_a_group_belong_to_the_run(recorded: Recorded) -> None:
    @step
    async def part(number: int) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        async with job("group"), asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(part(number))

    asyncio.run(main())
    assert sorted(each.seq for each in recorded.steps) == [1, 2, 3, 4, 5]
    assert {each.run for each in recorded.steps} == {recorded.runs[0].span_id}


def test_progress_keeps_the_first_and_the_last(recorded: Recorded) -> None:
    with job("x"):
        for number in range(1000):
            progress(number, 1000, "rows")
    (run,) = recorded.runs
    assert (run.attributes["joblog.progress.current"], run.attributes["joblog.progress.unit"]) == (999, "rows")
    assert recorded.progress[0].current == 0
    assert len(recorded.progress) < 100


def test_names_and_attributes_that_are_no_text_do_not_lose_the_end(recorded: Recorded) -> None:
    from opentelemetry import trace

    with job("x", attributes={1: 2}) as run:  # type: ignore[dict-item]
        span = trace.get_current_span()
        span.update_name(5)  # type: ignore[arg-type]
        span.set_attribute(6, object())  # type: ignore[arg-type]
        span.add_event(7, {8: 9})  # type: ignore[arg-type,dict-item]
        progress(1, unit=10)  # type: ignore[arg-type]
        run.set_attribute(11, 12)  # type: ignore[arg-type]
    (end,) = recorded.runs
    assert end.name == "5"
    assert {"1", "6", "11"} <= set(end.attributes)
    assert (end.events[0].name, end.events[0].attributes) == ("7", {"8": 9})


def test_errors_whose_text_raises_do_not_lose_the_end(recorded: Recorded) -> None:
    class Mute(Exception):
        __notes__ = 5

        def __str__(self) -> str:
            raise ZeroDivisionError

    with contextlib.suppress(Mute), job("x"):
        raise Mute
    assert recorded.runs[0].message == "Mute: <Mute whose str raised ZeroDivisionError>"


def test_a_run_or_step_that_says_so_ends_as_an_error_though_nothing_was_raised(recorded: Recorded) -> None:
    with job("check") as run:
        with step("look") as looking:
            looking.fail("no such table")
        run.fail("3 of 9 files missing")
    assert (recorded.steps[0].status, recorded.steps[0].message) == ("error", "no such table")
    assert (recorded.runs[0].status, recorded.runs[0].message) == ("error", "3 of 9 files missing")


def test_an_exception_that_escapes_says_more_than_fail_did(recorded: Recorded) -> None:
    @job("check")
    def check() -> None:
        run = current_run()
        assert run is not None
        run.fail("3 of 9 files missing")
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        check()
    assert recorded.runs[0].message == "ValueError: bad"


@pytest.mark.parametrize("user", ["anna", lambda order, by: by])
def test_a_run_says_which_user_asked_for_it(user: Any, recorded: Recorded) -> None:
    @job("invoice", user=user)
    def invoice(order: int, by: str) -> None: ...

    invoice(17, by="anna")
    assert recorded.runs[0].attributes["user.id"] == "anna"


@pytest.mark.parametrize(
    ("given", "kept", "told"),
    [
        ("0 3 * * *", "0 3 * * *", ""),
        ("*/5 * * * *", "*/5 * * * *", ""),
        ("CRON_TZ=Europe/Berlin 0 3 * * 1-5", "CRON_TZ=Europe/Berlin 0 3 * * 1-5", ""),
        ("@daily", "@daily", ""),
        ("", None, ""),
        ("0 3 * *", "0 3 * *", "schedule '0 3 * *' is not understood (neither five fields"),
        ("0 25 * * *", "0 25 * * *", "schedule '0 25 * * *' is not understood ("),
        ("0 0 30 2 *", "0 0 30 2 *", "schedule '0 0 30 2 *' is not understood (bad day-of-month)"),
        (["0 3 * * *"], "['0 3 * * *']", "is not understood (a schedule must be text)"),
        (timedelta(hours=1), "1:00:00", "schedule datetime.timedelta(seconds=3600) is not understood (a schedule must"),
    ],
)
def test_a_schedule_that_is_none_is_told_once_at_the_call(
    given: Any, kept: str | None, told: str, recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    counts.clear()
    for _ in range(2):
        with job("x", schedule=given):
            pass
    assert [run.attributes.get("joblog.schedule") for run in recorded.runs] == [kept, kept]
    assert [told in message for message in caplog.messages] == [True] * bool(told)


def test_a_job_is_of_the_same_service_whatever_program_runs_it(
    monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    for program in ("/usr/bin/r2.py", "-c"):
        monkeypatch.setattr(sys, "argv", [program])
        process = setup.describe_process({"service.name": "unknown_service:python"})
        assert process.service == process.resource["service.name"] == "jobs"
    assert process.resource["process.command"] == "python"
    assert setup.describe_process({"service.name": "shop"}).service == "shop"


def test_a_step_has_the_stage_and_task_of_the_step_around_it_unless_it_says_its_own(recorded: Recorded) -> None:
    with job("nightly"), step("load", stage="extract", task_id="a.csv"), step("parse"), step("row", task_id="7"):
        pass
    said = {
        one.name: (one.attributes.get("joblog.stage"), one.attributes.get("joblog.task_id")) for one in recorded.steps
    }
    assert said == {"load": ("extract", "a.csv"), "parse": ("extract", "a.csv"), "row": ("extract", "7")}
