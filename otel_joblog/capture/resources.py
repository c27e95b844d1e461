"""What runs and steps use: the differences between two looks at the operating system's own accounts.

A look costs two system calls. Python cannot tell the runs of one process apart, so every figure says whose it is: the
process's, the thread's or that of subprocesses.
"""

from __future__ import annotations

import gc
import itertools
import os
import sys
import time
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage, struct_rusage
from threading import get_ident
from time import thread_time
from typing import Any

from .. import setup
from ..conventions import Attribute
from ..records import Sample

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .active import Run

__all__ = ["Look", "RunUsage", "look", "resident", "used"]

FIRST_SAMPLE = 1_000_000_000  # ns from the start of a run
LONGEST = 10_000_000_000  # ns between two samples of a run

_LINUX = sys.platform == "linux"
_PEAK_UNIT = 1024 if _LINUX else 1  # of ru_maxrss, in bytes: macOS counts bytes
_BLOCK = 512  # bytes of ru_inblock and ru_oublock on Linux; elsewhere they count operations
_PAGE = os.sysconf("SC_PAGE_SIZE")


Look = tuple[struct_rusage, float, int]  # of the process, of the thread in seconds of CPU, and which thread that is


def look() -> Look:
    return getrusage(RUSAGE_SELF), thread_time(), get_ident()


def used(before: Look, attributes: dict[str, Any]) -> struct_rusage:
    """Add to the attributes of a run or step what was used since; gives the process's accounts as of now."""
    then, thread_cpu, thread = before
    now = getrusage(RUSAGE_SELF)
    attributes[Attribute.PROCESS_CPU_USER] = now.ru_utime - then.ru_utime  # not rounded: that takes as long as a look
    attributes[Attribute.PROCESS_CPU_SYSTEM] = now.ru_stime - then.ru_stime
    if thread == get_ident():  # it may end in another one
        attributes[Attribute.THREAD_CPU] = thread_time() - thread_cpu
    if growth := now.ru_maxrss - then.ru_maxrss:
        attributes[Attribute.PROCESS_MEMORY_PEAK_GROWTH] = growth * _PEAK_UNIT
    if _LINUX:
        if read := now.ru_inblock - then.ru_inblock:
            attributes[Attribute.PROCESS_DISK_READ] = read * _BLOCK
        if written := now.ru_oublock - then.ru_oublock:
            attributes[Attribute.PROCESS_DISK_WRITTEN] = written * _BLOCK
    return now


class RunUsage:
    """What only runs tell, and their samples."""

    __slots__ = ("_children", "_clock", "_collections", "_process", "_run", "_seq", "_start", "due")

    def __init__(self, run: Run, start: int, clock: int, process: struct_rusage) -> None:
        """It began at ``start`` (since the epoch), which was ``clock`` (monotonic), and the process had used that."""
        self._run = run
        self._start = start
        self._clock = clock
        self._process = process
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
        attributes[Attribute.PROCESS_MEMORY_PEAK] = getrusage(RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
        attributes[Attribute.PROCESS_GC_COLLECTIONS] = _collections() - self._collections
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
    except (OSError, ValueError, IndexError):
        return None


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
