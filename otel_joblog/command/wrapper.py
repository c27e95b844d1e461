"""The wrapper: starts the command, passes its output on, byte for byte, and ends as it did.

Only what Python has at hand anyway is imported here: the command waits for it, and so does whoever called.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import time

from ..carrier import TraceContext, child_environment, trace_context
from .options import Options, name_of, parse
from .output import Held, Passed, Pipes, complain
from .signals import Target, handled
from .spawn import become, spawn_command
from .telling import Scribe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["main"]

DRAIN = 0.5  # seconds for what is still in the pipes when the command has ended: a grandchild may hold them open
LOCKED, TIMED_OUT, CANNOT_RUN, NOT_FOUND = 75, 124, 126, 127
STDOUT, STDERR = 1, 2
LOOK = 0.05  # seconds between looks for what a timeout has not ended yet
HOST = 0xEFFFFFFC  # the inode of a Linux host's own namespace of processes, always
COERCED = ("c.utf-8", "c.utf8", "utf-8")  # what CPython puts into LC_CTYPE where the locale is C (PEP 538)
WANTING = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}


def main(arguments: list[str]) -> int:
    """Run the command of these arguments; returns the code to exit with."""
    options = parse(arguments)
    outputs = _open_standard_descriptors()
    context = trace_context(os.environ if options.env_context else {})
    environ = _given_environment()
    if options.env_context:
        environ = child_environment(environ, context)
    try:
        return Wrapper(options, context, environ, outputs).run()
    except _Unwatchable as lacking:
        return _run_alone(options, environ, lacking)


class _Unwatchable(Exception):
    """There is no descriptor or process left for us beside the command, which was not started."""


class Wrapper:
    """One command. ``outputs`` are those of stdout and stderr that are open."""

    def __init__(
        self, options: Options, context: TraceContext, environ: Mapping[str, str], outputs: tuple[int, ...]
    ) -> None:
        self._options = options
        self._context = context
        self._environ = environ
        self._outputs = outputs
        self._name = options.name or name_of(options.command[0])
        self._target = Target(options.timeout, options.kill_after)
        self._pid = 0
        self._status: int | None = None  # of the command, as wait gives it, once it has ended
        self._usage: tuple[Any, ...] = ()
        self._timed_out, self._received = False, ""  # before it had: what comes later did not end it
        self._scribe = Scribe()
        self._output = Held() if options.quiet_on_success else Passed()
        self._lock: Any = None  # held while the command runs
        self._all_end_with_us = _all_end_with_us(interactive=self._target.interactive)

    def run(self) -> int:
        """Raises :class:`_Unwatchable`."""
        with contextlib.ExitStack() as stack:
            with _lacking():
                woken = stack.enter_context(handled(self._target))
            refusal = self._refused_by_lock() if self._options.lock else None
            code = self._refuse(refusal) if refusal is not None else self._run(woken)
        if self._lock is not None:
            with contextlib.suppress(Exception):  # a database that is gone has let go of it
                self._lock.release()
        return code

    def _run(self, woken: int) -> int:
        start = time.time_ns()
        try:
            pipes = Pipes(self._start(), self._output, self._scribe.tell)
        except OSError as error:
            return self._not_started(start, error)
        self._scribe.start(self._facts(start))
        self._pump(pipes, woken)
        code = self._exit_code()
        self._output.finish(failed=code != 0)
        self._scribe.end({
            "status": self._status, "usage": self._usage, "received": self._received, "code": code,
            "timed_out": self._timed_out, "timeout": self._options.timeout, "others": bool(pipes.streams),
        })  # fmt: skip
        if pipes.streams:
            self._leave_to_child(pipes)
        self._scribe.leave(wait=self._all_end_with_us)
        return code

    def _leave_to_child(self, pipes: Pipes) -> None:
        from .background import go_on

        with contextlib.suppress(OSError):  # no process to be had: then they end by SIGPIPE
            go_on(pipes, self._scribe.pipe)
        pipes.close()

    def _start(self) -> dict[int, int]:
        """Start the command; returns the pipes of its outputs and which these are."""
        if not self._options.command[0]:
            raise FileNotFoundError(errno.ENOENT, "", "")
        pipes: dict[int, tuple[int, int]] = {}
        try:
            with _lacking():
                for stream in self._outputs:
                    pipes[stream] = os.pipe()
                self._pid = spawn_command(
                    self._options.command,
                    self._environ,
                    {stream: writing for stream, (_, writing) in pipes.items()},
                    own_group=self._target.own_group,
                    cwd=self._options.cwd,
                    inherited=self._target.inherited,
                )
        except BaseException:
            for reading, _ in pipes.values():
                os.close(reading)
            raise
        finally:
            for _, writing in pipes.values():
                os.close(writing)
        self._target.started(self._pid)
        return {reading: stream for stream, (reading, _) in pipes.items()}

    # What the scribe is told

    def _facts(self, start: int) -> dict[str, Any]:
        options, context = self._options, self._context
        ids = context.trace_id, context.span_id, context.parent_id, context.parent_run, context.sampled
        return {
            "start": start, "pid": self._pid, "ids": ids, "command": options.command, "name": options.name,
            "reference": options.reference, "owner": options.owner, "trigger": options.trigger,
            "schedule": options.schedule, "ships": self._all_end_with_us,
        }  # fmt: skip

    def _not_started(self, start: int, error: OSError) -> int:
        where, why, code = _explained(self._options, error)
        said = f"{where}: {why}"
        complain(f"otel-joblog run: {said}")
        self._only(start, {"not_started": said, "code": code})
        return code

    def _only(self, start: int, facts: dict[str, Any]) -> None:
        """All there is to say of a command that does not run."""
        self._scribe.start(self._facts(start))
        self._scribe.end(facts)
        self._scribe.leave(wait=self._all_end_with_us)

    # The lock

    def _refused_by_lock(self) -> str | None:
        """Why the command is not to run; None where it is."""
        from .lock import LockUnavailable, lock_of, take

        scope = self._options.lock_scope
        try:
            self._lock = lock_of(self._name, scope, self._context.run_id)
            waits = self._options.lock == "wait"
            if take(self._lock, scope, wait=waits, interrupted=lambda: bool(self._target.received)):
                return None
            if self._target.received:
                return f"{self._target.received} was received while it waited for another run"
            holder = self._lock.holder()
        except LockUnavailable as error:
            self._scribe.warn(f"the command runs without a lock: {error}")
            return None
        return "another run goes on" + (f" ({holder})" if holder else "")

    def _refuse(self, why: str) -> int:
        received = self._target.received
        code = 0 if self._options.lock == "skip" else LOCKED
        if received:
            code = 128 + signal.Signals[received]
        if self._options.lock == "fail":
            complain(f"otel-joblog run: {self._name}: {why}")
        self._only(time.time_ns(), {"refused": why, "received": received, "code": code})
        return code

    # While it runs

    def _pump(self, pipes: Pipes, woken: int) -> None:
        """Pass on what comes until the command has ended and its pipes are empty; see that a timeout ends the rest."""
        poll = select.poll()
        for descriptor in (*pipes.streams, woken):
            poll.register(descriptor, select.POLLIN)
        if self._scribe.complaints is not None:
            poll.register(self._scribe.complaints, select.POLLIN)
        deadline: float | None = None
        while self._status is None or pipes.streams or self._others_have_time():
            left: float | None = None
            if deadline is not None:
                left = LOOK if self._others_have_time() else deadline - time.monotonic()
                if left <= 0:
                    break
            for descriptor, _ in poll.poll(None if left is None else left * 1000):
                if not self._attend_to(descriptor, pipes, woken):
                    poll.unregister(descriptor)
            if self._status is not None and deadline is None:
                deadline = time.monotonic() + DRAIN
        if self._timed_out and self._target.own_group:
            with contextlib.suppress(OSError):
                os.killpg(self._pid, signal.SIGKILL)

    def _attend_to(self, descriptor: int, pipes: Pipes, woken: int) -> bool:
        """False where nothing more will come from there."""
        if descriptor == woken:
            self._reap(woken)
            return True
        if descriptor == self._scribe.complaints:
            return self._scribe.pass_complaint()
        return pipes.move(descriptor)

    def _others_have_time(self) -> bool:
        """Whether something that the command started goes on after a timeout, and may still end by itself."""
        if not self._timed_out or not self._target.own_group or not signal.getitimer(signal.ITIMER_REAL)[0]:
            return False
        try:
            os.killpg(self._pid, 0)
        except OSError:
            return False
        return True

    def _reap(self, woken: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        whom = -1 if os.getpid() == 1 else self._pid
        with contextlib.suppress(ChildProcessError):
            while self._status is None or whom == -1:
                pid, status, usage = os.wait4(whom, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._pid:
                    self._target.pid = 0
                    self._timed_out, self._received = self._target.timed_out, self._target.received
                    if not self._timed_out:
                        signal.setitimer(signal.ITIMER_REAL, 0)
                    self._status, self._usage = status, tuple(usage)

    def _exit_code(self) -> int:
        assert self._status is not None
        if self._timed_out:
            return TIMED_OUT
        if os.WIFSIGNALED(self._status):
            return 128 + os.WTERMSIG(self._status)
        return os.WEXITSTATUS(self._status)


def _given_environment() -> Mapping[str, str]:
    if os.environ.get("LC_CTYPE", "").lower() not in COERCED:
        return os.environ
    from .environment import given_environment

    return given_environment()


def _all_end_with_us(*, interactive: bool) -> bool:
    """Whether what we leave running is killed when we end."""
    if os.getpid() == 1:
        return True
    on_host = False
    with contextlib.suppress(OSError):
        on_host = os.stat("/proc/self/ns/pid").st_ino == HOST  # noqa: PTH116  (pathlib costs an import)
    if on_host and "SYSTEMD_EXEC_PID" not in os.environ:
        return False
    from .lifetime import all_end_with_us

    return all_end_with_us(on_host=on_host, interactive=interactive)


def _run_alone(options: Options, environ: Mapping[str, str], lacking: _Unwatchable) -> int:
    """Be the command: it does not fail by what only its recording takes."""
    complain(f"otel_joblog: {lacking}: the command runs without being recorded, and the options have no effect")
    try:
        become(options.command, environ, options.cwd)
    except OSError as error:
        where, why, code = _explained(options, error)
        complain(f"otel-joblog run: {where}: {why}")
        return code


def _explained(options: Options, error: OSError) -> tuple[str, str, int]:
    """What could not be started, why not, and the exit status for that."""
    code = NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
    why = error.strerror or str(error)
    if error.filename == options.cwd is not None:
        return options.cwd or "''", why, code
    return options.command[0] or "''", "command not found" if code == NOT_FOUND else why, code


@contextlib.contextmanager
def _lacking() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in WANTING:
            raise _Unwatchable(error.strerror) from error
        raise


def _open_standard_descriptors() -> tuple[int, ...]:
    """See that 0, 1 and 2 are open: a pipe of ours must not get one of these numbers. Returns which of the last two
    were; the command finds the others closed, as it would without us.
    """
    were_open = []
    for stream in (STDOUT, STDERR):
        with contextlib.suppress(OSError):
            os.fstat(stream)
            were_open.append(stream)
    with contextlib.suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)) < 3:
            pass
        os.close(descriptor)
    return tuple(were_open)
