"""What outlives its step or run: its lines, steps and progress go to the nearest that goes on."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, attach, get_current

from otel_joblog import current_run, diagnostics, job, progress, step
from otel_joblog.capture import installation, late
from otel_joblog.capture.handles import Run
from otel_joblog.conventions import Attribute
from otel_joblog.records import AFTER_END, Line
from otel_joblog.setup import runtime
from otel_joblog.testing import Recorded, recording

log = logging.getLogger("tests.late")
log.setLevel(logging.INFO)


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    installation._left.clear()  # what earlier tests left at work
    installation._sync()
    with recording() as recorded:
        yield recorded


class After:
    """Has something done once it is told to: after the step that it was given in."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def do(self, work: Callable[[], object]) -> None:
        assert self.go.wait(10)
        work()


def say() -> None:
    log.info("late")


def only_line(recorded: Recorded) -> Line:
    (line,) = recorded.lines
    return line


def in_thread(after: After, work: Callable[[], object]) -> Callable[[], None]:
    thread = threading.Thread(target=after.do, args=[work])
    thread.start()
    return thread.join


def in_pool(after: After, work: Callable[[], object]) -> Callable[[], None]:
    pool = ThreadPoolExecutor(1)
    pool.submit(after.do, work)
    return pool.shutdown


def in_timer(after: After, work: Callable[[], object]) -> Callable[[], None]:
    timer = threading.Timer(0, after.do, [work])
    timer.start()
    return timer.join


def in_queue_worker(after: After, work: Callable[[], object]) -> Callable[[], None]:
    queue: SimpleQueue[Callable[[], object]] = SimpleQueue()
    worker = threading.Thread(target=lambda: queue.get()())
    worker.start()

    def finish() -> None:
        after.go.wait()
        queue.put(work)
        worker.join()

    return finish


def in_copied_context(after: After, work: Callable[[], object]) -> Callable[[], None]:
    context = contextvars.copy_context()
    return lambda: context.run(after.do, work)


def in_callback(after: After, work: Callable[[], object]) -> Callable[[], None]:
    pool = ThreadPoolExecutor(1)
    pool.submit(after.go.wait).add_done_callback(lambda _: work())
    return pool.shutdown


def in_callback_of_another_process(after: After, work: Callable[[], object]) -> Callable[[], None]:
    future: Future[None] = Future()
    future.add_done_callback(lambda _: work())

    def finish() -> None:  # the thread that looks after a process pool is in no run
        thread = threading.Thread(target=future.set_result, args=[None])
        contextvars.Context().run(thread.start)
        thread.join()

    return finish


WAYS = [
    in_thread,
    in_pool,
    in_timer,
    in_queue_worker,
    in_copied_context,
    in_callback,
    in_callback_of_another_process,
]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_logged_after_its_step_belongs_to_the_run(
    way: Callable[[After, Callable[[], object]], Callable[[], None]], recorded: Recorded
) -> None:
    after = After()
    with job("batch") as run:
        with step("submit"):
            finish = way(after, say)
        with step("wait"):
            after.go.set()
            finish()
    line = only_line(recorded)
    assert (line.run, line.span_id) == (run._active.span_id, run._active.span_id)
    assert line.attributes is not None
    assert line.attributes[Attribute.STEP] == "submit"
    assert recorded.runs[0].lines == 1


def test_ten_calls_that_a_pool_makes_after_their_step_are_ten_lines(recorded: Recorded) -> None:
    go = threading.Event()

    def work(number: int) -> None:
        go.wait()
        log.info("did %d", number)

    with ThreadPoolExecutor(4) as pool, job("batch"):
        with step("submit"):
            futures = [pool.submit(work, number) for number in range(10)]
        with step("wait"):
            go.set()
            for future in futures:
                future.result()
    assert sorted(recorded.messages) == [f"did {number}" for number in range(10)]
    assert recorded.runs[0].lines == 10


def test_a_step_around_the_ended_one_takes_what_comes(recorded: Recorded) -> None:
    after = After()
    with job("batch"), step("outer") as outer:
        with step("inner"):
            finish = in_thread(after, say)
        after.go.set()
        finish()
    assert only_line(recorded).span_id == outer._active.span_id


