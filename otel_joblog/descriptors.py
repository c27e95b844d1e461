"""Descriptors that we keep in a process that is somebody else's, whose program may close any number that it likes.

A daemon begins with ``os.closerange(3, 256)``. What it opens next gets the numbers that were closed, and whoever still
holds one of them writes into its file, or closes it. So:

1. Ours have numbers that its files do not get: past its limit of open files, where the kernel gives out none, or else
   from 4096 on or in the upper half. A number is not used again for something else that we keep.
2. Before one is used or closed it is looked at, by device and inode, whether it still is what it was.

A file is opened under the lowest number that is free, as by anybody, and moved at once. It is not written to before it
is known to be ours.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import threading

from .interruption import foreign, insist, suppress_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Identity", "Kept", "identity", "opened", "write_whole"]

HIGH = 4096  # the first number of ours where the limit is further: the kernel's table grows with the highest number
BRIEF = 64  # numbers for what is open for a moment
LASTING = 4096  # numbers for what is kept, given out in turn

Identity = tuple[int, int]  # device, inode

_moving = threading.RLock()
_given = 0  # so many of the lasting numbers


def identity(descriptor: int) -> Identity | None:
    """What tells an open file from another that gets its number later; None where nothing is open there."""
    status = _status(descriptor)
    return None if status is None else (status.st_dev, status.st_ino)


def _status(descriptor: int) -> os.stat_result | None:
    try:
        return os.fstat(descriptor)
    except OSError as error:
        if foreign(error):
            raise
        return None


class Kept:
    """A descriptor of ours. Takes over one that was just opened, pipe or file, and moves it where it is out of the way.

    ``path`` is that of a file: should another thread have closed the number before it was moved, it is not taken for
    ours. Raises OSError then.
    """

    __slots__ = ("_identity", "number", "safe")

    def __init__(self, descriptor: int, path: Path | None = None, *, brief: bool = False) -> None:
        wanted = identity(descriptor)
        numbers: list[int] = []
        try:
            self.number, self.safe = _moved(descriptor, numbers, brief=brief)  # safe: no file of the program gets this
            self._identity = identity(self.number)
            if self._identity is None or not (self._identity == wanted if path is None else self.is_at(path)):
                if path is not None:
                    path.stat()  # FileNotFoundError where it was deleted
                raise OSError(errno.EBADF, "the program closed it as it was opened", str(path))
            if self.number != descriptor:
                _close_low(descriptor, is_file=path is not None)
        except BaseException:
            for number in numbers:
                os.close(number)
            raise

    @classmethod
    def open(cls, path: Path, flags: int, *, brief: bool = False) -> Kept:
        """A file, mode 0600 where it is made."""
        low: list[int] = []
        try:
            # One call of C code: an exception from elsewhere may come when it returns, and finds the descriptor here.
            low.extend(map(os.open, [path], [flags | os.O_CLOEXEC | os.O_NONBLOCK], [0o600]))
            return cls(low[0], path, brief=brief)
        except BaseException:
            for descriptor in low:
                _close_low(descriptor, is_file=True)
            raise

    @property
    def ours(self) -> bool:
        """Whether the number still is what it was."""
        return identity(self.number) == self._identity

    def is_at(self, path: Path) -> bool:
        """Whether it is the file that lies there."""
        with suppress_own(OSError):
            status = os.stat(path)  # noqa: PTH116  (pathlib takes as long again)
            return self._identity == (status.st_dev, status.st_ino)
        return False

    def status(self) -> os.stat_result | None:
        """None where the number is ours no more."""
        status = _status(self.number)
        return None if status is None or (status.st_dev, status.st_ino) != self._identity else status

    def close(self) -> None:
        """Close it, unless somebody else has: the number may be that of another file by now."""
        if self.ours:
            os.close(self.number)


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """A file, open while the block runs; mode 0600 where it is made."""
    kept = Kept.open(path, flags, brief=True)
    try:
        yield kept.number
    finally:
        kept.close()


def write_whole(path: Path, data: bytes | bytearray) -> None:
    """Write this file anew, all of it; OSError where the disk does not take it."""
    with opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


def _close_low(descriptor: int, *, is_file: bool) -> None:
    # A file of ours is marked by O_NONBLOCK, which means nothing on files. To look for that lets no other thread in.
    with suppress_own(OSError):
        if not (is_file and os.get_blocking(descriptor)):
            os.close(descriptor)


def _moved(descriptor: int, numbers: list[int], *, brief: bool) -> tuple[int, bool]:
    """The number that it has now, and whether that is past the limit. It stays where it is where no other is free.

    A new one is among the ``numbers`` as soon as there is one.
    """
    try:
        with _moving:
            return _move(descriptor, numbers, brief=brief)
    except (OSError, ValueError) as error:
        if foreign(error):
            raise
        return descriptor, False


def _move(descriptor: int, numbers: list[int], *, brief: bool) -> tuple[int, bool]:
    global _given
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    base, end = _range(limit, most)
    first = base if brief else base + BRIEF + _given % (end - base - BRIEF)
    if base >= limit:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (end, most))
            _duplicate(descriptor, first, numbers)
        finally:
            insist(resource.setrlimit, resource.RLIMIT_NOFILE, (limit, most))
    else:
        _duplicate(descriptor, first, numbers)
    number = numbers[-1]
    if not brief:
        _given = max(number + 1 - base - BRIEF, 0)
    return number, base >= limit


def _range(limit: int, most: int) -> tuple[int, int]:
    """The numbers that are for us: those from the first to before the second."""
    if limit >= HIGH + BRIEF + LASTING:
        return HIGH, HIGH + BRIEF + LASTING
    if most >= limit + 4 * BRIEF:
        return limit, min(limit + BRIEF + LASTING, most)
    if limit >= 8 * BRIEF:
        return limit // 2, limit
    raise ValueError("there are hardly any numbers")


def _duplicate(descriptor: int, first: int, numbers: list[int]) -> None:
    numbers.extend(map(fcntl.fcntl, [descriptor], [fcntl.F_DUPFD_CLOEXEC], [first]))  # one call, as in Kept.open


def _after_fork() -> None:
    global _moving
    _moving = threading.RLock()


def _before_fork() -> None:
    _moving.acquire()  # a fork in the middle would leave the child the limit that is raised for a moment


def _after_in_parent() -> None:
    _moving.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_fork)
