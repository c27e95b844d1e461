"""How a process died, from what it could leave behind and what can still be seen.

A process cannot say that it was killed, but some of its ends leave a trace, and what is left tells the rest:

- A fatal signal (segmentation fault, abort, …): ``faulthandler`` writes the traceback into the journal's folder,
  unless the application has enabled it for itself.
- SIGTERM and SIGHUP where the application handles neither: likewise, before the signal does what it always did. This is
  done in C, at once, also while Python code is stuck; a Python handler would put the end off.
- A parent that waits for it and knows where its journal is (``otel-joblog run``) notes how it ended.
- The host's boot id, and the count of OOM kills of its control group, are noted at the start and compared later.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from ..descriptors import Kept
from ..interruption import foreign, suppress_own
from ..records import Process
from . import locks

__all__ = [
    "ALIVE",
    "Verdict",
    "boot_id",
    "leave_trace_again",
    "leave_traces",
    "note_end",
    "oom_events",
    "oom_kills",
    "stop_leaving_traces",
    "verdict",
]

FATAL = "fatal.txt"
TRACED = ("SIGTERM", "SIGHUP")
ENDED = "ended.txt"  # written by a parent that waited for it
ALIVE = "lock"  # the journal's lock; its time of change is moved on while the process lives
_TRACE_BYTES = 64 * 1024
_DYING = 1_000_000_000  # ns that a process may take to die of a signal

_files: list[Kept] = []  # what faulthandler writes to
_traced: dict[int, Kept] = {}  # by signal, the one of them


class Verdict(NamedTuple):
    words: str
    last_seen: int  # when the process last gave a sign of life outside of its records, in ns; 0 where not known
    traceback: str = ""  # of the thread that was hit, where the process could leave it


def leave_traces(folder: Path) -> None:
    """Have this process note its violent ends in this folder. Signals that the application handles are left to it.

    Only the thread that is hit is noted: to walk the frames of others while they run may crash, and the process would
    die of another signal than the one it was sent.
    """
    before = _files.copy()  # theirs until the last of the new ones is in force
    _traced.clear()
    with suppress_own(OSError, ValueError, RuntimeError):
        if not faulthandler.is_enabled() or before:
            faulthandler.enable(_opened(folder / FATAL).number, all_threads=False)
        for name in TRACED:
            number = getattr(signal, name)
            _traced[number] = _opened(folder / f"{name}.txt")
            if signal.getsignal(number) == signal.SIG_DFL:
                faulthandler.register(number, _traced[number].number, all_threads=False, chain=True)
    for file in before:
        file.close()
    del _files[: len(before)]


def leave_trace_again(number: int) -> None:
    """The application has handled a signal for a while and now has put back what was there before, as Python knows it.

    Call it from the thread that has done so: Python lets only its main thread change handlers, so none comes between.
    """
    if number in _traced and _traced[number].ours:
        with suppress_own(OSError, ValueError, RuntimeError):
            faulthandler.unregister(number)
            faulthandler.register(number, _traced[number].number, all_threads=False, chain=True)


def stop_leaving_traces() -> None:
    """In a forked child: what happens to it must not be told in its parent's folder."""
    if not _files:
        return
    faulthandler.disable()
    for name in TRACED:
        number = getattr(signal, name)
        if signal.getsignal(number) == signal.SIG_DFL:  # else the application has put its own handler there
            faulthandler.unregister(number)
    for file in _files:
        file.close()
    _files.clear()
    _traced.clear()


def verdict(process: Process | None, folder: Path, last_record: int = 0) -> Verdict:
    """What became of a process whose journal lies in this folder, in words; ``last_record`` is the time of its last.

    ``process`` is None where damage hit every record that says who it was.
    """
    last_seen = max(_modified(folder / ALIVE), last_record)
    if process is not None and process.boot_id and process.boot_id != boot_id():
        return Verdict("the host restarted", last_seen)
    if fatal := _trace(folder / FATAL):
        reason = fatal.partition("\n")[0].removeprefix("Fatal Python error: ")
        return Verdict(f"crashed: {reason}", _modified(folder / FATAL), fatal)
    for name in TRACED:
        trace = _trace(folder / f"{name}.txt")
        # One that it outlived was another's: a child's that was killed before it had let go of its parent's files.
        if trace and _modified(folder / f"{name}.txt") + _DYING >= last_seen:
            return Verdict(f"killed by {name}", _modified(folder / f"{name}.txt"), trace)
    if process is not None and _oom_killed(process):
        return Verdict("out of memory: the control group counted an OOM kill", last_seen)
    if ended := _trace(folder / ENDED):
        return Verdict(ended, last_seen)
    return Verdict("the process vanished: killed by a signal such as SIGKILL, or ended by os._exit", last_seen)


def note_end(root: Path, pid: int, since: int, words: str) -> None:
    """Note how a process ended, in the journals below ``root`` that it left and began after ``since``, in ns.

    One whose process lives is another's: containers that share a state folder have equal pids.
    """
    begun = time.strftime("%Y%m%d%H%M%S", time.gmtime(since / 1e9))  # as folders.create_folder has it
    for folder in root.glob(f"[0-9]*-{pid}-*"):
        if folder.name >= begun:
            with suppress_own(OSError), locks.held(folder / ALIVE, exclusive=False) as dead:
                if dead:
                    (folder / ENDED).write_text(words, "utf-8")


def boot_id() -> str:
    """Changes when the host restarts; empty where the platform does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError as error:
        if foreign(error):
            raise
        return ""


def oom_events() -> str:
    """The file in which the kernel counts the OOM kills of this process's control group; empty where there is none."""
    try:
        groups = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError as error:
        if foreign(error):
            raise
        return ""
    for number, controllers, path in (line.split(":", 2) for line in groups):
        if number == "0" and not controllers:
            file = Path(f"/sys/fs/cgroup{path}/memory.events")  # version 2
        elif "memory" in controllers.split(","):
            file = Path(f"/sys/fs/cgroup/memory{path}/memory.oom_control")
        else:
            continue
        if file.exists():
            return str(file)
    return ""


def oom_kills(events: str) -> int | None:
    """How many processes of a control group the kernel has killed for want of memory; None where that is not known."""
    try:
        lines = Path(events).read_text("ascii").splitlines()
    except OSError as error:
        if foreign(error):
            raise
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def _oom_killed(process: Process) -> bool:
    return process.oom_kills is not None and (oom_kills(process.oom_events) or 0) > process.oom_kills


def _opened(path: Path) -> Kept:
    file = Kept.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    _files.append(file)
    return file


def _trace(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_TRACE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        if foreign(error):
            raise
        return ""


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        if foreign(error):
            raise
        return 0


os.register_at_fork(after_in_child=stop_leaving_traces)
