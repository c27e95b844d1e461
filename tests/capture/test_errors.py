"""What is kept of exceptions: groups, causes, notes, those that nobody catches, and attempts."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import tenacity

from otel_joblog import job, step
from otel_joblog.testing import Recorded, recording


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


def stacktrace(recorded: Recorded) -> str:
    (event,) = recorded.runs[-1].events
    return str(event.attributes["exception.stacktrace"])


def test_the_traceback_holds_groups_causes_and_notes(recorded: Recorded) -> None:
    def fail() -> None:
        try:
            raise OSError("no space left")
        except OSError as error:
            inner = ValueError("bad row")
            inner.add_note("row 66")
            raise ExceptionGroup("two things", [inner, KeyError("k")]) from error

    with pytest.raises(ExceptionGroup), job("x"):
        fail()
    kept = stacktrace(recorded)
    for said in (
        "OSError: no space left",
        "The above exception was the direct cause",
        "ExceptionGroup: two things (2 sub-exceptions)",
        "ValueError: bad row",
        "row 66",
        "KeyError: 'k'",
    ):
        assert said in kept


def test_a_group_of_a_task_group_says_what_each_task_raised(recorded: Recorded) -> None:
    async def part(number: int) -> None:
        with step(f"part {number}"):
            raise ValueError(f"part {number} failed")

    async def main() -> None:
        async with job("x"), asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(part(number))

    with pytest.raises(ExceptionGroup):
        asyncio.run(main())
    assert "part 0 failed" in stacktrace(recorded)
    assert "part 1 failed" in stacktrace(recorded)


def test_a_step_that_fails_and_is_caught_marks_the_step_only(recorded: Recorded) -> None:
    with job("x"):
        with contextlib.suppress(ValueError), step("part"):
            raise ValueError("caught")
        with step("next"):
            pass
    assert [(each.name, str(each.status)) for each in recorded.steps] == [("part", "error"), ("next", "success")]
    assert (recorded.runs[0].status, recorded.runs[0].events) == ("success", [])


def test_the_note_says_what_is_known_of_the_step(recorded: Recorded) -> None:
    @step(stage="load", task_id="a.csv", attributes={"rows": 12})
    def parse() -> None:
        raise ValueError

    with pytest.raises(ValueError) as raised, job("import") as run:
        parse()
    name = parse.__qualname__.rpartition(".")[2]
    facts = "(stage='load', task_id='a.csv', rows=12)"
    assert raised.value.__notes__ == [f"otel_joblog: job 'import', step {name!r} {facts}, run {run.run_id}"]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What reached the hooks that were there before."""
    heard: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: heard.append(args.exc_value))
    monkeypatch.setattr(sys, "unraisablehook", lambda args: heard.append(args.exc_value))
    return heard


def test_an_exception_that_ends_a_thread_is_an_error_line_of_its_run(recorded: Recorded, heard: list[Any]) -> None:
    before = threading.excepthook

    def fail() -> None:
        raise ValueError("in a thread")

    with job("x"), step("s") as part:
        thread = threading.Thread(target=fail, name="worker-1")
        thread.start()
        thread.join()
    (line,) = recorded.lines
    assert (line.severity, line.span_id) == (17, part._active.span_id)
    assert line.message == "Exception in thread worker-1: ValueError: in a thread"
    assert line.attributes is not None
    assert line.attributes["thread.name"] == "worker-1"
    assert "in fail" in line.attributes["exception.stacktrace"]
    assert [str(error) for error in heard] == ["in a thread"]
    assert threading.excepthook is before


def test_what_the_hook_before_prints_is_no_second_line(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: print("printed", args.exc_value, file=sys.stderr))
    monkeypatch.setattr(sys, "unraisablehook", lambda args: print("printed", args.exc_value, file=sys.stderr))

    class Loud:
        def __del__(self) -> None:
            raise ValueError("in a destructor")

    with job("x"):
        thread = threading.Thread(target=int, args=("no number",))
        thread.start()
        thread.join()
        Loud()
        gc.collect()
    thread_line, line = recorded.messages
    assert thread_line.startswith("Exception in thread")
    assert line.startswith("Exception ignored in: <function")
    assert line.endswith("__del__>: ValueError: in a destructor") or "__del__ at" in line


def test_exceptions_outside_of_runs_are_left_to_the_hooks_that_are_there(recorded: Recorded, heard: list[Any]) -> None:
    thread = threading.Thread(target=int, args=("no number",))
    thread.start()
    thread.join()
    with job("x"):
        thread = threading.Thread(target=sys.exit)
        thread.start()
        thread.join()
    assert [type(error) for error in heard] == [ValueError, SystemExit]
    assert not recorded.lines


def test_a_hook_that_somebody_puts_before_ours_stays(recorded: Recorded, heard: list[Any]) -> None:
    with job("one"):
        ours = threading.excepthook
        threading.excepthook = theirs = lambda args: ours(args)
    assert threading.excepthook is theirs
    with job("two"):
        thread = threading.Thread(target=int, args=("no number",))
        thread.start()
        thread.join()
    assert len(recorded.lines) == len(heard) == 1


def linked(recorded: Recorded) -> list[list[bytes]]:
    return [[link.span_id for link in run.links] for run in recorded.runs]


