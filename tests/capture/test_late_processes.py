"""What outlives a run whose process ends, forks, or gave its descriptors to others."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from otel_joblog.journal.closing import OpenSpans
from otel_joblog.journal.crash import Verdict
from otel_joblog.records import AFTER_END, ELSEWHERE, Line, SpanEnded
from tests.processes import journaled, run


def told(folder: Path) -> tuple[list[tuple[str, int]], dict[str, tuple[str, int]]]:
    """Lines as ``(message, seq)``, and of each run how it ended, with how many lines by its own account."""
    records = journaled(folder)
    lines = [(record.message, record.seq) for record in records if isinstance(record, Line)]
    runs = {
        record.name: (str(record.status), record.lines)
        for record in records
        if isinstance(record, SpanEnded) and record.span_id == record.run
    }
    return lines, runs


def test_calls_of_a_pool_that_go_on_at_the_process_s_end_are_lines_after_the_end(tmp_path: Path) -> None:
    source = """
        import logging, threading
        from concurrent.futures import ThreadPoolExecutor
        from otel_joblog import job, step

        go = threading.Event()

        def work(number):
            go.wait()
            logging.getLogger("late").warning("did %d", number)

        pool = ThreadPoolExecutor(2)
        with job("batch"), step("submit"):
            for number in range(10):
                pool.submit(work, number)
        go.set()
    """
    assert run(source, tmp_path).returncode == 0
    lines, runs = told(tmp_path)
    assert sorted(message for message, _ in lines) == [f"did {number}" for number in range(10)]
    assert sorted(seq for _, seq in lines) == [AFTER_END + number for number in range(10)]
    assert runs == {"batch": ("success", 0)}


def test_what_a_daemon_thread_says_of_an_open_run_while_its_process_ends_comes_after_the_end(tmp_path: Path) -> None:
    source = """
        import atexit, threading
        from otel_joblog import job
        import otel_joblog.setup

        entered, exiting, said = threading.Event(), threading.Event(), threading.Event()

        def work():
            with job("endless"):
                print("before")
                print("half", end="")
                entered.set()
                exiting.wait()
                print(" and after")
                said.set()
                threading.Event().wait()

        def at_exit():  # called after the runtime's own
            exiting.set()
            said.wait()

        atexit.register(at_exit)
        threading.Thread(target=work, daemon=True).start()
        entered.wait()
    """
    done = run(source, tmp_path)
    assert (done.returncode, done.stdout) == (0, "before\nhalf and after\n")
    lines, runs = told(tmp_path)
    assert lines == [("before", 1), ("half", 2), (" and after", AFTER_END)]
    assert runs == {"endless": ("lost", 2)}


def test_a_forked_child_counts_apart_whatever_has_ended(tmp_path: Path) -> None:
    source = """
        import os, contextvars
        from otel_joblog import job, step

        with job("batch"):
            with step("fork"):
                ready, go = os.pipe()
                if not (pid := os.fork()):
                    os.close(go)
                    os.read(ready, 1)  # its parent has ended the run by then
                    print("from the child", flush=True)
                    os._exit(0)
                os.close(ready)
            carried = contextvars.copy_context()
        os.close(go)
        os.waitpid(pid, 0)
        carried.run(print, "from the parent", flush=True)
        if not (pid := os.fork()):
            carried.run(print, "from a late child", flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
    """
    assert run(source, tmp_path).returncode == 0
    lines, runs = told(tmp_path)
    assert {message: (seq >= AFTER_END) + (seq >= ELSEWHERE) for message, seq in lines} == {
        "from the parent": 1,
        "from the child": 2,
        "from a late child": 2,
    }
    assert runs == {"batch": ("success", 0)}


def test_what_a_subprocess_writes_after_its_run_is_taken_from_the_descriptors(tmp_path: Path) -> None:
    source = """
        import subprocess, time
        from otel_joblog import job, step

        def until(number):
            while int(repr(run._active.line_numbers)[len("count(") : -1]) != number:
                time.sleep(0.01)

        program = "read line; echo in the run; read line; echo after; printf half; printf oops >&2"
        with job("spawn", capture_output="fd") as run:
            with step("start"):
                child = subprocess.Popen(["sh", "-c", program], stdin=subprocess.PIPE, text=True, bufsize=1)
            print("go", file=child.stdin)
            until(2)
        print("go", file=child.stdin)
        child.wait()
        until((1 << 32) + 3)
    """
    done = run(source, tmp_path)
    assert (done.returncode, done.stdout) == (0, "in the run\nafter\nhalf")
    assert done.stderr.startswith("oops")
    lines, runs = told(tmp_path)
    assert lines[0] == ("in the run", 1)
    assert sorted(message for message, _ in lines[1:]) == ["after", "half", "oops"]
    assert sorted(seq for _, seq in lines[1:]) == [AFTER_END, AFTER_END + 1, AFTER_END + 2]
    assert runs == {"spawn": ("success", 1)}


def test_lines_after_the_end_of_a_run_of_a_killed_process_are_not_taken_for_its_count(tmp_path: Path) -> None:
    source = """
        import contextvars, os, signal
        from otel_joblog import job

        with job("outer"):
            print("one")
            with job("inner"):
                carried = contextvars.copy_context()
            carried.run(print, "two")
        carried.run(print, "three")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run(source, tmp_path).returncode == -signal.SIGKILL
    records = journaled(tmp_path)
    spans = OpenSpans()
    spans.see(record for record in records if not isinstance(record, SpanEnded))
    assert sorted((ended.name, ended.lines) for ended in spans.closing(Verdict("killed", 0))) == [
        ("inner", 0),
        ("outer", 2),
    ]


@pytest.mark.parametrize("how", ["asyncio.create_task", "loop.call_later"])
def test_a_service_s_tasks_that_outlive_their_run_are_recorded(how: str, tmp_path: Path) -> None:
    source = f"""
        import asyncio
        from otel_joblog import job

        async def main():
            loop, done = asyncio.get_running_loop(), asyncio.Event()

            async def task():
                await asyncio.sleep(0)
                print("late")
                done.set()

            def callback():
                print("late")
                done.set()

            async with job("batch"):
                if {how == "asyncio.create_task"}:
                    kept = asyncio.create_task(task())
                else:
                    loop.call_later(0.01, callback)
            await done.wait()

        asyncio.run(main())
    """
    assert run(source, tmp_path).returncode == 0
    assert told(tmp_path) == ([("late", AFTER_END)], {"batch": ("success", 0)})
