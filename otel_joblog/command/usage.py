"""What a command uses: the kernel's account of it at the end, and looks at it and its descendants meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from resource import struct_rusage
from typing import Any

from ..conventions import Attribute

__all__ = ["look", "used"]

_LINUX = sys.platform == "linux"
_PEAK_UNIT = 1024 if _LINUX else 1  # of ru_maxrss, in bytes: macOS counts bytes
_BLOCK = 512  # bytes of ru_inblock and ru_oublock on Linux; elsewhere they count operations
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def used(figures: Sequence[float]) -> dict[str, Any]:
    """The attributes of what ``wait4`` said of a command and those of its descendants that were waited for."""
    usage = struct_rusage(figures)
    attributes = {
        Attribute.PROCESS_CPU_USER: usage.ru_utime,
        Attribute.PROCESS_CPU_SYSTEM: usage.ru_stime,
        Attribute.PROCESS_MEMORY_PEAK: usage.ru_maxrss * _PEAK_UNIT,
        Attribute.PROCESS_SWITCHES_VOLUNTARY: usage.ru_nvcsw,
        Attribute.PROCESS_SWITCHES_INVOLUNTARY: usage.ru_nivcsw,
    }
    if _LINUX:
        attributes[Attribute.PROCESS_DISK_READ] = usage.ru_inblock * _BLOCK
        attributes[Attribute.PROCESS_DISK_WRITTEN] = usage.ru_oublock * _BLOCK
    return attributes


def look(pid: int) -> tuple[int, float] | None:
    """Bytes resident and seconds of CPU of a process and its descendants; None where the platform does not tell."""
    found = [each for process in _tree(pid) if (each := _one(process)) is not None]
    if not found:
        return None
    return sum(memory for memory, _ in found), sum(cpu for _, cpu in found)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_bytes().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _one(pid: int) -> tuple[int, float] | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    utime, stime, cutime, cstime = map(int, fields[11:15])  # with those of its children that ended
    return int(fields[21]) * _PAGE, (utime + stime + cutime + cstime) / _TICKS
