"""From the command's pipes to where the wrapper prints: at once, or held back until it is known how it ends."""

from __future__ import annotations

import contextlib
import os
import select
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

__all__ = ["Held", "Passed", "Pipes", "complain"]

READ = 64 * 1024
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
            complain(f"otel_joblog: {name} cannot be written ({error.strerror}): the command goes on")


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


class Pipes:
    """The reading ends of those into which the command, and whatever it started, writes its stdout and stderr.

    What is read goes to our own, and is told to whoever records it. ``streams`` is which is which, by descriptor, as
    long as anybody may still write there.
    """

    def __init__(self, streams: dict[int, int], output: Passed, tell: Callable[[int, bytes], None]) -> None:
        self.streams = streams
        self._output = output
        self._tell = tell

    def move(self, descriptor: int) -> bool:
        """Read once. At the end, and where nobody takes the output any more, it is closed: whoever writes is to know.

        False then.
        """
        stream = self.streams[descriptor]
        data = os.read(descriptor, READ)
        taken = bool(data) and self._output.write(stream, data)
        if data:
            self._tell(stream, data)
        if not taken:
            os.close(descriptor)
            del self.streams[descriptor]
        return taken

    def close(self) -> None:
        for descriptor in self.streams:
            os.close(descriptor)
        self.streams.clear()


def complain(text: str) -> None:
    """What the wrapper itself has to say, on its stderr."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode("utf-8", "backslashreplace"))
