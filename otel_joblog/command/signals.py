"""Signals to the wrapper: passed on to the command, by which whoever sends them means it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Inherited", "Target", "handled"]

CANCELLING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
FORWARDED = (*CANCELLING, "SIGUSR1", "SIGUSR2", "SIGALRM")
FROM_TERMINAL = ("SIGINT", "SIGQUIT")  # which sends them to the command, too, where it is in the foreground


class Inherited:
    """What whoever started us has said of signals that we need ourselves: the command is to find it so."""

    def __init__(self) -> None:
        self.blocked: set[int] = set()
        self.ignored: list[int] = []


class Target:
    """The command as something to send signals to. It is told of a timeout by a timer, also while we are stuck."""

    def __init__(self, timeout: float | None, kill_after: float) -> None:
        self.pid = 0  # until it is started, and when it has been waited for: its number may be another's then
        self.interactive = _in_foreground()  # a terminal's Ctrl-C is for us: it stays in our process group
        # Where there is a timeout, it has a group of its own, so as to reach all that it started; else it stays in
        # ours, where it would be without us: whoever signals the group means it, too.
        self.own_group = timeout is not None and not self.interactive
        self.timeout = timeout
        self.received = ""  # the last signal by which somebody wanted it to end
        self.timed_out = False
        self.inherited = Inherited()
        self._waiting: list[int] = []  # sent before there was anybody to be sent it
        self._kill_after = kill_after

    def started(self, pid: int) -> None:
        """From now on there is a command."""
        self.pid = pid
        while self._waiting:
            self.forward(self._waiting.pop(0), None)
        if self.timeout is not None:
            signal.setitimer(signal.ITIMER_REAL, self.timeout)

    def forward(self, number: int, _frame: object) -> None:
        name = signal.Signals(number).name
        if name in CANCELLING:
            self.received = name
        if not self.pid:
            self._waiting.append(number)
        elif not (self.interactive and name in FROM_TERMINAL):
            with contextlib.suppress(OSError):
                os.kill(self.pid, number)  # it alone, as it would be without us

    def time_is_up(self, *_: object) -> None:
        if self.timed_out:
            self._send(signal.SIGKILL)
        else:
            self.timed_out = True
            self._send(signal.SIGTERM)
            self._send(signal.SIGCONT)  # one that is stopped would not notice
            signal.setitimer(signal.ITIMER_REAL, self._kill_after)

    def _send(self, number: int) -> None:
        """To the command and all that it started, unless a terminal looks after those."""
        if self.pid:
            with contextlib.suppress(OSError):
                (os.killpg if self.own_group else os.kill)(self.pid, number)

    def handlers(self) -> dict[int, Callable[[int, Any], None]]:
        """What we do about which signal. What is ignored stays so, as nohup wants it, unless we cannot do without."""
        ours: dict[int, Callable[[int, Any], None]] = {signal.SIGCHLD: lambda *_: None}
        if self.timeout is not None:
            ours[signal.SIGALRM] = self.time_is_up
        self.inherited.ignored = [number for number in ours if signal.getsignal(number) is signal.SIG_IGN]
        for name in FORWARDED:
            number = getattr(signal, name)
            if number not in ours and signal.getsignal(number) is not signal.SIG_IGN:
                ours[number] = self.forward
        return ours


@contextlib.contextmanager
def handled(target: Target) -> Iterator[int]:
    """Handle signals while the block runs, whatever was blocked before; gives a descriptor that can be read from when
    one has come. Raises OSError where there can be none.
    """
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    handlers = target.handlers()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    others = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)
    target.inherited.blocked = {*blocked}
    try:
        yield woken
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.set_wakeup_fd(others)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(woken)
        os.close(wake)


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
