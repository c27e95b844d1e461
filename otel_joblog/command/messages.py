"""What the wrapper tells the scribe through their pipe: what it read, as it read it, and how the run begins and ends.

``kind (1 byte) · size (4) · time (8, ns since the epoch)``, then so many bytes. Facts go through ``marshal``: both ends
are the same Python, and it needs no import.
"""

from __future__ import annotations

import marshal
import os
import select
import struct
import time
from collections.abc import Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import FileIO
    from typing import Any

__all__ = ["FACTS", "Message", "messages", "send"]

FACTS = 0  # other kinds are those of conventions.Stream
BUFFER = 256 * 1024  # bytes read at once
TOGETHER = 1_000_000  # ns: what was read later than that is a message of its own
ENOUGH = 64 * 1024  # bytes of one message that was put together
_HEADER = struct.Struct("<BIQ")


class Message:
    __slots__ = ("data", "kind", "time")

    def __init__(self, kind: int, time: int, data: bytes) -> None:
        self.kind = kind
        self.time = time
        self.data = data

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = marshal.loads(self.data)  # noqa: S302  (from our own parent process)
        return found


def send(descriptor: int, kind: int, data: bytes | dict[str, Any], patience: float | None) -> None:
    """Write a whole message to a pipe that does not block, waiting while it is full.

    Raises BrokenPipeError where nobody reads any more, TimeoutError where nobody has for ``patience`` seconds (None is
    for ever).
    """
    said = marshal.dumps(data) if isinstance(data, dict) else data
    rest = memoryview(_HEADER.pack(kind, len(said), time.time_ns()) + said)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            if not select.select([], [descriptor], [], patience)[1]:
                raise TimeoutError from None


def messages(file: FileIO) -> Iterator[Message]:
    """Every message to the end; one that is not whole is left out.

    What a stream has said several times within a millisecond comes as one, where it has waited to be read: whoever is
    behind has less to do.
    """
    told = _Told(file)
    while told.holds(_HEADER.size, wait=True):
        kind, size, at = told.header()
        if not told.holds(_HEADER.size + size, wait=True):
            return
        pieces = [told.take(size)]
        left = ENOUGH - size
        while kind != FACTS and left > 0 and told.holds(_HEADER.size):
            same, size, later = told.header()
            if same != kind or size > left or later - at > TOGETHER or not told.holds(_HEADER.size + size):
                break
            pieces.append(told.take(size))
            left -= size
        yield Message(kind, at, b"".join(pieces))


class _Told:
    """What has come through the pipe and was not taken yet; more is read into its place, not beside it."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._buffer = bytearray(BUFFER)
        self._begin = self._end = 0

    def holds(self, size: int, *, wait: bool = False) -> bool:
        """Whether there are so many bytes; with ``wait`` False only at the pipe's end."""
        if wait and self._begin + size > len(self._buffer):
            rest = self._buffer[self._begin : self._end]
            self._buffer[: len(rest)] = rest
            self._begin, self._end = 0, len(rest)
            self._buffer.extend(bytes(max(0, size - len(self._buffer))))
        while wait and self._end - self._begin < size:
            got = self._file.readinto(memoryview(self._buffer)[self._end :])
            if not got:
                return False
            self._end += got
        return self._end - self._begin >= size

    def header(self) -> tuple[int, int, int]:
        kind, size, at = _HEADER.unpack_from(self._buffer, self._begin)
        return kind, size, at

    def take(self, size: int) -> bytes:
        """The bytes behind the header."""
        begin = self._begin + _HEADER.size
        self._begin = begin + size
        return bytes(memoryview(self._buffer)[begin : self._begin])
