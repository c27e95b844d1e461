"""What is hooked into the process, and when: from the first run that begins to the last one that ends."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from .. import setup
from . import hooks, logs, propagation, stdio, unheard
from .sampler import Sampler

if TYPE_CHECKING:
    from .runs import Run

__all__ = ["acquire", "release"]

# Reentrant, and what it guards is told before it is done: a signal handler may run a job in the middle of it, and the
# garbage collector may close a generator that is one.
_lock = threading.RLock()
_runs: set[Run] = set()
_sampler = Sampler(_runs)
_installed = False


def acquire(run: Run, *, descriptors: bool) -> None:
    """See that lines, output and threads of this run are taken, and what goes to file descriptors 1 and 2 if asked."""
    with _lock:  # whose the descriptors are is settled for one run after the other
        _runs.add(run)
        _sync()
        if run.capture_output:
            stdio.install()
            if descriptors or any(other.descriptors is not None for other in _runs):
                _share_descriptors(run, wanted=descriptors)
    _sampler.begin()


def _share_descriptors(run: Run, *, wanted: bool) -> None:
    from . import descriptors

    if wanted:
        descriptors.take(run, alone=_alone(run))
    else:
        descriptors.join(run)


def _alone(run: Run) -> bool:
    """Whether no run goes on but this and those that it runs in."""
    around = {run}
    parent = run.parent
    while parent is not None:
        around.add(parent.run)
        parent = parent.parent
    return around.issuperset(_runs)


def release(run: Run) -> None:
    """The run has ended; after the last one the process is as it was before the first."""
    if run in _runs:
        with _lock:
            _runs.discard(run)
            _sync()


def _sync() -> None:
    global _installed
    if _runs and not _installed:
        _installed = True
        logs.install()
        unheard.install(setup.runtime().settings.log_level)
        propagation.install()
        hooks.install()
    elif _installed and not _runs:
        _installed = False
        unheard.uninstall()
        logs.uninstall()
        stdio.uninstall()
        propagation.uninstall()
        hooks.uninstall()


def _after_fork() -> None:
    global _lock, _sampler
    _lock = threading.RLock()
    _sampler = Sampler(_runs)
    for run in _runs:
        run.count_apart()


os.register_at_fork(after_in_child=_after_fork)
