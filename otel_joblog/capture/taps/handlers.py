"""Signal handlers that a run sets and puts back, as uvicorn does: what it dies of afterwards is told all the same.

What notes a SIGTERM lies below Python's handlers (:mod:`...journal.crash`). Where the application puts back the default
handler that it found, that goes, too, and is to be set again.
"""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable
from typing import Any

from ...journal.crash import leave_trace_again
from ..frames import forget_frame
from ..patch import Patch

__all__ = ["install", "uninstall"]


def _setting(original: Callable[..., Any], alive: list[bool]) -> Callable[..., Any]:
    @functools.wraps(original)
    def setting(signalnum: Any, handler: Any) -> Any:
        try:
            before = original(signalnum, handler)
        except BaseException as error:
            forget_frame(error)
            raise
        if alive and handler is signal.SIG_DFL:
            leave_trace_again(int(signalnum))
        return before

    return setting


_signal = Patch(signal, "signal", _setting)

install = _signal.install
uninstall = _signal.uninstall
