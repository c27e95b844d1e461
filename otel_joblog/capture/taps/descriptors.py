"""``capture_output="fd"``: what anything in the process, and its subprocesses, writes to file descriptors 1 and 2.

Both descriptors are put onto pipes while the run goes on. A thread passes on what comes, unchanged, to where it went
before, and cuts it into lines. The descriptors belong to the whole process, so there is one such run at a time, and
what other runs print meanwhile is taken for it; runs and steps inside it get what is written while they are innermost.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import os
import select
import sys
import threading
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any

from ...background import Background
from ...conventions import Stream
from ...descriptors import Kept, identity
from ...diagnostics import report
from ...interruption import foreign, insist, suppress_own
from ..late import taker
from . import logs, stdio
from .output import Splitter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..going import Going, GoingRun

__all__ = ["Descriptors", "join", "take"]

CHUNK = 64 * 1024
BY_DESCRIPTOR = -1  # stands where outputs have a thread's id
PIPE_BYTES = 1024 * 1024  # so that a burst need not wait for our thread

_decoder = getincrementaldecoder("utf-8")
_capturing: Descriptors | None = None


def take(run: GoingRun, *, alone: bool) -> None:
    """Begin the capture of this run, unless something else in the process has to do with the descriptors."""
    capture = Descriptors(run)
    if alone and _capturing is None and capture.begin():
        run.descriptors = capture
        run.capture_output = not capture.covers_python
    elif not alone or _capturing is not None:
        report(
            "descriptors",
            "capture_output='fd' of job %r is not available while another run goes on, because file descriptors belong "
            "to the whole process: only what it prints through sys.stdout and sys.stderr is kept",
            run.name,
        )
        if _capturing is not None and _capturing.covers_python:
            run.capture_output = False  # the other run has it already


def join(run: GoingRun) -> None:
    """Another run begins meanwhile. One inside has its output from now on; of any other it is taken already."""
    capture = _capturing
    if capture is None:
        return
    if run.parent is not None and run.parent.recording and run.parent.run.descriptors is capture:
        run.descriptors = capture
        capture.turn_to(run)
    if capture.covers_python:
        run.capture_output = False


@contextlib.contextmanager
def passing() -> Iterator[None]:
    """What is written while the block runs is passed on without being taken: a handler prints a record kept already."""
    capture = _capturing
    if capture is None:
        yield
        return
    capture.drain()
    try:
        capture.passing += 1
        yield
    finally:
        try:
            capture.drain()
        finally:
            capture.passing -= 1


class _Pipe:
    """One descriptor on its pipe."""

    def __init__(self, descriptor: int, stream: Stream) -> None:
        self.stream = int(stream)
        self.key = (self.stream, BY_DESCRIPTOR, b"")
        self.descriptor = descriptor
        self.before = Kept(os.dup(descriptor))
        reading, writing = os.pipe()
        self.reading = Kept(reading)
        os.set_blocking(self.reading.number, False)
        with suppress_own(OSError):
            fcntl.fcntl(writing, getattr(fcntl, "F_SETPIPE_SZ", 0), PIPE_BYTES)  # Linux only
        self._identity = identity(writing)
        self.decode = _decoder("backslashreplace").decode
        self.closed = False
        try:
            os.dup2(writing, descriptor, inheritable=True)
            os.close(writing)
        except BaseException:
            self.restore()
            raise

    def read(self) -> bytes | None:
        """What is there; None where there is nothing now, empty where nobody has it open for writing any more."""
        if self.closed or not self.reading.ours:
            return b""
        try:
            return os.read(self.reading.number, CHUNK)
        except BlockingIOError as error:
            if foreign(error):
                raise
            return None

    def pass_on(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self.before.ours:
            try:
                view = view[os.write(self.before.number, view) :]
            except OSError as error:
                if foreign(error):
                    raise
                if not isinstance(error, BlockingIOError):
                    return  # nobody reads there any more: who wrote would have been told by SIGPIPE
                _wait_for(self.before.number, event=select.POLLOUT)  # a terminal or pipe that somebody has made so

    def in_place(self) -> bool:
        """Whether the descriptor is still on the pipe: a job may put a file of its own there, or close it."""
        return not self.closed and identity(self.descriptor) == self._identity

    def restore(self) -> None:
        if self.before.ours and self.in_place():
            os.dup2(self.before.number, self.descriptor, inheritable=True)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """The descriptor is where it was before, for as long as the block runs."""
        if not self.in_place():
            yield
            return
        writing = os.dup(self.descriptor)
        self.restore()
        try:
            yield
        finally:
            os.dup2(writing, self.descriptor, inheritable=True)
            os.close(writing)

    def close(self) -> None:
        self.restore()  # should the program have closed the end that is read
        self.closed = True
        self.reading.close()
        self.before.close()


class Descriptors:
    """The capture of one run, from :meth:`begin` to :meth:`end`."""

    def __init__(self, run: GoingRun) -> None:
        self.owner = run
        self.target: Going = run  # who is innermost now
        self.covers_python = False  # whether what Python prints comes by the descriptors, too
        self.passing = 0
        self._pid = os.getpid()
        self._reading = threading.RLock()
        self._pipes: list[_Pipe] = []
        self._buffered: list[Any] = []

    def begin(self) -> bool:
        """Take the descriptors. False where another run has them, or the process has none."""
        global _capturing
        if _capturing is not None:
            return False
        _flush()
        try:
            for descriptor, stream in ((1, Stream.STDOUT), (2, Stream.STDERR)):
                self._pipes.append(_Pipe(descriptor, stream))
            _capturing = self
            logs.passing, stdio.aside = passing, self.aside
            self.covers_python = _descriptor(sys.stdout) == 1 and _descriptor(sys.stderr) == 2
            self._write_through()
            Background(self._pump).start()
            return True
        except BaseException as error:
            insist(self._put_back)
            _capturing = logs.passing = stdio.aside = None
            if foreign(error) or not isinstance(error, OSError):
                raise
            report("descriptors", "file descriptors 1 and 2 cannot be captured: %s", error)
            return False

    def turn_to(self, target: Going) -> None:
        """What is written from now on belongs to this run or step."""
        self.drain()
        self.target = target

    def end(self) -> None:
        """Put the descriptors back. What subprocesses write later is passed on, as long as this process lives, and is
        taken for lines after the run's end.
        """
        global _capturing
        if self._pid != os.getpid():  # a forked child: they are its parent's
            return
        self._put_back()
        self.drain()
        self.target = self.owner
        _capturing = logs.passing = stdio.aside = None

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """The descriptors are where they were before: a file can be sought there, which a pipe cannot."""
        with contextlib.ExitStack() as stack:
            if self._pid == os.getpid():  # in a forked child nobody reads
                stack.enter_context(self._reading)
                self.drain()
            for pipe in self._pipes:
                stack.enter_context(pipe.aside())
            yield

    def drain(self) -> None:
        """Take what has been written up to now."""
        if self._pid != os.getpid():
            return
        _flush()
        with self._reading:
            for pipe in self._pipes:
                while data := pipe.read():
                    self._take(pipe, data)

    def _put_back(self) -> None:
        _flush()
        for pipe in self._pipes:
            pipe.restore()
        for stream in self._buffered:
            with suppress_own(Exception):
                stream.reconfigure(line_buffering=False)

    def _write_through(self) -> None:
        """Have Python pass lines on as they come: their time, and the step that they belong to, are told by that."""
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None and not stream.line_buffering:
                with suppress_own(Exception):
                    stream.reconfigure(line_buffering=True)
                    self._buffered.append(stream)

    def _pump(self) -> None:
        open_pipes = {pipe.reading.number: pipe for pipe in self._pipes}
        while open_pipes:
            for descriptor in _wait_for(*open_pipes):
                pipe = open_pipes[descriptor]
                with self._reading:
                    data = pipe.read()
                    if data:
                        self._take(pipe, data)
                    elif data is not None:
                        self._finish_line(pipe)
                        pipe.close()
                        del open_pipes[descriptor]

    def _take(self, pipe: _Pipe, data: bytes) -> None:
        pipe.pass_on(data)
        if self.passing:
            return
        try:
            active = self.target if self.target.recording else taker(self.target)
            if active is None:
                return
            key = pipe.key
            if key not in active.outputs:
                active.outputs[key] = Splitter(active, pipe.stream)
            active.outputs[key].feed(pipe.decode(data))
        except Exception as error:
            if foreign(error):
                raise
            report("output", "output could not be recorded: %r", error)

    def _finish_line(self, pipe: _Pipe) -> None:
        """Nothing comes any more."""
        try:
            if pipe.key in self.target.outputs:
                self.target.outputs[pipe.key].finish()
        except Exception as error:
            if foreign(error):
                raise
            report("output", "output could not be recorded: %r", error)


def _wait_for(*descriptors: int, event: int = select.POLLIN) -> list[int]:
    """Those that are ready. Not by ``select``, which knows no numbers from 1024 on."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, event)
    return [descriptor for descriptor, _ in poll.poll()]


def _descriptor(stream: Any) -> int | None:
    try:
        number: int = stream.fileno()
    except Exception as error:  # one that is no file
        if foreign(error):
            raise
        return None
    return number


def _flush() -> None:
    """What Python and C have buffered is written."""
    for stream in (sys.stdout, sys.stderr):
        with suppress_own(Exception):
            stream.flush()
    with suppress_own(Exception):
        _libc().fflush(None)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
