"""Waiting for Ctrl-C, or for a service manager's SIGTERM."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

__all__ = ["until_told_to_stop"]

_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def until_told_to_stop() -> Iterator[Callable[[], None]]:
    """A function that returns once SIGINT or SIGTERM has come, be it before it was called, while the block runs.

    It reads from a pipe that the interpreter's own handler writes to. An Event set by a handler in Python is missed now
    and then: a signal that comes after the last look for one, and before the wait has begun, interrupts nothing.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wait() -> None:
        while not any(number in _STOPS for number in os.read(reading, 100)):
            pass

    handlers = {number: signal.signal(number, lambda *_: None) for number in _STOPS}
    descriptor = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield wait
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
