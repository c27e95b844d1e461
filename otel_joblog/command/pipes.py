"""The reading ends of the pipes into which the command, and whatever it started, writes its stdout and stderr."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator

from .output import Passed
from .spawn import open_descriptors
from .telling import Scribe

__all__ = ["Pipes"]

READ = 64 * 1024


class Pipes:
    """Where what is read goes: to our own stdout and stderr, and to the scribe."""

    def __init__(self, streams: dict[int, int], output: Passed, scribe: Scribe) -> None:
        self._streams = streams  # by descriptor
        self._output = output
        self._scribe = scribe

    def __iter__(self) -> Iterator[int]:
        return iter(self._streams)

    def __bool__(self) -> bool:
        """Whether anybody may still write to one."""
        return bool(self._streams)

    def move(self, descriptor: int, deadline: float | None = None) -> bool:
        """Read once. At the end, and where nobody takes the output any more, it is closed: whoever writes is to know.

        False then. Nothing is read where it could not be written before the ``deadline``.
        """
        stream = self._streams[descriptor]
        if deadline is not None and not _takes(stream, deadline - time.monotonic()):
            return True
        data = os.read(descriptor, READ if deadline is None else select.PIPE_BUF)
        taken = bool(data) and self._output.write(stream, data)
        if data:
            self._scribe.tell(stream, data)
        if not taken:
            os.close(descriptor)
            del self._streams[descriptor]
        return taken

    def close(self) -> None:
        for descriptor in self._streams:
            os.close(descriptor)
        self._streams.clear()

    def leave_to_child(self) -> None:
        """Have a process of its own go on with what others still write, as long as they do: they would die of SIGPIPE.

        It keeps open what they keep open, and no signal to our process group or from our terminal ends it.
        """
        with contextlib.suppress(OSError):  # no process to be had: then they do
            if os.fork() == 0:
                try:
                    self._go_on()
                finally:
                    os._exit(0)
        self.close()

    def _go_on(self) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)  # signals come to handlers that find no command any more
        os.chdir("/")
        for descriptor in open_descriptors():
            if descriptor not in self._streams and descriptor != self._scribe.pipe:
                with contextlib.suppress(OSError):  # the one by which they were listed
                    os.close(descriptor)
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        poll = select.poll()
        for descriptor in self._streams:
            poll.register(descriptor, select.POLLIN)
        while True:
            for unused in {0, 1, 2}.difference(self._streams.values()):
                os.dup2(nowhere, unused)
            if not self._streams:
                return
            for descriptor, _ in poll.poll():
                if not self.move(descriptor):
                    poll.unregister(descriptor)


def _takes(stream: int, seconds: float) -> bool:
    """Whether so many bytes as a pipe takes at once (``PIPE_BUF``) can be written without waiting for longer."""
    poll = select.poll()
    poll.register(stream, select.POLLOUT)
    return bool(poll.poll(max(0.0, seconds) * 1000))
