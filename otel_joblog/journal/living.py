"""Whether the process of a journal lives.

While it does, it holds the journal's lock. Its program may close that descriptor, too, and some time passes until the
process takes the lock again. So before it is called dead, what the lock's file says of it is looked up in ``/proc``.
That helps whoever sees the same processes: in another container only the lock tells.
"""

from __future__ import annotations

import os
from hashlib import blake2s
from pathlib import Path

from ..descriptors import Kept
from ..interruption import foreign, suppress_own
from . import locks
from .crash import ALIVE, boot_id

__all__ = ["goes_on", "lives", "say_that_it_lives", "withdraw"]

_ENDED = "ZX"  # states of a process that holds nothing any more


def lives(folder: Path) -> bool:
    """Whether the process of this journal lives. OSError where that cannot be seen."""
    return locks.is_held(folder / ALIVE) or goes_on(folder)


def goes_on(folder: Path) -> bool:
    """Whether it lives, be the lock held or not. OSError where that cannot be seen."""
    words = (folder / ALIVE).read_text("ascii", "replace")
    try:
        return bool(words) and words == _words(words.partition(" ")[0])
    except OSError as error:  # there is none
        if foreign(error):
            raise
        return False


def say_that_it_lives(lock: Kept) -> None:
    """Write down which process this is."""
    with suppress_own(OSError):  # a full disk, or a platform without /proc: then the lock alone tells
        os.write(lock.number, _words("self").encode())


def withdraw(folder: Path) -> None:
    """This process lives on, and is done with the journal."""
    with suppress_own(OSError):
        os.truncate(folder / ALIVE, 0)


def _words(process: str) -> str:
    """Another process, or another program in the same one, has others. OSError where it has ended."""
    place = Path("/proc") / process
    pid, _, rest = (place / "stat").read_text("ascii", "replace").partition(" ")
    state, *numbers = rest.rpartition(")")[2].split()
    if state in _ENDED:
        raise ProcessLookupError(process)
    started = numbers[18]
    # The kernel puts a program's memory somewhere else each time; what is ending has none.
    where = blake2s((place / "auxv").read_bytes(), digest_size=8).hexdigest()
    return f"{pid} {started} {where} {Path('/proc/self/ns/pid').readlink()} {boot_id()}"