def test_what_is_printed_after_its_step_belongs_to_the_run(recorded: Recorded) -> None:
    after = After()
    with job("batch") as run:
        with step("submit"):
            print("begun", end=" ")
            finish = in_thread(after, lambda: print("late", file=sys.stderr))
            begun = recorded.lines
        after.go.set()
        finish()
        print("and done")
    assert begun == []
    assert [(line.message, line.span_id == run._active.span_id, line.attributes) for line in recorded.lines] == [
        ("begun ", False, None),
        ("late", True, {Attribute.STEP: "submit"}),
        ("and done", True, None),
    ]


def test_a_step_begun_in_an_ended_one_is_one_of_the_run(recorded: Recorded) -> None:
    after = After()
    done: list[bytes] = []

    def work() -> None:
        with step("late") as late:
            say()
            done.append(late._active.span_id)

    with job("batch") as run:
        with step("submit"):
            finish = in_thread(after, work)
        after.go.set()
        finish()
    assert [(ended.name, ended.parent_id, ended.run) for ended in recorded.steps] == [
        ("submit", run._active.span_id, run._active.span_id),
        ("late", run._active.span_id, run._active.span_id),
    ]
    assert only_line(recorded).span_id == done[0]
    assert recorded.runs[0].steps == 2


def test_a_job_begun_in_an_ended_step_is_a_child_of_the_run(recorded: Recorded) -> None:
    after = After()

    def work() -> None:
        with job("child"):
            say()

    with job("batch") as run:
        with step("submit"):
            finish = in_thread(after, work)
        after.go.set()
        finish()
    child, _ = recorded.runs
    assert (child.name, child.parent_run, child.parent_id, child.trace_id) == (
        "child", run._active.span_id, run._active.span_id, run._active.trace_id
    )  # fmt: skip
    assert only_line(recorded).run == child.span_id


def test_what_outlives_a_child_run_belongs_to_the_run_around_it(recorded: Recorded) -> None:
    after = After()
    with job("outer") as outer:
        with job("inner"), step("submit"):
            finish = in_thread(after, say)
        after.go.set()
        finish()
    assert only_line(recorded).run == outer._active.span_id
    assert [(run.name, run.lines) for run in recorded.runs] == [("inner", 0), ("outer", 1)]


