"""A job that logs as fast as it can, and counts the lines whose logging call returned where no fault can reach it.

``worker.py NAME COUNTS THREADS LINES``: the counts lie in a file mapped into memory, one number a thread. What is
written there outlives SIGKILL.
"""

from __future__ import annotations

import logging
import mmap
import struct
import sys
import threading
from pathlib import Path

from otel_joblog import job, step

log = logging.getLogger("fault")
log.setLevel(logging.INFO)


def count_lines(name: str, counts: mmap.mmap, thread: int, lines: int) -> None:
    for number in range(1, lines + 1):
        log.info("%s %d %d", name, thread, number)
        struct.pack_into("<q", counts, 8 * thread, number)


def open_counts(path: Path, threads: int) -> mmap.mmap:
    path.write_bytes(bytes(8 * threads))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 8 * threads)


@job("fault")
def fault(name: str, counts: mmap.mmap, threads: int, lines: int) -> None:
    with step("log"):
        others = [
            threading.Thread(target=count_lines, args=(name, counts, thread, lines)) for thread in range(1, threads)
        ]
        for other in others:
            other.start()
        count_lines(name, counts, 0, lines)
        for other in others:
            other.join()


if __name__ == "__main__":
    name, counts, threads, lines = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    fault(name, open_counts(counts, threads), threads, lines)
