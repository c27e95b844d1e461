"""Signals to the wrapper: passed on to the command, by which whoever sends them means it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Target", "handled"]

FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
FROM_TERMINAL = ("SIGINT", "SIGQUIT")  # which sends them to the command, too, where it is in the foreground


class Target:
    """The command as something to send signals to. It is told of a timeout by a timer, also while we are stuck."""

    def __init__(self, kill_after: float) -> None:
        self.pid = 0  # until it is started, and when it has been waited for: its number may be another's then
        self.interactive = _in_foreground()  # a terminal's Ctrl-C is for us: it stays in our process group
        self.received = ""  # the last signal that somebody sent
        self.timed_out = False
        self._kill_after = kill_after

    def forward(self, number: int, _frame: object) -> None:
        self.received = signal.Signals(number).name
        if self.pid and not (self.interactive and self.received in FROM_TERMINAL):
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
                (os.kill if self.interactive else os.killpg)(self.pid, number)


@contextlib.contextmanager
def handled(target: Target) -> Iterator[int]:
    """Handle signals while the block runs; gives a descriptor that can be read from when one has come."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    handlers: dict[int, Callable[[int, Any], None]] = {
        signal.SIGCHLD: lambda *_: None,
        signal.SIGALRM: target.time_is_up,
    }
    for name in FORWARDED:
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: the command ignores it, too
            handlers[number] = target.forward
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    others = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        yield woken
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
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
