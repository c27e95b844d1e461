"""Threads and signals belong to the application: it meets none of ours, and gets every signal that is sent to it."""

from __future__ import annotations

import _thread
import gc
import logging
import os
import signal
import threading
import weakref
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from otel_joblog import job, step
from otel_joblog.background import Background, in_background
from otel_joblog.testing import recording
from tests import processes

log = logging.getLogger("tests.threads")

# A run that all of ours are at work for: what is shipped, synced, sampled and read from a pipe.
ALL_AT_WORK = """\
import logging, os, signal, subprocess, sys, threading, time
from otel_joblog import flush, job
with job("x", capture_output="fd") as run:
    logging.warning("one")
    time.sleep(1.2)  # the sampler's first look
"""
BUSY = {"OTEL_JOBLOG_FSYNC": "interval", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


def test_no_thread_of_ours_is_listed_while_all_are_at_work(tmp_path: Path) -> None:
    script = (
        ALL_AT_WORK
        + """
    listed = [thread.name for thread in threading.enumerate()]
    os.write(2, f"{listed} {threading.active_count()} {len(os.listdir('/proc/self/task')) > 3}".encode())
"""
    )
    done = processes.run(script, tmp_path, **BUSY)
    assert done.stderr.endswith("['MainThread'] 1 True"), done


def test_a_program_that_joins_all_threads_or_waits_for_the_last_to_end_goes_on(tmp_path: Path) -> None:
    script = (
        ALL_AT_WORK
        + """
    threading.Thread(target=print, args=("work",)).start()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()
    while threading.active_count() > 1:
        time.sleep(0.01)
    os.write(1, b"joined")
"""
    )
    done = processes.run(script, tmp_path, **BUSY)
    assert done.stdout == "work\njoined", done


@pytest.mark.parametrize("how", ["sigwait({signal.SIGTERM})", "sigtimedwait({signal.SIGTERM}, 30).si_signo"])
def test_a_job_that_blocks_sigterm_and_waits_for_it_gets_it(tmp_path: Path, how: str) -> None:
    script = (
        f"import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})\n{ALL_AT_WORK}"
        + f"""
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
    os.write(1, f"got {{int(signal.{how})}}".encode())
"""
    )
    done = processes.run(script, tmp_path, **BUSY)
    assert (done.returncode, done.stdout) == (0, f"got {int(signal.SIGTERM)}"), done


def test_a_critical_section_that_blocks_sigint_is_not_interrupted(tmp_path: Path) -> None:
    script = (
        ALL_AT_WORK
        + """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    subprocess.run(["kill", "-INT", str(os.getpid())], check=True)
    for _ in range(1000):
        sum(range(100))
    os.write(1, b"whole")
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    except KeyboardInterrupt:
        os.write(1, b", then interrupted")
"""
    )
    done = processes.run(script, tmp_path, **BUSY)
    assert (done.returncode, done.stdout) == (0, "whole, then interrupted"), done


def test_the_mask_of_the_thread_that_starts_ours_stays_as_it_was() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        thread = Background(lambda: None)
        thread.start()
        thread.join()
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before | {signal.SIGUSR2}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_where_no_thread_can_be_started_no_signal_stays_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    thread = Background(lambda: None)
    with pytest.raises(RuntimeError):
        thread.start()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert not thread.is_alive()


def test_our_threads_block_all_signals_but_those_of_their_own_faults() -> None:
    seen: list[set[signal.Signals]] = []
    thread = Background(lambda: seen.append(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    thread.start()
    thread.join()
    assert {signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD, signal.SIGPROF, signal.SIGRTMIN} <= seen[0]
    assert signal.SIGSEGV not in seen[0]


def test_a_thread_of_ours_that_logs_is_off_the_list_when_it_has_ended() -> None:
    said: list[object] = []

    def speak() -> None:
        log.warning("one")
        said.append((in_background(), threading.current_thread() in threading.enumerate()))

    thread = Background(speak)
    thread.start()
    thread.join()
    assert said == [(True, True)]
    assert not in_background()
    assert not any(isinstance(each, threading._DummyThread) for each in threading.enumerate())


class Falsy:
    """A target that is false, as an empty collection that can be called is."""

    def __init__(self) -> None:
        self.called = False

    def __bool__(self) -> bool:
        return False

    def __call__(self) -> None:
        self.called = True
        log.warning("called")


def test_a_thread_whose_target_is_false_runs_as_it_would_without_us() -> None:
    def called() -> bool:
        target = Falsy()
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        return target.called

    without = called()
    with recording(), job("x"):
        assert called() == without


def test_starting_a_thread_a_second_time_is_the_same_error_as_without_us() -> None:
    with recording(), job("x"):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="threads can only be started once"):
            thread.start()

        class Unprepared(threading.Thread):
            def __init__(self) -> None:
                pass

        with pytest.raises(RuntimeError, match="not called"):
            Unprepared().start()


class Own(threading.Thread):
    def run(self) -> None:
        log.warning("own")


def test_subclasses_and_timers_belong_to_the_run() -> None:
    with recording() as recorded, job("x"):
        for thread in (Own(), threading.Timer(0, log.warning, ["timer"])):
            thread.start()
            thread.join()
    assert recorded.messages == ["own", "timer"]


@pytest.mark.parametrize("kind", [threading.Thread, Own, lambda: threading.Timer(0, int)])
def test_a_thread_that_has_ended_is_freed_at_once(kind: type[threading.Thread]) -> None:
    gc.collect()
    gc.disable()
    try:
        with recording(), job("x"):
            thread = kind()
            thread.start()
            thread.join()
            freed = weakref.ref(thread)
            state = vars(thread).keys()
            assert not any("joblog" in name for name in state), "nothing of ours stays on it"
            del thread
            assert freed() is None
    finally:
        gc.enable()


def test_process_pools_one_after_another_hold_no_descriptors() -> None:
    def held() -> int:
        with ProcessPoolExecutor(1) as pool:
            assert pool.submit(int, "7").result() == 7
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    gc.disable()
    try:
        with recording(), job("x"), step("pools"):
            first = held()
            assert held() - first == 0
            assert held() - first == 0
    finally:
        gc.enable()
