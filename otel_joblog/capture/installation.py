"""What is hooked into the process, and when: from the first run that begins to the last one that ends."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from .. import setup
from . import logs, output, propagation

if TYPE_CHECKING:
    from .active import Run

__all__ = ["acquire", "release"]

_lock = threading.Lock()
_runs: set[Run] = set()


def acquire(run: Run) -> None:
    """See that lines, output and threads of this run are taken."""
    with _lock:
        if not _runs:
            logs.install(setup.runtime().settings.log_level)
            propagation.install()
        if run.capture_output:
            output.install()
        _runs.add(run)


def release(run: Run) -> None:
    """The run has ended; after the last one the process is as it was before the first."""
    with _lock:
        if run in _runs:
            _runs.discard(run)
            if not _runs:
                logs.uninstall()
                output.uninstall()
                propagation.uninstall()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
