"""What goes on in the wrapper's place while others than the command, which has ended, may still print."""

from __future__ import annotations

import contextlib
import os
import select
import signal

from .output import Pipes
from .spawn import open_descriptors

__all__ = ["go_on"]


def go_on(pipes: Pipes, scribe: int | None) -> None:
    """Have a process of its own pass on what comes through the pipes, as long as anybody holds them: whoever writes
    would die of SIGPIPE.

    It keeps open what they keep open, and no signal to our process group or from our terminal ends it. ``scribe`` is
    the descriptor by which the scribe is told.
    """
    if os.fork() == 0:
        try:
            _go_on(pipes, scribe)
        finally:
            os._exit(0)


def _go_on(pipes: Pipes, scribe: int | None) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)  # signals come to handlers that find no command any more
    os.chdir("/")
    for descriptor in open_descriptors():
        if descriptor not in pipes.streams and descriptor != scribe:
            with contextlib.suppress(OSError):  # the one by which they were listed
                os.close(descriptor)
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    poll = select.poll()
    for descriptor in pipes.streams:
        poll.register(descriptor, select.POLLIN)
    while True:
        for unused in {0, 1, 2}.difference(pipes.streams.values()):
            os.dup2(nowhere, unused)
        if not pipes.streams:
            return
        for descriptor, _ in poll.poll():
            if not pipes.move(descriptor):
                poll.unregister(descriptor)
