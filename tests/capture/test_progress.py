"""Progress: told in the loop, by declared steps, or by a bar that was there before."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import tqdm as stock

from otel_joblog import current_run, job, progress, step, track
from otel_joblog.capture import count
from otel_joblog.capture.installation import _sampler
from otel_joblog.testing import Recorded, recording
from otel_joblog.tqdm import tqdm, trange


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


@pytest.fixture
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count, "INTERVAL", 0)


def said(recorded: Recorded) -> list[tuple[float, float | None, str]]:
    return [(record.current, record.total, record.unit) for record in recorded.progress]


@pytest.mark.usefixtures("unthrottled")
def test_a_tracked_loop_yields_what_there_is_and_says_how_far_it_is(recorded: Recorded) -> None:
    with job("x"):
        assert list(track(["a", "b"], unit="files")) == ["a", "b"]
    assert said(recorded) == [(0, 2, "files"), (1, 2, "files"), (2, 2, "files")]
    assert recorded.runs[0].attributes["joblog.progress.total"] == 2


@pytest.mark.usefixtures("unthrottled")
def test_an_async_loop_is_tracked_too(recorded: Recorded) -> None:
    async def pages() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def main() -> list[int]:
        async with job("x"):
            return [page async for page in track(pages(), total=3)]

    assert asyncio.run(main()) == [0, 1, 2]
    assert said(recorded)[-1] == (3, 3, "")


@pytest.mark.parametrize("error", [None, ValueError])
def test_a_loop_left_early_leaves_its_progress_where_it_stood(
    error: type[Exception] | None, recorded: Recorded
) -> None:
    try:
        with job("x"):
            for number in track(range(10)):
                if number == 4:
                    if error:
                        raise error
                    break
    except ValueError:
        pass
    assert said(recorded)[-1] == (4, 10, "")


def test_a_loop_over_what_has_no_length_has_no_total(recorded: Recorded) -> None:
    with job("x"):
        list(track(iter([1, 2])))
    assert said(recorded)[-1] == (2, None, "")


def test_outside_of_a_run_a_tracked_loop_is_a_loop(recorded: Recorded) -> None:
    assert list(track([1, 2])) == [1, 2]
    assert list(tqdm([1, 2], disable=True)) == [1, 2]
    assert not recorded.records


@pytest.mark.usefixtures("unthrottled")
def test_of_loops_inside_one_another_the_outermost_counts(recorded: Recorded) -> None:
    with job("x"):
        for _ in track("ab", unit="files"):
            list(track(range(5), unit="rows"))
        list(track("c", unit="rows"))
    assert said(recorded) == [(0, 2, "files"), (1, 2, "files"), (2, 2, "files"), (0, 1, "rows"), (1, 1, "rows")]


def test_at_most_two_a_second_are_recorded_and_the_last_one_always(recorded: Recorded) -> None:
    with job("x"):
        for number in range(10_000):
            progress(number)
    assert said(recorded)[0] == (0, None, "")
    assert said(recorded)[-1] == (9_999, None, "")
    assert len(recorded.progress) < 20


def test_what_was_said_last_does_not_wait_for_the_end(recorded: Recorded) -> None:
    with job("x"):
        progress(1)
        progress(2)
        _sampler.look(0)
        assert said(recorded)[-1] == (2, None, "")
        _sampler.look(0)
    assert [current for current, *_ in said(recorded)] == [1, 2]


@pytest.mark.usefixtures("unthrottled")
def test_a_new_count_begins_where_the_number_falls_or_the_unit_changes(recorded: Recorded) -> None:
    with job("x"):
        for current, unit in ((5, "rows"), (9, "rows"), (2, "rows"), (3, "files")):
            progress(current, 10, unit)
    bases = [record.base for record in recorded.progress]
    assert bases == [5, 5, 2, 3]
    first, second, third, _ = recorded.progress
    assert (first.since, second.since) == (first.time, first.time)
    assert third.since == third.time


@pytest.mark.usefixtures("unthrottled")
def test_declared_steps_are_the_progress(recorded: Recorded) -> None:
    @job(steps=2)
    def work() -> None:
        with step("one"), step("part of one"):
            pass
        with step("two"):
            pass

    work()
    assert said(recorded) == [(0, 2, "steps"), (1, 2, "steps"), (2, 2, "steps")]
    assert recorded.runs[0].attributes["joblog.steps_expected"] == 2


@pytest.mark.usefixtures("unthrottled")
def test_progress_of_ones_own_goes_before_that_of_steps(recorded: Recorded) -> None:
    with job("x", steps=2):
        progress(1, 100)
        with step("one"):
            pass
    assert said(recorded)[-1] == (1, 100, "")


def test_progress_from_many_threads_is_that_of_the_run(recorded: Recorded) -> None:
    with job("x") as run:
        threads = [threading.Thread(target=lambda n=n: [progress(n) for _ in range(200)]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert current_run() is run
    assert recorded.runs[0].attributes["joblog.progress.current"] in range(4)


def bar(options: dict[str, Any]) -> Any:
    return {"file": io.StringIO(), **options}


@pytest.mark.usefixtures("unthrottled")
@pytest.mark.parametrize("options", [{}, {"disable": True}, {"mininterval": 0, "miniters": 1}, {"disable": None}])
def test_a_bar_is_the_progress_of_the_run_also_where_it_is_switched_off(
    options: dict[str, Any], recorded: Recorded
) -> None:
    with job("x"):
        assert list(tqdm("abc", unit="files", **bar(options))) == ["a", "b", "c"]
    assert said(recorded)[0] == (0, 3, "files")
    assert said(recorded)[-1] == (3, 3, "files")


@pytest.mark.usefixtures("unthrottled")
@pytest.mark.parametrize("options", [{}, {"disable": True}])
def test_a_bar_moved_by_hand_says_so(options: dict[str, Any], recorded: Recorded) -> None:
    with job("x"), tqdm(total=100, **bar(options)) as moved:
        moved.update(30)
        moved.update(12)
    assert said(recorded)[-1] == (42, 100, "")


def test_a_bar_looks_as_it_does_without_us(recorded: Recorded) -> None:
    ours, theirs = io.StringIO(), io.StringIO()
    plain = {"bar_format": "{desc}{n_fmt}/{total_fmt}", "ncols": 60, "mininterval": 0}
    with job("x"):
        list(tqdm(range(3), file=ours, **plain))
        list(stock.tqdm(range(3), file=theirs, **plain))
    assert ours.getvalue() == theirs.getvalue()


@pytest.mark.usefixtures("unthrottled")
def test_bars_inside_a_bar_do_not_count_and_one_after_it_does(recorded: Recorded) -> None:
    with job("x"):
        for _ in trange(2, **bar({})):
            list(tqdm(range(50), unit="rows", **bar({"leave": False})))
        for _ in tqdm(range(10), unit="files", **bar({})):
            break
    assert (2, 2, "") in said(recorded)
    assert "rows" not in {unit for *_, unit in said(recorded)}
    assert said(recorded)[-1] == (0, 10, "files")


def test_a_job_reads_what_was_said_last_of_its_progress() -> None:
    with job("import") as run:
        assert run.progress_now() is None
        progress(1, 3, "files")
        progress(2.5, 3, "files")
        now = run.progress_now()
    assert now is not None
    assert now[:3] == (2.5, 3.0, "files")
    assert now.time.tzname() == "UTC"
