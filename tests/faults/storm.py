"""A job under a storm of exceptions from elsewhere; says on its last line how many came and how many it got."""

from __future__ import annotations

import ctypes
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from otel_joblog import job, step

log = logging.getLogger("fault")
EVERY = 0.0005  # seconds


class SoftLimit(Exception):
    """As RQ and Celery raise it."""


class Interrupt(Exception):
    """As Dramatiq raises it: without arguments, by its class."""


class Storm:
    """Sends one after the other: the next when the job, which has caught the last, says that it is ready."""

    def __init__(self, kind: str) -> None:
        self.sent = 0
        self.ready = False
        self._main = threading.get_ident()
        self._kind = kind

    def begin(self) -> None:
        if self._kind == "signal":
            signal.signal(signal.SIGALRM, self._raise)
            signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
        else:
            threading.Thread(target=self._interrupt, daemon=True).start()

    def _raise(self, signum: int, frame: FrameType | None) -> None:
        if self.ready:
            self.ready = False
            self.sent += 1
            raise SoftLimit("time is up")

    def _interrupt(self) -> None:
        call = ctypes.pythonapi.PyThreadState_SetAsyncExc
        while True:
            time.sleep(EVERY)
            if self.ready:
                self.ready = False
                self.sent += 1
                call(ctypes.c_ulong(self._main), ctypes.py_object(Interrupt))


def part(say: Callable[[str], object], name: str, number: int) -> None:
    if number % 50 == 0:
        with step("part"):
            say(f"{name} 0 {number}")
    else:
        say(f"{name} 0 {number}")


def main(name: str, kind: str, lines: int, told: str) -> None:
    storm = Storm(kind)
    got = number = 0
    kept: list[int] = []
    log.addHandler(logging.NullHandler())
    log.propagate = False
    says: list[Callable[[str], object]] = [log.warning, lambda text: print(text, flush=True)]
    with job(name) as run:
        part(log.warning, "warm", 50)  # what is imported and started once
        storm.begin()
        while number < lines:
            try:
                storm.ready = True
                while number < lines:
                    number += 1
                    part(says[number % 2], name, number)
                    kept.append(number)
                while storm.ready:
                    time.sleep(EVERY)  # the last one
            except (SoftLimit, Interrupt):
                got += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        numbered = run._active.lines_so_far
    with open(told, "w", encoding="ascii") as file:  # noqa: PTH123
        json.dump({"sent": storm.sent, "got": got, "kept": kept, "numbered": numbered}, file)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