def test_progress_and_current_run_are_those_of_what_goes_on(recorded: Recorded) -> None:
    after = After()
    found: list[str] = []

    def work() -> None:
        run = current_run()
        assert run is not None
        run.set_attribute("late", 1)
        found.append(run._active.name)
        progress(3, 4, "files")

    with job("outer"):
        with job("inner"), step("submit"):
            finish = in_thread(after, work)
        after.go.set()
        finish()
    outer = recorded.runs[-1]
    assert found == ["outer"]
    assert (outer.attributes["late"], outer.attributes[Attribute.PROGRESS_CURRENT]) == (1, 3.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_exception_that_nobody_catches_in_a_thread_is_a_line_of_what_goes_on(recorded: Recorded) -> None:
    after = After()

    def work() -> None:
        raise ValueError("late")

    with job("batch") as run:
        with step("submit"):
            finish = in_thread(after, work)
        after.go.set()
        finish()
    line = only_line(recorded)
    assert line.span_id == run._active.span_id
    assert line.message.endswith("ValueError: late")
    assert line.attributes is not None
    assert line.attributes[Attribute.STEP] == "submit"


def test_a_job_that_is_not_recorded_hides_what_outlives_it_too(recorded: Recorded) -> None:
    after = After()

    def work() -> None:
        say()
        with step("late"):
            say()
        with job("late"):
            say()

    with job("outer"):
        with job("hidden", enabled=False):
            finish = in_thread(after, work)
        after.go.set()
        finish()
    assert recorded.lines == []
    assert [run.name for run in recorded.runs] == ["outer"]
    assert recorded.steps == []


def test_a_generator_suspended_over_its_step_s_end_goes_on_in_the_run(recorded: Recorded) -> None:
    def generator() -> Iterator[None]:
        yield
        say()

    with job("batch") as run:
        with step("first"):
            suspended = contextvars.copy_context()
            values = generator()
            suspended.run(next, values)
        suspended.run(next, values, None)
    assert only_line(recorded).span_id == run._active.span_id


def test_tasks_and_callbacks_of_asyncio_that_outlive_their_step_belong_to_the_run(recorded: Recorded) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        called = asyncio.Event()
        threads = threading.Event()

        async def task() -> None:
            await ended.wait()
            log.info("task")

        def callback() -> None:
            log.info("callback")
            called.set()

        def thread(name: str) -> None:
            threads.wait()
            log.info(name)

        with job("batch"):
            async with step("submit"):
                tasks = [asyncio.create_task(task()), asyncio.create_task(asyncio.to_thread(thread, "to_thread"))]
                in_executor = loop.run_in_executor(None, thread, "executor")
                await asyncio.sleep(0)
                loop.call_later(0, callback)
            ended.set()
            threads.set()
            await asyncio.gather(*tasks, in_executor, called.wait())

    asyncio.run(main())
    assert sorted(recorded.messages) == ["callback", "executor", "task", "to_thread"]
    assert recorded.runs[0].lines == 4


# What is taken and cannot be kept.


def test_a_line_that_cannot_be_recorded_counts_as_emitted(recorded: Recorded) -> None:
    record = logging.makeLogRecord({"name": log.name, "levelno": logging.INFO, "created": "never"})
    with job("batch"):
        log.handle(record)
        say()
    assert recorded.messages == ["late"]
    assert recorded.runs[0].lines == 2


def test_output_that_the_journal_does_not_take_counts_as_emitted(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: bytes) -> None:
        raise MemoryError

    with job("batch"):
        with monkeypatch.context() as patch:
            patch.setattr(runtime().journal, "append", refuse)
            print("refused")
            say()
        print("taken")
    assert recorded.messages == ["taken"]
    assert recorded.runs[0].lines == 3


# Blocks entered here and left there.


def ends(recorded: Recorded) -> list[tuple[str, str]]:
    return [(ended.name, str(ended.status)) for ended in [*recorded.steps, *recorded.runs]]


def test_a_job_entered_in_one_context_and_left_in_another_ends(recorded: Recorded) -> None:
    async def main() -> None:
        run = job("batch")
        before = trace.get_current_span()
        await asyncio.to_thread(run.__enter__)
        assert trace.get_current_span() is before
        await asyncio.to_thread(run.__exit__, None, None, None)
        assert trace.get_current_span() is before

    asyncio.run(main())
    assert ends(recorded) == [("batch", "success")]


def test_a_step_entered_in_one_thread_and_left_in_another_ends_and_leaves_the_other_s_span(recorded: Recorded) -> None:
    block = step("load")

    def leave() -> trace.Span:
        with step("elsewhere") as elsewhere:
            block.__exit__(None, None, None)
            assert trace.get_current_span() is elsewhere.span
        return trace.get_current_span()

    with job("batch") as run, ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, block.__enter__).result()
        assert pool.submit(leave).result() is run.span
        say()
    assert ends(recorded) == [("load", "success"), ("elsewhere", "success"), ("batch", "success")]
    assert only_line(recorded).span_id == run._active.span_id


def test_a_step_left_in_a_thread_that_it_was_carried_to_ends_for_where_it_was_entered(recorded: Recorded) -> None:
    block = step("load")
    with job("batch") as run, ThreadPoolExecutor(1) as pool:
        block.__enter__()
        pool.submit(block.__exit__, None, None, None).result()
        say()
        with step("next") as following:
            pass
    assert ends(recorded) == [("load", "success"), ("next", "success"), ("batch", "success")]
    assert only_line(recorded).span_id == run._active.span_id
    assert recorded.steps[1].parent_id == run._active.span_id
    assert following._active.parent is run._active


def test_steps_that_overlap_end_each_at_its_own_end_and_the_innermost_that_goes_on_takes_lines(
    recorded: Recorded,
) -> None:
    first, second = step("first"), step("second")
    with job("batch") as run:
        first.__enter__()
        inner = second.__enter__()
        first.__exit__(None, None, None)
        log.info("in the second")
        second.__exit__(None, None, None)
        log.info("in none")
        assert trace.get_current_span() is run.span
    assert ends(recorded) == [("first", "success"), ("second", "success"), ("batch", "success")]
    assert [line.span_id for line in recorded.lines] == [inner._active.span_id, run._active.span_id]


def test_jobs_that_overlap_end_each_at_its_own_end(recorded: Recorded) -> None:
    before = get_current()
    first, second = job("first"), job("second")
    first.__enter__()
    inner = second.__enter__()
    first.__exit__(None, None, None)
    say()
    second.__exit__(None, None, None)
    assert get_current() == before
    assert ends(recorded) == [("first", "success"), ("second", "success")]
    assert only_line(recorded).run == inner._active.span_id


