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
    from typing import Any, BinaryIO

__all__ = ["FACTS", "Message", "messages", "send"]

FACTS = 0  # other kinds are those of conventions.Stream
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


def messages(file: BinaryIO) -> Iterator[Message]:
    """Every message to the end; one that is not whole is left out."""
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        kind, size, at = _HEADER.unpack(header)
        data = file.read(size)
        if len(data) < size:
            return
        yield Message(kind, at, data)
