"""The wrapper: starts the command, passes its output on, byte for byte, and ends as it did.

Only what Python has at hand anyway is imported here: the command waits for it, and so does whoever called.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from ..carrier import TraceContext, child_environment, trace_context
from .options import Options, parse
from .output import Held, Passed
from .signals import Target, handled
from .spawn import spawn_command
from .telling import Scribe, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]

READ = 64 * 1024
DRAIN = 0.5  # seconds for what is still in the pipes when the command has ended: a grandchild may hold them open
LOCKED, TIMED_OUT, CANNOT_RUN, NOT_FOUND = 75, 124, 126, 127
STDOUT, STDERR = 1, 2
LOOK = 0.05  # seconds between looks for what a timeout has not ended yet


def main(arguments: list[str]) -> int:
    """Run the command of these arguments; returns the code to exit with."""
    options = parse(arguments)
    _open_standard_descriptors()
    context = trace_context(os.environ if options.env_context else {})
    return Wrapper(options, context).run()


class Wrapper:
    """One command."""

    def __init__(self, options: Options, context: TraceContext) -> None:
        self._options = options
        self._context = context
        self._name = options.name or os.path.basename(options.command[0])  # noqa: PTH119  (pathlib costs an import)
        self._target = Target(options.kill_after)
        self._pid = 0
        self._status: int | None = None  # of the command, as wait gives it, once it has ended
        self._usage: tuple[Any, ...] = ()
        self._timed_out, self._received = False, ""  # before it had: what comes later did not end it
        self._scribe = Scribe()
        self._output = Held() if options.quiet_on_success else Passed()
        self._lock: Any = None  # held while the command runs

    def run(self) -> int:
        with handled(self._target) as woken:
            refusal = self._refused_by_lock() if self._options.lock else None
            code = self._refuse(refusal) if refusal is not None else self._run(woken)
        if self._lock is not None:
            with contextlib.suppress(Exception):  # a database that is gone has let go of it
                self._lock.release()
        return code

    def _run(self, woken: int) -> int:
        start = time.time_ns()
        environ = os.environ if not self._options.env_context else child_environment(os.environ, self._context)
        out, err = os.pipe(), os.pipe()
        try:
            self._pid = self._target.pid = spawn_command(
                self._options.command,
                environ,
                (out[1], err[1]),
                own_group=not self._target.interactive,
                cwd=self._options.cwd,
            )
        except OSError as error:
            os.close(out[0])
            os.close(err[0])
            return self._not_started(start, error)
        finally:
            os.close(out[1])
            os.close(err[1])
        if self._target.received:  # before there was anybody to be sent it
            self._target.forward(signal.Signals[self._target.received], None)
        if self._options.timeout is not None:
            signal.setitimer(signal.ITIMER_REAL, self._options.timeout)
        self._scribe.start(self._facts(start))
        self._pump({out[0]: STDOUT, err[0]: STDERR}, woken)
        code = self._exit_code()
        self._output.finish(failed=code != 0)
        self._end({
            "status": self._status, "usage": self._usage, "received": self._received,
            "timed_out": self._timed_out, "timeout": self._options.timeout,
        }, code)  # fmt: skip
        return code

    # What the scribe is told

    def _facts(self, start: int) -> dict[str, Any]:
        options, context = self._options, self._context
        ids = context.trace_id, context.span_id, context.parent_id, context.parent_run, context.sampled
        return {
            "start": start, "pid": self._pid, "ids": ids, "command": options.command, "name": self._name,
            "reference": options.reference, "owner": options.owner, "trigger": options.trigger,
            "schedule": options.schedule, "ships": _all_end_with_us(),
        }  # fmt: skip

    def _end(self, facts: dict[str, Any], code: int) -> None:
        self._scribe.end(facts | {"code": code}, wait=_all_end_with_us())

    def _not_started(self, start: int, error: OSError) -> int:
        what = self._options.command[0]
        missing = isinstance(error, FileNotFoundError) and error.filename == what
        said = f"{what}: command not found" if missing else f"{error.filename or what}: {error.strerror}"
        complain(f"otel-joblog run: {said}")
        code = NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
        self._scribe.start(self._facts(start))
        self._end({"not_started": said}, code)
        return code

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
                return f"{self._target.received} was sent while it waited for another run"
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
        self._scribe.start(self._facts(time.time_ns()))
        self._end({"refused": why, "received": received}, code)
        return code

    # While it runs

    def _pump(self, sources: dict[int, int], woken: int) -> None:
        """Pass on what comes until the command has ended and its pipes are empty; see that a timeout ends the rest."""
        poll = select.poll()
        for descriptor in (*sources, woken):
            poll.register(descriptor, select.POLLIN)
        if self._scribe.complaints is not None:
            poll.register(self._scribe.complaints, select.POLLIN)
        deadline: float | None = None
        while self._status is None or sources or self._others_have_time():
            left: float | None = None
            if deadline is not None:
                left = LOOK if self._others_have_time() else deadline - time.monotonic()
                if left <= 0:
                    break
            for descriptor, _ in poll.poll(None if left is None else left * 1000):
                if descriptor == woken:
                    self._reap(woken)
                elif descriptor == self._scribe.complaints:
                    if not self._scribe.pass_complaint():
                        poll.unregister(descriptor)
                elif not self._move(descriptor, sources[descriptor]):
                    poll.unregister(descriptor)
                    os.close(descriptor)
                    del sources[descriptor]
            if self._status is not None and deadline is None:
                deadline = time.monotonic() + DRAIN
        if self._timed_out and not self._target.interactive:
            with contextlib.suppress(OSError):
                os.killpg(self._pid, signal.SIGKILL)
        for descriptor in sources:
            os.close(descriptor)

    def _others_have_time(self) -> bool:
        """Whether something that the command started goes on after a timeout, and may still end by itself."""
        if not self._timed_out or self._target.interactive or not signal.getitimer(signal.ITIMER_REAL)[0]:
            return False
        try:
            os.killpg(self._pid, 0)
        except OSError:
            return False
        return True

    def _move(self, descriptor: int, stream: int) -> bool:
        """Read once; False at the end, or where nobody takes the output any more: the command is to know that."""
        data = os.read(descriptor, READ)
        if not data:
            return False
        taken = self._output.write(stream, data)
        self._scribe.tell(stream, data)
        return taken

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


def _all_end_with_us() -> bool:
    """Whether what we leave running is killed when we end: in a container, and as a service of systemd."""
    return os.getpid() == 1 or os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def _open_standard_descriptors() -> None:
    """See that 0, 1 and 2 are open: a pipe of ours must not get one of these numbers."""
    with contextlib.suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)) < 3:
            pass
        os.close(descriptor)
