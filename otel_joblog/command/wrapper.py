"""The wrapper: starts the command, passes its output on, byte for byte, and ends as it did.

Only what Python has at hand anyway is imported here: the command waits for it, and so does whoever called.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from . import messages
from .carrier import TraceContext, child_environment, trace_context
from .options import Options, parse
from .output import Held, Passed
from .spawn import spawn_command, spawn_ours

__all__ = ["main"]

READ = 64 * 1024
DRAIN = 0.5  # seconds for what is still in the pipes when the command has ended: a grandchild may hold them open
FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
FROM_TERMINAL = ("SIGINT", "SIGQUIT")  # sent by the terminal to the command, too, where it is in the foreground
PIPE_BYTES = 1024 * 1024  # what the scribe's pipe takes without waiting, where the system allows it
TIMED_OUT, CANNOT_RUN, NOT_FOUND = 124, 126, 127
STDOUT, STDERR = 1, 2


def main(arguments: list[str]) -> int:
    """Run the command of these arguments; returns the code to exit with."""
    options = parse(arguments)
    context = trace_context(os.environ if options.env_context else {})
    return Wrapper(options, context).run()


class Wrapper:
    """One command."""

    def __init__(self, options: Options, context: TraceContext) -> None:
        self._options = options
        self._context = context
        self._interactive = _in_foreground()
        self._pid = 0
        self._status: int | None = None  # of the command, as wait gives it, once it has ended
        self._usage: tuple[Any, ...] = ()
        self._signal = ""  # the last one that was forwarded
        self._timed_out = False
        self._scribe = Scribe()
        self._output = Held() if options.quiet_on_success else Passed()

    def run(self) -> int:
        start = time.time_ns()
        with self._signals() as woken:
            out, err = os.pipe(), os.pipe()
            try:
                self._pid = spawn_command(
                    self._options.command,
                    child_environment(os.environ, self._context) if self._options.env_context else os.environ,
                    (out[1], err[1]),
                    own_group=not self._interactive,
                    cwd=self._options.cwd,
                )
            except OSError as error:
                return self._not_started(start, error)
            finally:
                os.close(out[1])
                os.close(err[1])
            if self._options.timeout is not None:
                signal.setitimer(signal.ITIMER_REAL, self._options.timeout)
            self._scribe.start(self._facts(start))
            self._pump({out[0]: STDOUT, err[0]: STDERR}, woken)
            signal.setitimer(signal.ITIMER_REAL, 0)
        code = self._exit_code()
        self._output.finish(failed=code != 0)
        self._scribe.end({
            "status": self._status, "code": code, "usage": self._usage, "signal": self._signal,
            "timed_out": self._timed_out, "timeout": self._options.timeout,
        })  # fmt: skip
        return code

    def _facts(self, start: int) -> dict[str, Any]:
        options, context = self._options, self._context
        return {
            "start": start, "pid": self._pid, "ids": tuple(context), "command": options.command, "name": options.name,
            "reference": options.reference, "owner": options.owner, "trigger": options.trigger,
            "schedule": options.schedule,
        }  # fmt: skip

    def _not_started(self, start: int, error: OSError) -> int:
        missing = isinstance(error, FileNotFoundError)
        what = self._options.command[0]
        said = f"{what}: command not found" if missing and error.filename == what else str(error)
        complain(f"otel-joblog run: {said}")
        code = NOT_FOUND if missing else CANNOT_RUN
        self._scribe.start(self._facts(start))
        self._scribe.end({"not_started": said, "code": code})
        return code

    # While it runs

    def _pump(self, sources: dict[int, int], woken: int) -> None:
        """Pass on what comes until the command has ended and its pipes are empty."""
        poll = select.poll()
        for descriptor in (*sources, woken):
            poll.register(descriptor, select.POLLIN)
        if self._scribe.complaints is not None:
            poll.register(self._scribe.complaints, select.POLLIN)
        deadline: float | None = None
        while self._status is None or sources:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            for descriptor, _ in poll.poll(None if left is None else left * 1000):
                if descriptor == woken:
                    self._wake(woken)
                elif descriptor == self._scribe.complaints:
                    if not self._scribe.pass_complaint():
                        poll.unregister(descriptor)
                elif not self._move(descriptor, sources[descriptor]):
                    poll.unregister(descriptor)
                    os.close(descriptor)
                    del sources[descriptor]
            if self._status is not None and deadline is None:
                deadline = time.monotonic() + DRAIN
        for descriptor in sources:
            os.close(descriptor)

    def _move(self, descriptor: int, stream: int) -> bool:
        """Read once; False at the end, or where nobody takes the output any more: the command is to know that."""
        data = os.read(descriptor, READ)
        if not data:
            return False
        self._scribe.tell(stream, data)
        return self._output.write(stream, data)

    def _wake(self, woken: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        whom = -1 if os.getpid() == 1 else self._pid
        with contextlib.suppress(ChildProcessError):
            while self._status is None or whom == -1:
                pid, status, usage = os.wait4(whom, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._pid:
                    self._status, self._usage = status, tuple(usage)

    # Signals

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Handle signals while the block runs; gives what can be read from when one has come."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        handlers: dict[int, Any] = {signal.SIGCHLD: lambda *_: None, signal.SIGALRM: self._time_is_up}
        for name in FORWARDED:
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: the command ignores it, too
                handlers[number] = self._forward
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        others = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(others)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(woken)
            os.close(wake)

    def _forward(self, number: int, _frame: object) -> None:
        self._signal = signal.Signals(number).name
        if not (self._interactive and self._signal in FROM_TERMINAL):
            self._kill(number)

    def _time_is_up(self, *_: object) -> None:
        if not self._timed_out:
            self._timed_out = True
            self._kill(signal.SIGTERM)
            self._kill(signal.SIGCONT)  # one that is stopped would not notice
            signal.setitimer(signal.ITIMER_REAL, self._options.kill_after)
        else:
            self._kill(signal.SIGKILL)

    def _kill(self, number: int) -> None:
        if self._pid and self._status is None:  # once it is waited for, its number may be another's
            with contextlib.suppress(OSError):
                (os.kill if self._interactive else os.killpg)(self._pid, number)

    def _exit_code(self) -> int:
        assert self._status is not None
        if self._timed_out:
            return TIMED_OUT
        if os.WIFSIGNALED(self._status):
            return 128 + os.WTERMSIG(self._status)
        return os.WEXITSTATUS(self._status)


class Scribe:
    """The process that writes down what the wrapper reads. Where it cannot be had, the command goes on without."""

    def __init__(self) -> None:
        self.complaints: int | None = None  # where what it warns of can be read
        self._pipe: int | None = None
        self._complained = False

    def start(self, facts: dict[str, Any]) -> None:
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            reading, writing, complaints, complaining = ends
            _enlarge(writing)
            spawn_ours("otel_joblog.command.scribe", stdin=reading, stderr=complaining)
        except OSError as error:
            for end in ends:
                os.close(end)
            complain(f"otel_joblog: the command is not recorded: {error}")
            return
        os.close(reading)
        os.close(complaining)
        self._pipe, self.complaints = writing, complaints
        self._send(messages.FACTS, facts)

    def tell(self, stream: int, data: bytes) -> None:
        self._send(stream, data)

    def end(self, facts: dict[str, Any]) -> None:
        self._send(messages.FACTS, facts)
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        if self.complaints is not None:
            os.set_blocking(self.complaints, False)
            with contextlib.suppress(BlockingIOError):
                self.pass_complaint()
            os.close(self.complaints)
            self.complaints = None

    def pass_complaint(self) -> bool:
        """Print what it says, once: the first line. False when it says no more."""
        assert self.complaints is not None
        said = os.read(self.complaints, READ)
        if said and not self._complained:
            self._complained = True
            complain(said.decode("utf-8", "replace").splitlines()[0])
        return bool(said)

    def _send(self, kind: int, data: bytes | dict[str, Any]) -> None:
        if self._pipe is not None:
            try:
                messages.send(self._pipe, kind, data)
            except OSError:  # it is gone
                os.close(self._pipe)
                self._pipe = None


def complain(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode("utf-8", "backslashreplace"))


def _in_foreground() -> bool:
    """Whether a terminal's Ctrl-C is for us: the command then stays in our process group."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _enlarge(pipe: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
