"""What is hooked into the process, and when: from the first run that begins to the last one that ends.

Where a thread, task or callback still carries the context of a run that has ended, the hooks stay until it is gone, but
no longer than the grace period: its lines are lines of the run.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from .. import setup
from . import late, propagation, runs
from .sampler import Sampler
from .taps import handlers, hooks, logs, stdio, unheard

if TYPE_CHECKING:
    from .runs import ActiveRun

__all__ = ["acquire", "release"]

# Reentrant, and what it guards is told before it is done: a signal handler may run a job in the middle of it, and the
# garbage collector may close a generator that is one.
_lock = threading.RLock()
_runs: set[ActiveRun] = set()
_left: set[ActiveRun] = set()  # those that have ended and left something at work
_installed: bool | None = False  # None while that changes, and where an exception came meanwhile


def acquire(run: ActiveRun, *, descriptors: bool) -> None:
    """See that lines, output and threads of this run are taken, and what goes to file descriptors 1 and 2 if asked."""
    with _lock:  # whose the descriptors are is settled for one run after the other
        _runs.add(run)
        _sync()
        if run.capture_output:
            stdio.install()
            if descriptors or any(other.descriptors is not None for other in _runs):
                _share_descriptors(run, wanted=descriptors)
    _sampler.begin()


def _share_descriptors(run: ActiveRun, *, wanted: bool) -> None:
    from .taps import descriptors

    if wanted:
        descriptors.take(run, alone=_alone(run))
    else:
        descriptors.join(run)


def _alone(run: ActiveRun) -> bool:
    """Whether no run goes on but this and those that it runs in."""
    around: set[object] = {run}
    parent = run.parent
    while parent is not None:
        around.add(parent.run)
        parent = parent.parent
    return around.issuperset(_runs)


def release(run: ActiveRun) -> None:
    """The run has ended; after the last one the process is as it was before the first."""
    if run in _runs or _installed is not _needed():  # as where an exception came in the middle of this
        left = run.carried
        if left:
            _left.add(run)
        with _lock:
            _runs.discard(run)
            _sync()
        if left:
            _sampler.begin()


def _let_go() -> None:
    """Wait no longer for what runs have left at work, where it is gone or the grace period is over."""
    latest = time.monotonic() - late.GRACE
    for run in list(_left):
        if not run.carried or run.left_at is None or run.left_at < latest:
            run.finish_output()
            with _lock:
                _left.discard(run)
                _sync()


runs.when_left.append(release)


_sampler = Sampler(_runs, _left, _let_go)


def _end() -> None:
    """The process ends: what is still open is told to have ended now, and what comes yet comes after its end."""
    here = os.getpid()
    for run in [*_runs, *_left]:
        if run.pid == here:
            run.finish_output()
            run.tell_lines()


setup.before_end.append(_end)


def _sync() -> None:
    """Have it installed or not, as is due. What it does may be done twice: it may be interrupted anywhere, by a signal
    handler that runs a job or raises.
    """
    global _installed
    while _installed is not (needed := _needed()):
        _installed = None
        if needed:
            logs.install()
            unheard.install(setup.runtime().settings.log_level)
            propagation.install()
            hooks.install()
            handlers.install()
        else:
            unheard.uninstall()
            logs.uninstall()
            stdio.uninstall()
            propagation.uninstall()
            hooks.uninstall()
            handlers.uninstall()
        _installed = needed


def _needed() -> bool:
    return bool(_runs or _left)


def _after_fork() -> None:
    global _lock, _sampler
    _lock = threading.RLock()
    _sampler = Sampler(_runs, _left, _let_go)
    for run in [*_runs, *_left]:
        run.count_apart()


os.register_at_fork(after_in_child=_after_fork)
