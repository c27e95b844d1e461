"""Where the wrapper writes what the command prints: through at once, or held back until it is known how it ends."""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Iterator

from .complaints import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

__all__ = ["Held", "Passed"]

IN_MEMORY = 1024 * 1024  # bytes held back there; what is more goes to a file without a name
_HEADER = struct.Struct("<BI")


class Passed:
    """Passed through at once."""

    def __init__(self) -> None:
        self._refused: set[int] = set()  # streams that were said to take nothing

    def write(self, stream: int, data: bytes) -> bool:
        """Write all of it to descriptor ``stream``, 1 or 2. False where nobody reads that any more."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(stream, rest) :]
            except BlockingIOError:  # somebody who shares it has made it so
                select.select([], [stream], [])
            except (BrokenPipeError, ConnectionResetError):
                return False
            except OSError as error:  # a full disk, a terminal that is gone: the next may be taken
                self._refuse(stream, error)
                break
        return True

    def finish(self, *, failed: bool) -> None:
        """The command has ended. What comes now is of others that it started."""

    def _refuse(self, stream: int, error: OSError) -> None:
        if stream not in self._refused:
            self._refused.add(stream)
            name = ("stdin", "stdout", "stderr")[stream]
            complain(f"otel_joblog: {name} cannot be written ({error.strerror}): the command goes on without")


class Held(Passed):
    """Printed in the end, in the order in which it came, if the command failed."""

    def __init__(self) -> None:
        super().__init__()
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._in_file = 0  # bytes that are there for certain
        self._passing = False  # no disk takes it: then it is printed after all
        self._succeeded = False

    def write(self, stream: int, data: bytes) -> bool:
        if self._succeeded:
            return True
        if not self._passing:
            self._memory += _HEADER.pack(stream, len(data)) + data
            if len(self._memory) <= IN_MEMORY or self._write_out():
                return True
            self._passing = True
            return self._print()
        return super().write(stream, data)

    def finish(self, *, failed: bool) -> None:
        if not failed:
            self._succeeded = not self._passing
        elif not self._passing:
            self._passing = True
            self._print()

    def _write_out(self) -> bool:
        try:
            if self._file is None:
                from tempfile import TemporaryFile

                self._file = TemporaryFile(buffering=0)  # noqa: SIM115  (it ends with us)
            if self._file.write(self._memory) != len(self._memory):
                return False
        except OSError:
            return False
        self._in_file += len(self._memory)
        self._memory.clear()
        return True

    def _print(self) -> bool:
        good = True
        for stream, data in self._kept():
            good = super().write(stream, data) and good
        self._memory.clear()
        return good

    def _kept(self) -> Iterator[tuple[int, bytes]]:
        if self._file is not None:
            self._file.seek(0)
            while self._file.tell() < self._in_file:
                stream, size = _HEADER.unpack(self._file.read(_HEADER.size))
                yield stream, self._file.read(size)
        at = 0
        while at < len(self._memory):
            stream, size = _HEADER.unpack_from(self._memory, at)
            at += _HEADER.size
            yield stream, bytes(self._memory[at : at + size])
            at += size
