"""However threads, tasks, steps and runs interleave: each line is kept once, under its own run and step, in order."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections import defaultdict
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_joblog import job, step
from otel_joblog.capture.handles import Run, Step
from otel_joblog.records import Line
from otel_joblog.testing import recording

log = logging.getLogger("tests.interleaving")

# What a worker does: a line logged, one printed, or a list that runs in a step (or a run) of its own.
Plan = list["str | tuple[str, Plan]"]

leaves = st.sampled_from(["log", "print", "pause"])
plans: st.SearchStrategy[Plan] = st.recursive(
    st.lists(leaves, max_size=6),
    lambda inner: st.lists(leaves | st.tuples(st.sampled_from(["step", "job"]), inner), max_size=5),
    max_leaves=25,
)

Said = dict[bytes, list[str]]  # by span id: what was said there, in order


class Worker:
    """Carries out a plan and notes what it says where."""

    def __init__(self, number: int, said: Said) -> None:
        self._number = number
        self._said = said
        self._lines = 0

    def begin(self, active: Run | Step, how: str) -> Callable[[], None]:
        self._lines += 1
        message = f"{self._number}.{self._lines}"
        self._said[active._active.span_id].append(message)
        return (lambda: log.warning(message)) if how == "log" else (lambda: print(message))

    def work(self, plan: Plan, active: Run | Step, pause: Callable[[], None]) -> None:
        for part in plan:
            if isinstance(part, tuple):
                with (step if part[0] == "step" else job)(f"{self._number}") as inner:
                    self.work(part[1], inner, pause)
            elif part == "pause":
                pause()
            else:
                self.begin(active, part)()

    async def work_async(self, plan: Plan, active: Run | Step) -> None:
        for part in plan:
            if isinstance(part, tuple):
                async with (step if part[0] == "step" else job)(f"{self._number}") as inner:
                    await self.work_async(part[1], inner)
            elif part == "pause":
                await asyncio.sleep(0)
            else:
                self.begin(active, part)()


def check(lines: list[Line], said: Said, *, shared: bytes) -> None:
    kept: Said = defaultdict(list)
    seqs: dict[bytes, list[int]] = defaultdict(list)
    for line in lines:
        kept[line.span_id].append(line.message)
        seqs[line.run].append(line.seq)
    expected = {span_id: messages for span_id, messages in said.items() if messages}
    assert {span_id: sorted(messages) for span_id, messages in kept.items()} == {
        span_id: sorted(messages) for span_id, messages in expected.items()
    }, "each line once, where it was said"
    for span_id, messages in kept.items():
        if span_id != shared:  # which several workers write to at once
            assert messages == expected[span_id]
    for numbers in seqs.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), "numbered without a gap"


@settings(max_examples=40)
@given(st.lists(plans, min_size=1, max_size=4), st.integers(0, 2**32))
def test_threads_of_one_run_and_their_steps(given: list[Plan], seed: int) -> None:
    said: Said = defaultdict(list)
    chance = random.Random(seed)
    pauses = [chance.random() / 2_000 for _ in given]
    with recording() as recorded, job("shared") as run:
        together = threading.Barrier(len(given))

        def work(number: int, plan: Plan) -> None:
            together.wait()
            Worker(number, said).work(plan, run, lambda: threading.Event().wait(pauses[number]) and None)

        threads = [threading.Thread(target=work, args=each) for each in enumerate(given)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    check(recorded.lines, said, shared=run._active.span_id)
    assert recorded.runs[-1].lines == sum(line.run == run._active.span_id for line in recorded.lines)


@settings(max_examples=40)
@given(st.lists(plans, min_size=1, max_size=5))
def test_tasks_of_one_run_and_their_steps(given: list[Plan]) -> None:
    said: Said = defaultdict(list)

    async def main() -> bytes:
        async with job("shared") as run:
            await asyncio.gather(*(Worker(each, said).work_async(plan, run) for each, plan in enumerate(given)))
            return run._active.span_id

    with recording() as recorded:
        shared = asyncio.run(main())
    check(recorded.lines, said, shared=shared)


@settings(max_examples=40)
@given(st.lists(plans, min_size=1, max_size=4))
def test_runs_of_their_own_in_threads_side_by_side(given: list[Plan]) -> None:
    said: Said = defaultdict(list)
    together = threading.Barrier(len(given))

    def work(number: int, plan: Plan) -> None:
        together.wait()
        with job(f"own {number}") as run:
            Worker(number, said).work(plan, run, lambda: None)

    with recording() as recorded:
        threads = [threading.Thread(target=work, args=each) for each in enumerate(given)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    check(recorded.lines, said, shared=b"")
    assert {line.trace_id for line in recorded.lines} <= {run.trace_id for run in recorded.runs}
