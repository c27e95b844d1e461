"""A job that logs as fast as it can, and counts the lines whose logging call returned where no fault can reach it.

``worker.py NAME COUNTS ENDING THREADS LINES PAUSE``: the counts lie in a file mapped into memory, one number a writer,
which is a thread or a child process. What is written there outlives SIGKILL. ``LINES`` is how many lines each writes,
0 for as many as it can until it is killed; ``PAUSE`` the seconds between two. The last slot tells that the job begins.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import logging
import mmap
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from otel_joblog import job, shutdown, step

SLOTS = 1024
READY = SLOTS - 1

log = logging.getLogger("fault")
log.setLevel(logging.INFO)


class Counts:
    """Numbers in a file, one a writer."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8 * SLOTS))
        with path.open("r+b") as file:
            # Through a view, a number is one store to memory: struct.pack_into clears its place first, and whoever is
            # killed just then has counted nothing.
            self._numbers = memoryview(mmap.mmap(file.fileno(), 8 * SLOTS)).cast("q")

    def __getitem__(self, slot: int) -> int:
        return self._numbers[slot]

    def __setitem__(self, slot: int, number: int) -> None:
        self._numbers[slot] = number


def write(
    name: str, counts: Counts, slot: int, lines: int, pause: float = 0.0, going: Callable[[], bool] = bool
) -> None:
    """Write lines until there are enough of them, or, where that is 0, until ``going`` says False."""
    number = 0
    while number < lines or (lines == 0 and going()):
        number += 1
        log.info("%s %d %d", name, slot, number)
        counts[slot] = number
        if pause:
            time.sleep(pause)


# How the job ends


def segfault() -> None:
    ctypes.string_at(0)


def memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
    hoard: list[bytes] = []
    while True:
        hoard.append(bytes(1 << 20))


def eat() -> None:
    hoard: list[bytearray] = []
    while True:
        hoard.append(bytearray(b"x" * (1 << 20)))


def fail() -> None:
    raise ValueError("a fault")


ENDINGS: dict[str, Callable[[], object]] = {
    "sigterm": lambda: signal.raise_signal(signal.SIGTERM),
    "sigint": lambda: signal.raise_signal(signal.SIGINT),
    "sigkill": lambda: signal.raise_signal(signal.SIGKILL),
    "exit": lambda: sys.exit(3),
    "os_exit": lambda: os._exit(5),
    "segfault": segfault,
    "exception": fail,
    "memory": memory,
    "oom": eat,
    "end": lambda: None,
}


def threads_and_end(name: str, counts: Counts, ending: str, threads: int, lines: int, pause: float) -> None:
    """All threads write; the first one ends the job in its way while the others go on, as far as they live on."""
    over = threading.Event()

    def going() -> bool:
        return not over.is_set()

    free = 0 if ending != "end" else lines
    others = [
        threading.Thread(target=write, args=(name, counts, slot, free, pause, going)) for slot in range(1, threads)
    ]
    with job(name), step("log"):
        try:  # SIGINT may come while the threads are started
            for other in others:
                other.start()
            write(name, counts, 0, lines, pause, going)
            ENDINGS[ending]()
        finally:
            over.set()
            for other in others:
                if other.ident is not None:
                    other.join()


