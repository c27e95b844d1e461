"""What stands for ``sys.stdout`` and ``sys.stderr`` while a run goes on, and can do what they can.

What stands for a text stream of Python's own is one, too, so that C functions take it, as in
``io.TextIOWrapper.write(sys.stdout, "x")``. It has no text, buffer or encoding of its own: whatever is asked of it, the
stream in whose place it is answers.
"""

from __future__ import annotations

import io
import logging
import sys
import weakref
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ...conventions import Stream
from ...interruption import at_once
from ..frames import forget_frame
from .output import LoggerTap, StreamTap, Tap

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

__all__ = ["install", "uninstall"]

# While file descriptors are captured (.descriptors): has them where they were before, for as long as its block runs.
aside: Callable[[], AbstractContextManager[None]] | None = None


class _Relay:
    """The buffer that a stand-in is made with: what a C function writes there goes the way of its ``write``."""

    __slots__ = ("_tap",)

    read1 = None  # asked for when it is made, and dear to look for

    def __init__(self, tap: TextTap) -> None:
        self._tap = weakref.ref(tap)  # a cycle would keep the stream open until the next garbage collection

    def write(self, data: bytes) -> int:
        tap: Any = self._tap()
        tap.write(str(data, "utf-8", "surrogatepass"))
        return len(data)

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        tap: Any = self._tap()
        return getattr(tap._target, name)


class TextTap(Tap, io.TextIOWrapper):  # type: ignore[misc]
    """Stands in for an ``io.TextIOWrapper``."""

    __slots__ = ("_stream", "_target")

    __dict__ = property(attrgetter("_target.__dict__"))

    def __init__(self, target: Any, stream: Stream) -> None:
        Tap.__init__(self, target, stream)
        # All at once and as it is: its own encoding is nobody's but the relay's.
        io.TextIOWrapper.__init__(
            self, _Relay(self), encoding="utf-8", errors="surrogatepass", newline="\n", write_through=True
        )

    def __next__(self) -> Any:
        try:
            return next(self._target)
        except BaseException as error:
            forget_frame(error)
            raise

    @at_once
    def __del__(self) -> None:
        """Close nothing: a file is closed when it is itself collected."""


def _asks_the_file(name: str) -> Any:
    """Where the stream is in its file cannot be asked through a pipe, and a new encoding asks it, too."""

    def method(self: TextTap, *args: Any, **kwargs: Any) -> Any:
        function = getattr(self._target, name)
        try:
            if aside is None or not self._target.seekable():
                return function(*args, **kwargs)
            with aside():
                return function(*args, **kwargs)
        except BaseException as error:
            forget_frame(error)
            raise

    method.__name__ = name
    return method


for _name in ("reconfigure", "seek", "tell", "truncate"):
    setattr(TextTap, _name, _asks_the_file(_name))
for _name in dir(io.TextIOWrapper):
    if not _name.startswith("__") and _name not in vars(Tap) and _name not in vars(TextTap):
        setattr(TextTap, _name, property(attrgetter(f"_target.{_name}")))

_kept: dict[Stream, TextTap] = {}  # of Python's own streams, which live as long


def _stand_in(target: Any, stream: Stream) -> Tap:
    if isinstance(getattr(target, "logger", None), logging.Logger):
        return LoggerTap(target, stream)
    if not issubclass(type(target), io.TextIOWrapper):
        return StreamTap(target, stream)
    kept = _kept.get(stream)
    if kept is not None and kept._target is target:
        return kept
    tap = TextTap(target, stream)
    if target is sys.__stdout__ or target is sys.__stderr__:
        _kept[stream] = tap
    return tap


def install() -> None:
    """Put the stand-ins before ``sys.stdout`` and ``sys.stderr``, unless they are there."""
    for name, stream in (("stdout", Stream.STDOUT), ("stderr", Stream.STDERR)):
        target = getattr(sys, name, None)
        if target is not None and not issubclass(type(target), Tap):
            setattr(sys, name, _stand_in(target, stream))


def uninstall() -> None:
    """Take them away, unless somebody else has put something before them meanwhile."""
    for name in ("stdout", "stderr"):
        tap: Any = getattr(sys, name, None)
        if tap is not None and issubclass(type(tap), Tap):
            setattr(sys, name, tap._target)