def test_a_step_still_open_at_its_run_s_end_is_not_around_what_comes_after(recorded: Recorded) -> None:
    before = get_current()
    block = step("forgotten")
    with job("batch"):
        block.__enter__()
    assert get_current() == before
    with job("next"):
        pass
    block.__exit__(None, None, None)
    assert [run.parent_run for run in recorded.runs] == [None, None]
    assert ends(recorded)[0] == ("forgotten", "success")


def test_an_exit_stack_closed_in_another_thread_ends_what_it_holds(recorded: Recorded) -> None:
    stack = ExitStack()
    stack.enter_context(job("batch"))
    stack.enter_context(step("load"))
    thread = threading.Thread(target=contextvars.Context().run, args=[stack.close])
    thread.start()
    thread.join()
    attach(Context())
    assert ends(recorded) == [("load", "success"), ("batch", "success")]


def test_a_fixture_finalised_in_another_thread_ends_its_run(recorded: Recorded) -> None:
    @contextmanager
    def fixture() -> Iterator[None]:
        with job("fixture"), step("held"):
            yield

    entered = fixture()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        one.submit(entered.__enter__).result()
        other.submit(entered.__exit__, None, None, None).result()
    assert ends(recorded) == [("held", "success"), ("fixture", "success")]


def test_an_async_block_left_by_another_task_ends(recorded: Recorded) -> None:
    async def main() -> None:
        run, load = job("batch"), step("load")

        async def enter() -> None:
            await run.__aenter__()
            await load.__aenter__()

        async def leave() -> None:
            await load.__aexit__(ValueError, ValueError("bad"), None)
            await run.__aexit__(None, None, None)

        await asyncio.create_task(enter())
        await asyncio.create_task(leave())

    asyncio.run(main())
    assert ends(recorded) == [("load", "error"), ("batch", "success")]


def test_a_definition_in_use_by_several_threads_ends_in_each_its_own(recorded: Recorded) -> None:
    batch, load = job("batch"), step("load")
    together = threading.Barrier(4)

    def work(number: int) -> None:
        together.wait()
        with batch as run, load as inner:
            together.wait()
            log.info("%s %s", run.run_id, inner._active.span_id.hex())
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert [line.message for line in recorded.lines] == [
        f"{line.trace_id.hex()}-{line.run.hex()} {line.span_id.hex()}" for line in recorded.lines
    ]
    assert sorted(ends(recorded)) == [("batch", "success")] * 4 + [("load", "success")] * 4
    assert (batch._begun, load._begun) == ([], [])


def test_leaving_once_more_does_nothing(recorded: Recorded) -> None:
    block = step("load")
    with job("batch"):
        block.__enter__()
        assert [block.__exit__(None, None, None) for _ in range(2)] == [False, False]
    assert ends(recorded) == [("load", "success"), ("batch", "success")]


# What comes when all have ended.


def unhooked() -> None:
    """Wait until the hooks are gone."""
    for _ in range(1000):
        if not installation._left:
            break
        threading.Event().wait(0.01)
    assert not installation._installed


def let_grace_pass(run: Run) -> None:
    assert run._active.left_at is not None
    run._active.left_at -= late.GRACE + 1


def test_what_is_said_after_all_have_ended_is_of_the_run_and_comes_after_its_end(recorded: Recorded) -> None:
    after = After()

    def work() -> None:
        say()
        print("printed")
        print("half", end="")

    with job("batch") as run, step("submit"):
        say()
        finish = in_thread(after, work)
    assert recorded.runs[0].lines == 1
    after.go.set()
    finish()
    unhooked()
    first, *others = recorded.lines
    assert first.seq == 1
    assert [(line.message, line.seq - AFTER_END, line.run, line.span_id) for line in others] == [
        ("late", 0, run._active.span_id, run._active.span_id),
        ("printed", 1, run._active.span_id, run._active.span_id),
        ("half", 2, run._active.span_id, run._active.span_id),
    ]
    assert [(line.attributes or {}).get(Attribute.STEP) for line in others] == ["submit"] * 3
    assert recorded.runs[0].lines == 1


def test_the_hooks_stay_while_something_carries_the_run_and_go_with_it(recorded: Recorded) -> None:
    before = logging.Logger.callHandlers
    after = After()
    with job("batch"):
        finish = in_thread(after, say)
    assert logging.Logger.callHandlers is not before
    after.go.set()
    finish()
    unhooked()
    assert logging.Logger.callHandlers is before
    assert recorded.messages == ["late"]


