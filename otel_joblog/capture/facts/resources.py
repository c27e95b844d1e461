"""What runs and steps use: the differences between two looks at the operating system's own accounts.

A look costs one system call. Python cannot tell the runs of one process apart, so every figure says whose it is: the
process's, the thread's or that of subprocesses.
"""

from __future__ import annotations

import gc
import itertools
import os
import resource
import sys
import time
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage, struct_rusage
from threading import local
from typing import Any

from ... import setup
from ...conventions import Attribute
from ...interruption import foreign
from ...records import Sample

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..going import Going

__all__ = ["Look", "RunUsage", "look", "resident", "used"]

FIRST_SAMPLE = 1_000_000_000  # ns from the start of a run
LONGEST = 10_000_000_000  # ns between two samples of a run

_LINUX = sys.platform == "linux"
_THREAD: int = getattr(resource, "RUSAGE_THREAD", RUSAGE_SELF)
_KNOWS_THREADS = _THREAD != RUSAGE_SELF  # macOS does not
_PEAK_UNIT = 1024 if _LINUX else 1  # of ru_maxrss, in bytes: macOS counts bytes
_BLOCK = 512  # bytes of ru_inblock and ru_oublock on Linux; elsewhere they count operations
_PAGE = os.sysconf("SC_PAGE_SIZE")


class _Thread(local):
    """Tells threads apart. Their numbers do not: the next thread has that of one that has ended."""

    def __init__(self) -> None:
        self.mark = object()  # made anew for each thread that asks


_here = _Thread()

Look = tuple[struct_rusage, object]  # of a thread, and which


def look() -> Look:
    return getrusage(_THREAD), _here.mark


def used(before: Look, attributes: dict[str, Any]) -> None:
    """Add to the attributes of a run or step what its thread used since, and whether the process's memory rose."""
    then, thread = before
    now = getrusage(_THREAD)
    if thread is _here.mark and _KNOWS_THREADS:  # it may end in another one
        # Not rounded: that takes as long as a look.
        attributes[Attribute.THREAD_CPU] = now.ru_utime - then.ru_utime + now.ru_stime - then.ru_stime
    if growth := now.ru_maxrss - then.ru_maxrss:  # that of the process, whoever was asked for
        attributes[Attribute.PROCESS_MEMORY_PEAK_GROWTH] = growth * _PEAK_UNIT


class RunUsage:
    """What only runs tell, and their samples."""

    __slots__ = ("_children", "_clock", "_collections", "_process", "_run", "_seq", "_start", "due")

    def __init__(self, run: Going, start: int, clock: int) -> None:
        """It began at ``start`` (since the epoch), which was ``clock`` (monotonic)."""
        self._run = run
        self._start = start
        self._clock = clock
        self._process = getrusage(RUSAGE_SELF)
        self._children = getrusage(RUSAGE_CHILDREN)
        self._collections = _collections()
        self._seq = itertools.count(1)
        self.due = clock + FIRST_SAMPLE  # when it is to be sampled next, in ns of time.monotonic_ns

    def sample(self, now: int, memory: int | None) -> None:
        """Record what the process uses: every second in the first minute, every ten after ten minutes."""
        age = now - self._clock
        self.due = now + min(max(age // 60, FIRST_SAMPLE), LONGEST)
        used, then = getrusage(RUSAGE_SELF), self._process
        cpu = used.ru_utime - then.ru_utime + used.ru_stime - then.ru_stime
        run, start = self._run, self._start
        setup.runtime().emit(Sample(run.trace_id, run.span_id, start + age, next(self._seq), memory, cpu, start))

    def summarise(self, attributes: dict[str, Any]) -> None:
        """Add to the attributes of the run; the last sample, too, where it was sampled."""
        now, then = getrusage(RUSAGE_SELF), self._process
        attributes[Attribute.PROCESS_CPU_USER] = now.ru_utime - then.ru_utime
        attributes[Attribute.PROCESS_CPU_SYSTEM] = now.ru_stime - then.ru_stime
        attributes[Attribute.PROCESS_MEMORY_PEAK] = now.ru_maxrss * _PEAK_UNIT
        attributes[Attribute.PROCESS_GC_COLLECTIONS] = _collections() - self._collections
        if _LINUX:
            if read := now.ru_inblock - then.ru_inblock:
                attributes[Attribute.PROCESS_DISK_READ] = read * _BLOCK
            if written := now.ru_oublock - then.ru_oublock:
                attributes[Attribute.PROCESS_DISK_WRITTEN] = written * _BLOCK
        now, then = getrusage(RUSAGE_CHILDREN), self._children
        if now.ru_utime != then.ru_utime or now.ru_stime != then.ru_stime:
            attributes[Attribute.CHILDREN_CPU_USER] = now.ru_utime - then.ru_utime
            attributes[Attribute.CHILDREN_CPU_SYSTEM] = now.ru_stime - then.ru_stime
        if self.due > self._clock + FIRST_SAMPLE:
            self.sample(time.monotonic_ns(), resident())


def resident() -> int | None:
    """Bytes of this process that are in memory; None where the platform does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (pathlib takes as long again)
            return int(file.read().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError) as error:
        if foreign(error):
            raise
        return None


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
