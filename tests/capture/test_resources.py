"""What runs and steps use: figures at their end, and samples while they go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_joblog import job, step
from otel_joblog.capture.installation import _sampler
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.segments import DiskSegments
from otel_joblog.records import Sample
from otel_joblog.testing import Recorded, recording

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


def samples(recorded: Recorded) -> list[Sample]:
    return [record for record in recorded.records if isinstance(record, Sample)]


def burn(seconds: float) -> None:
    """Use a thread's CPU for so long."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux accounts for threads")
def test_a_step_says_the_cpu_time_of_its_thread_and_a_run_that_of_the_process(recorded: Recorded) -> None:
    with job("x"):
        with step("idle"):
            pass
        with step("busy"):
            other = threading.Thread(target=burn, args=(0.05,))
            other.start()
            burn(0.05)
            other.join()
    idle, busy = (each.attributes for each in recorded.steps)
    assert 0.05 <= busy["joblog.thread.cpu"] < 0.1
    assert idle["joblog.thread.cpu"] < 0.05
    run = recorded.runs[0].attributes
    assert run["joblog.thread.cpu"] >= 0.05
    assert run["joblog.process.cpu.user"] + run["joblog.process.cpu.system"] >= 0.09


def test_what_ends_in_another_thread_says_nothing_of_its_thread(recorded: Recorded) -> None:
    @job
    def numbers() -> Iterator[int]:
        yield 1

    going = numbers()
    next(going)
    thread = threading.Thread(target=list, args=(going,))
    thread.start()
    thread.join()
    attributes = recorded.runs[0].attributes
    assert "joblog.thread.cpu" not in attributes
    assert "joblog.process.cpu.user" in attributes


def test_a_thread_is_not_taken_for_one_that_had_its_number_before(recorded: Recorded) -> None:
    @job
    def numbers() -> Iterator[int]:
        yield 1

    going = numbers()
    idents: list[int] = []

    def begin() -> None:
        burn(0.02)
        next(going)
        idents.append(threading.get_ident())

    def end() -> None:
        idents.append(threading.get_ident())
        if idents[0] == idents[-1]:
            list(going)

    for target in [begin, *[end] * 100]:
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        if recorded.runs:
            break
    else:
        pytest.skip("this system gives each thread a number of its own")
    assert "joblog.thread.cpu" not in recorded.runs[0].attributes


def test_a_new_peak_of_memory_is_seen_in_the_step_that_made_it() -> None:
    program = """
        import sys
        from resource import RUSAGE_SELF, getrusage
        from otel_joblog import job, step
        from otel_joblog.testing import recording
        # Linux counts from the peak of the process that started this one, which may be anything.
        before = getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        with recording() as recorded:
            with job("x"):
                with step("big"):
                    bytearray(b"x") * (before + 100_000_000)
                with step("small"):
                    pass
        big, small = (each.attributes.get("joblog.process.memory.peak_growth", 0) for each in recorded.steps)
        assert 100_000_000 < big < 200_000_000, (before, big)
        assert small < 1_000_000, (before, small)
        assert recorded.runs[0].attributes["joblog.process.memory.peak"] > before + 100_000_000
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


def test_subprocesses_are_told_apart(recorded: Recorded) -> None:
    with job("none"):
        pass
    with job("one"):
        subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
    none, one = (run.attributes for run in recorded.runs)
    assert one["joblog.children.cpu.user"] > 0
    assert "joblog.children.cpu.user" not in none


@pytest.mark.parametrize("by", ["job", "setting"])
def test_it_can_be_switched_off(by: str, recorded: Recorded, tmp_path: Path) -> None:
    from otel_joblog import setup

    if by == "setting":
        assert setup._runtime is not None
        object.__setattr__(setup._runtime.settings, "resources", False)
    with job("x", resources=False if by == "job" else None), step("s"):
        _sampler.look(time.monotonic_ns() + 5 * SECOND)
    assert not samples(recorded)
    for ended in (*recorded.runs, *recorded.steps):
        assert not [name for name in ended.attributes if name.startswith(("joblog.process.", "joblog.thread."))]


def test_a_run_is_sampled_from_its_first_second_on_and_seldomer_as_it_grows_old(recorded: Recorded) -> None:
    with job("short"):
        _sampler.look(time.monotonic_ns())
    assert not samples(recorded)
    with job("long") as run:
        now = time.monotonic_ns()
        for second in range(1, 3_601):
            _sampler.look(now + second * SECOND)
    found = samples(recorded)
    assert [sample.seq for sample in found] == list(range(1, len(found) + 1))
    ages = [(sample.time - sample.start) // SECOND for sample in found[:-1]]
    assert ages[:59] == list(range(1, 60))
    assert {later - earlier for earlier, later in zip(ages[-100:], ages[-99:], strict=False)} == {10}
    assert len(found) < 520
    assert {sample.run for sample in found} == {run._active.span_id}
    if sys.platform == "linux":
        assert all(sample.memory and sample.memory > 1_000_000 for sample in found)


def test_the_last_sample_is_that_of_the_end(recorded: Recorded) -> None:
    with job("x"):
        _sampler.look(time.monotonic_ns() + 2 * SECOND)
        burn(0.02)
    first, last = samples(recorded)
    assert last.cpu >= first.cpu + 0.02


def test_a_killed_run_leaves_its_climb_of_memory(tmp_path: Path) -> None:
    program = """
        import time
        from otel_joblog import job
        with job("climbing"):
            kept = []
            print("going", flush=True)
            while True:
                kept.append(bytearray(b"x") * 1_000_000)
                time.sleep(0.01)
    """
    environment = os.environ | {"OTEL_JOBLOG_STATE_DIR": str(tmp_path), "OTEL_JOBLOG_DSN": "host=127.0.0.1 port=1"}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found: list[Sample] = []
        while len(found) < 2:
            time.sleep(0.1)
            found = on_disk(tmp_path)
        process.send_signal(signal.SIGKILL)
    if sys.platform == "linux":
        memory = [sample.memory or 0 for sample in on_disk(tmp_path)]
        assert memory == sorted(memory)
        assert memory[-1] > memory[0]


def on_disk(state_dir: Path) -> list[Sample]:
    found: list[Sample] = []
    for folder in (state_dir / "journal").glob("2*"):
        reader = JournalReader(DiskSegments(folder), Cursor())
        while (batch := reader.read()).end != reader.cursor:
            found += [record for record in batch.records if isinstance(record, Sample)]
            reader.cursor = batch.end
    return found


def test_a_forked_child_leaves_its_parents_runs_to_the_parent(recorded: Recorded) -> None:
    with job("x"):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            from otel_joblog.capture import installation

            installation._sampler.look(time.monotonic_ns() + 5 * SECOND)
            os.write(writing, str(len(samples(recorded))).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reading, 10) == b"0"
        os.close(reading)
        os.close(writing)