def test_each_attempt_is_a_run_linked_to_the_one_before(recorded: Recorded) -> None:
    for attempt in tenacity.Retrying(stop=tenacity.stop_after_attempt(3)):
        number = attempt.retry_state.attempt_number
        with attempt, job("fetch", attempt=number, max_attempts=3):
            if number < 3:
                raise ConnectionError
    one, two, three = recorded.runs
    assert [run.attributes["joblog.attempt"] for run in recorded.runs] == [1, 2, 3]
    assert [str(run.status) for run in recorded.runs] == ["error", "error", "success"]
    assert linked(recorded) == [[], [one.span_id], [two.span_id]]
    assert three.links[0].attributes == {"joblog.link": "previous_attempt"}
    assert (one.attributes.get("joblog.trigger"), three.attributes["joblog.trigger"]) == (None, "retry")


def test_attempts_of_interleaved_tasks_are_linked_to_their_own(recorded: Recorded) -> None:
    async def fetch() -> None:
        async for attempt in tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(2)):
            number = attempt.retry_state.attempt_number
            with attempt:
                async with job("fetch", attempt=number, max_attempts=2):
                    await asyncio.sleep(0)
                    if number < 2:
                        raise ConnectionError

    async def main() -> None:
        await asyncio.gather(fetch(), fetch())

    asyncio.run(main())
    firsts = {run.span_id for run in recorded.runs if run.attributes["joblog.attempt"] == 1}
    assert {link for links in linked(recorded) for link in links} == firsts
    assert len(firsts) == 2


def test_an_attempt_is_not_linked_to_a_run_of_another_job_or_number(recorded: Recorded) -> None:
    with job("one", max_attempts=3):
        pass
    with job("two", attempt=2):
        pass
    with job("two", attempt=4):
        pass
    assert linked(recorded) == [[], [], []]


def test_an_attempt_is_not_linked_to_a_run_of_another_reference(recorded: Recorded) -> None:
    with job("one", reference="order 7"):
        pass
    with job("one", reference="order 8", attempt=2):
        pass
    assert linked(recorded) == [[], []]


def test_a_later_attempt_says_from_its_start_which_run_was_before(recorded: Recorded) -> None:
    with job("one", reference="order 7") as first:
        pass
    with job("one", reference="order 7", attempt=2):
        assert recorded.started[-1].attributes["joblog.previous_attempt"] == first.run_id
    with job("elsewhere", attempt=2, links=[f"{TRACE}-{SPAN}", first.run_id]):
        assert recorded.started[-1].attributes["joblog.previous_attempt"] == f"{TRACE}-{SPAN}"
    assert [link.attributes for link in recorded.runs[-1].links] == [{"joblog.link": "previous_attempt"}, {}]
    with job("first", links=[first.run_id]):
        assert "joblog.previous_attempt" not in recorded.started[-1].attributes


def test_retrying_inside_a_job_is_one_run(recorded: Recorded) -> None:
    @job
    @tenacity.retry(stop=tenacity.stop_after_attempt(3))
    def fetch() -> str:
        with step("try"):
            if len(recorded.steps) < 2:
                raise ConnectionError
        return "done"

    assert fetch() == "done"
    assert [str(each.status) for each in recorded.steps] == ["error", "error", "success"]
    assert str(recorded.runs[0].status) == "success"


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("given", "is_run"),
    [
        (f"{TRACE}-{SPAN}", True),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, False),
        ({"Traceparent": f"00-{TRACE}-{SPAN}-00", "other": "x"}, False),
    ],
)
def test_a_run_may_be_a_child_of_one_elsewhere(given: Any, is_run: bool, recorded: Recorded) -> None:
    with job("around"), job("child", parent=given) as child, step("s"):
        assert child.run_id.startswith(TRACE)
    run, around = recorded.runs
    assert (run.trace_id.hex(), run.parent_id) == (TRACE, bytes.fromhex(SPAN))
    assert run.parent_run == (bytes.fromhex(SPAN) if is_run else None)
    assert run.attributes.get("joblog.parent_run") == (f"{TRACE}-{SPAN}" if is_run else None)
    assert recorded.steps[0].trace_id == run.trace_id
    assert around.trace_id != run.trace_id


@pytest.mark.parametrize("given", ["nonsense", {}, {"traceparent": "00-0-0-0"}, 5, f"{TRACE}-{SPAN}-01"])
def test_a_parent_that_cannot_be_read_is_told_and_the_run_goes_on_without(
    given: Any, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("otel_joblog.capture.elsewhere.report", lambda key, message, *args: told.append(message % args))
    with job("x", parent=given, links=[given]):
        pass
    assert (recorded.runs[0].parent_id, recorded.runs[0].links) == (None, [])
    assert len(told) == 2
    assert "run_id" in told[0]


def test_links_lead_to_runs_that_it_has_to_do_with(recorded: Recorded) -> None:
    with job("producer") as producer:
        carrier = {"traceparent": f"00-{producer._active.trace_id.hex()}-{producer._active.span_id.hex()}-01"}
    with job("consumer", links=[producer.run_id, carrier]):
        pass
    assert [link.span_id for link in recorded.runs[1].links] == [producer._active.span_id] * 2
    assert recorded.runs[1].trace_id != producer._active.trace_id