def late(name: str, counts: Counts, threads: int, lines: int, pause: float, ending: str) -> None:
    """Threads and calls of a pool that outlive first their step and then the run; ``ending`` is the process's."""
    with ThreadPoolExecutor(max(1, threads // 2)) as pool:
        with job(name):
            with step("submit"):
                started = [
                    threading.Thread(target=write, args=(name, counts, slot, lines, pause))
                    for slot in range(1, threads // 2 + 1)
                ]
                for thread in started:
                    thread.start()
                for slot in range(threads // 2 + 1, threads + 1):
                    pool.submit(write, name, counts, slot, lines, pause)
                write(name, counts, 0, lines // 4)
            with step("wait"):
                write(name, counts, threads + 1, lines // 4)
        ENDINGS[ending]()
        for thread in started:
            thread.join()


# Descriptors


def close_listed() -> None:
    for number in sorted(int(path.name) for path in Path("/proc/self/fd").iterdir()):
        if number > 2:
            with contextlib.suppress(OSError):
                os.close(number)


CLOSINGS: dict[str, Callable[[], None]] = {
    "range": lambda: os.closerange(3, 256),
    "away": lambda: os.closerange(3, 256),
    "all": lambda: os.closerange(3, 65_536),
    "listed": close_listed,
}
MINE = b"mine" * 100


def closing(name: str, counts: Counts, folder: Path, threads: int, lines: int, pause: float, how: str) -> None:
    """Threads write, while the first one closes descriptors that are not its own, and opens files in their place."""
    writers = [
        threading.Thread(target=write, args=(name, counts, slot, lines, pause)) for slot in range(1, threads + 1)
    ]
    paths = [folder / f"{name} {number}" for number in range(20)]
    with job(name), step("log"):
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            CLOSINGS[how]()
            files = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for path in paths]
            for file in files:
                # libpq closes by number a connection that it was just making; nothing of ours can be between.
                with contextlib.suppress(*[OSError] if how == "away" else []):
                    os.write(file, MINE)
            time.sleep(0.01)
            for path in paths:
                if (found := path.read_bytes()) != MINE and not (how == "away" and not found):
                    sys.exit(f"{path} holds {found[:200]!r}")


# Children


def child(name: str, path: str, slot: int, lines: int) -> int:
    with job(f"{name}-{slot}"):
        write(name, Counts(Path(path)), slot, lines)
    return os.getpid()


def recycled(name: str, path: str, slot: int, lines: int) -> None:
    child(name, path, slot, lines)
    os._exit(0)


def fork(name: str, path: Path, lines: int) -> None:
    """Children by ``os.fork``, which write in the parent's run, while a thread and then the parent go on writing."""
    over = threading.Event()
    counts = Counts(path)
    parent = threading.Thread(target=write, args=(name, counts, 0, 0, 0.0005, lambda: not over.is_set()))
    with job(name), step("log"):
        parent.start()
        pids = []
        for slot in range(2, 8):
            if pid := os.fork():
                pids.append(pid)
                time.sleep(0.01)
                continue
            write(name, counts, slot, lines)
            if slot % 2:
                os._exit(0)
            signal.raise_signal(signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)
        over.set()
        parent.join()
        write(name, counts, 1, lines)


def pool(name: str, path: Path, lines: int, method: str) -> None:
    context = multiprocessing.get_context(method)
    with job(name), ProcessPoolExecutor(3, mp_context=context) as executor:
        tasks = [executor.submit(child, name, str(path), slot, lines) for slot in range(1, 9)]
        write(name, Counts(path), 0, lines, 0.0005)
        for task in tasks:
            task.result()


def recycle(name: str, path: Path, lines: int) -> None:
    context = multiprocessing.get_context("fork")
    with job(name):
        for slot in range(1, 7):
            task = context.Process(target=recycled, args=(name, str(path), slot, lines))
            task.start()
            write(name, Counts(path), 10 + slot, lines)
            task.join()


def orphans(name: str, path: Path, children: int, lines: int) -> None:
    """Many dead processes at the price of one: children that write some lines of a run of their own, and vanish."""
    counts = Counts(path)
    pids = []
    for slot in range(children):
        pid = os.fork()
        pids.append(pid)
        if not pid:
            with job(f"{name}-{slot}"):
                write(name, counts, slot, lines)
                signal.raise_signal(signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


def crowd(name: str, path: Path, children: int, lines: int, pause: float) -> None:
    """Many processes that log at once, each with a run and a journal of its own.

    They are forked when everything is imported, also what shipping takes, and so share the memory of that.
    """
    import otel_joblog.capture.begin
    import otel_joblog.export.otlp
    import otel_joblog.store.write.writer  # noqa: F401

    counts = Counts(path)
    pids = {}
    for slot in range(children):
        if pid := os.fork():
            pids[pid] = slot
            continue
        with job(f"{name}-{slot}"):
            write(name, counts, slot, lines, pause)
        shutdown()
        os._exit(0)
    for pid, slot in pids.items():
        _, status = os.waitpid(pid, 0)
        if status:
            sys.exit(f"child {slot} ended with {status}")


# Hosts


def set_clock_back(seconds: int) -> None:
    """For this process: others want to keep the machine's."""
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() - seconds
    time.time_ns = lambda: now_ns() - seconds * 10**9


def clock(name: str, counts: Counts, ending: str, lines: int) -> None:
    with job(name), step("log"):
        write(name, counts, 0, lines)
        for slot, seconds in enumerate((3_600, 2 * 86_400), 1):
            set_clock_back(seconds)
            with step("back"):
                write(name, counts, slot, lines)
        ENDINGS[ending]()


def main() -> None:
    faulthandler.register(signal.SIGUSR1)
    if pid := os.environ.get("FAULT_PID"):
        os.getpid = lambda: int(pid)
    name, path, ending = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    threads, lines, pause = int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6])
    counts = Counts(path)
    counts[READY] = 1
    match ending:
        case "fork":
            fork(name, path, lines)
        case "pool_fork" | "pool_spawn":
            pool(name, path, lines, ending.removeprefix("pool_"))
        case "late_end" | "late_sigkill" | "late_exit":
            late(name, counts, threads, lines, pause, ending.removeprefix("late_"))
        case "closing_range" | "closing_away" | "closing_all" | "closing_listed":
            closing(name, counts, path.parent, threads, lines, pause, ending.removeprefix("closing_"))
        case "recycle":
            recycle(name, path, lines)
        case "crowd":
            crowd(name, path, threads, lines, pause)
        case "clock_end" | "clock_sigkill":
            clock(name, counts, ending.removeprefix("clock_"), lines)
        case "orphans":
            orphans(name, path, threads, lines)
        case _:
            threads_and_end(name, counts, ending, threads, lines, pause)


if __name__ == "__main__":
    main()
