"""How a process can end: killed at any moment, by itself, by a signal, by a fault of its own, for want of memory."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from .bench import Bench, Room, Worker
from .tally import Tally

BATCH = 10  # workers that share a state folder; two at a time
CGROUP = Path("/sys/fs/cgroup/memory/otel-joblog-faults")


def sigkill(bench: Bench, tally: Tally, threads: int) -> None:
    left = len(bench.times(200)) // 2 or 1
    while left:
        room = bench.room()
        for _ in range(-(-min(BATCH, left) // 2)):
            pair = [room.work(threads=threads, lines=10**9) for _ in range(min(2, left))]
            left -= len(pair)
            for worker in pair:
                worker.ready()
            for worker in pair:
                # Else it may be killed before it has emitted anything: not all of them, as that would prove nothing.
                if worker is pair[0] or random.random() < 0.8:
                    worker.begun()
                time.sleep(random.uniform(0, 0.6))
                worker.kill()
                worker.end()
                tally.times += 1
        room.settle(tally, "lost · the process vanished", "lost · out of memory")


def sigkill_one_thread(bench: Bench, tally: Tally) -> None:
    """SIGKILL at a random moment, one thread"""
    sigkill(bench, tally, 1)


def sigkill_eight_threads(bench: Bench, tally: Tally) -> None:
    """SIGKILL at a random moment, eight threads"""
    sigkill(bench, tally, 8)


def repeat(bench: Bench, tally: Tally, ending: str, code: int, *allowed: str) -> None:
    room = bench.room()
    for _ in bench.times(10):
        worker = room.work(ending, threads=2, lines=random.randint(1, 3000))
        got = worker.end()
        tally.expect(got == code, f"{worker.name} ended with {got}, not {code}: {worker.errors.read_text()[-800:]}")
        tally.times += 1
    room.settle(tally, *allowed)


def sigterm(bench: Bench, tally: Tally) -> None:
    """SIGTERM"""
    repeat(bench, tally, "sigterm", -signal.SIGTERM, "lost · killed by SIGTERM")


def sigint(bench: Bench, tally: Tally) -> None:
    """SIGINT"""
    repeat(bench, tally, "sigint", -signal.SIGINT, "cancelled")


def sigterm_from_outside(bench: Bench, tally: Tally) -> None:
    """SIGTERM and SIGINT from outside, at a random moment, eight threads"""
    for number, allowed in ((signal.SIGTERM, "lost · killed by SIGTERM"), (signal.SIGINT, "cancelled")):
        room = bench.room()
        for _ in bench.times(10):
            worker = room.work("exception", threads=8, lines=10**9)
            worker.begun()
            time.sleep(random.uniform(0, 0.4))
            worker.kill(number)
            got = worker.end()
            tally.expect(got == -number, f"{worker.name} ended with {got}: {worker.errors.read_text()[-800:]}")
            tally.times += 1
        room.settle(tally, allowed)


def sys_exit(bench: Bench, tally: Tally) -> None:
    """sys.exit(3)"""
    repeat(bench, tally, "exit", 3, "error (3)")


def os_exit(bench: Bench, tally: Tally) -> None:
    """os._exit(5)"""
    repeat(bench, tally, "os_exit", 5, "lost · the process vanished")


def segfault(bench: Bench, tally: Tally) -> None:
    """segmentation fault"""
    repeat(bench, tally, "segfault", -signal.SIGSEGV, "lost · crashed: Segmentation fault")


def exception(bench: Bench, tally: Tally) -> None:
    """unhandled exception"""
    repeat(bench, tally, "exception", 1, "error · ValueError: a fault")


def rlimit(bench: Bench, tally: Tally) -> None:
    """MemoryError under RLIMIT_AS"""
    repeat(bench, tally, "memory", 1, "error · MemoryError")


def oom(bench: Bench, tally: Tally) -> None:
    """OOM kill in a memory cgroup"""
    room = bench.room()
    for _ in bench.times(10):
        with cgroup() as group:
            if group is None:
                tally.remarks.append("skipped: no memory cgroup can be made here")
                return
            worker = in_group(room, group)
            got = worker.end()
            tally.expect(got == -signal.SIGKILL, f"{worker.name} ended with {got}")
            room.settle(tally, "lost · out of memory")
        tally.times += 1


@contextlib.contextmanager
def cgroup() -> Iterator[Path | None]:
    group = CGROUP.with_name(f"{CGROUP.name}-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(120 << 20))
        with contextlib.suppress(OSError):
            (group / "memory.memsw.limit_in_bytes").write_text(str(120 << 20))
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        deadline = time.monotonic() + 5
        while group.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                group.rmdir()
            time.sleep(0.05)


def in_group(room: Room, group: Path) -> Worker:
    """A worker in the group from its first moment: it inherits ours, where we are for that long."""
    tasks = Path("/proc/self/cgroup").read_text().splitlines()
    ours = next(line.split(":", 2)[2] for line in tasks if "memory" in line.split(":", 2)[1].split(","))
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        return room.work("oom", threads=2, lines=1000)
    finally:
        Path(f"/sys/fs/cgroup/memory{ours}/cgroup.procs").write_text(str(os.getpid()))


CASES = (
    sigkill_one_thread,
    sigkill_eight_threads,
    sigterm,
    sigint,
    sigterm_from_outside,
    sys_exit,
    os_exit,
    segfault,
    exception,
    rlimit,
    oom,
)