@pytest.mark.parametrize("around", [job, step])
def test_the_hooks_go_at_once_where_nothing_carries_the_run(around: Callable[[str], Any]) -> None:
    with job("batch") as run, around("inner"):
        thread = threading.Thread(target=say)
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(say).result()
    assert run not in installation._left
    assert not installation._installed


def test_an_exception_or_a_future_that_is_kept_does_not_keep_the_hooks() -> None:
    def fail() -> None:
        raise ValueError("kept")

    kept: list[object] = []
    with job("batch") as run, ThreadPoolExecutor(1) as pool:
        kept.append(future := pool.submit(fail))
        future.add_done_callback(kept.append)
        kept.append(future.exception())
    assert isinstance(kept[-1], ValueError)
    assert not run._active.carried
    assert not installation._installed


def test_the_hooks_go_after_the_grace_period_whatever_carries_the_run(recorded: Recorded) -> None:
    with job("batch") as run:
        carried = contextvars.copy_context()
    assert installation._installed
    let_grace_pass(run)
    unhooked()
    carried.run(say)
    assert recorded.messages == []


def test_a_line_after_the_grace_period_is_told_of_once(
    recorded: Recorded, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "counts", Counter())
    with job("batch") as run:
        carried = contextvars.copy_context()
    let_grace_pass(run)
    with job("other"):
        carried.run(say)
        carried.run(say)
    assert recorded.messages == []
    assert [record.getMessage() for record in caplog.records if record.name == "otel_joblog"] == [
        "otel_joblog: job 'batch' ended more than 60 seconds ago: what still runs of it is no longer recorded"
    ]


def test_a_step_still_open_after_its_run_takes_lines_after_the_end_of_the_run(recorded: Recorded) -> None:
    begun, after = threading.Event(), After()

    def work() -> None:
        with step("long"):
            begun.set()
            after.do(say)

    with job("batch"):
        thread = threading.Thread(target=work)
        thread.start()
        assert begun.wait(10)
    after.go.set()
    thread.join()
    line, ended = only_line(recorded), recorded.steps[0]
    assert (line.seq, line.span_id, ended.name, str(ended.status)) == (AFTER_END, ended.span_id, "long", "success")


def test_what_outlives_a_child_run_and_its_parent_belongs_to_the_child(recorded: Recorded) -> None:
    with job("outer"), job("inner") as inner:
        carried = contextvars.copy_context()
    carried.run(say)
    assert (only_line(recorded).run, only_line(recorded).seq) == (inner._active.span_id, AFTER_END)


def test_a_step_begun_when_all_have_ended_names_the_lines_in_it(recorded: Recorded) -> None:
    with job("batch") as run:
        carried = contextvars.copy_context()

    def work() -> None:
        with step("too late"):
            say()

    carried.run(work)
    line = only_line(recorded)
    assert (line.span_id, line.attributes, recorded.steps) == (run._active.span_id, {Attribute.STEP: "too late"}, [])


def test_a_job_begun_when_all_have_ended_is_a_run_of_the_same_trace(recorded: Recorded) -> None:
    with job("batch") as run:
        carried = contextvars.copy_context()

    def work() -> None:
        with job("caused"):
            say()

    carried.run(work)
    caused = recorded.runs[-1]
    assert (caused.trace_id, caused.parent_id, caused.lines) == (run._active.trace_id, run._active.span_id, 1)


def test_progress_and_attributes_after_the_end_change_nothing_and_harm_nothing(recorded: Recorded) -> None:
    with job("batch") as run:
        carried = contextvars.copy_context()
    before = recorded.records.copy()
    run.progress(1, 2)
    run.set_attribute("late", 1)
    carried.run(progress, 1, 2)
    assert carried.run(current_run) is None
    assert recorded.records == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_said_while_something_is_collected_after_the_end_is_of_the_run(recorded: Recorded) -> None:
    class Held:
        def __del__(self) -> None:
            say()
            raise ValueError("in __del__")

    class Watched:
        pass

    held: list[object] = [Held(), Watched()]
    weakref.finalize(held[1], print, "finalised")
    with job("batch"):
        carried = contextvars.copy_context()
    carried.run(held.clear)
    assert sorted(message.partition(" ")[0] for message in recorded.messages) == ["Exception", "finalised", "late"]
