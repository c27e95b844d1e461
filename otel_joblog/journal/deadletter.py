"""Dead letters: records that an exporter refuses for ever, kept with the reason so that they block nobody.

Each is a line of JSON in ``dead-letters.jsonl`` beside the journals: what it says for a person, and the record as the
journal had it, to be sent again. Whoever writes the file holds its lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from hashlib import blake2s
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..descriptors import opened, write_whole
from ..records import Process, Record, decode, encode
from . import locks

__all__ = ["DeadLetter", "SetAside", "dead_letters", "letters_file", "remove", "set_aside"]

PATIENCE = 5.0  # seconds that the lock of the file is waited for

_encoder = msgspec.json.Encoder(enc_hook=repr)


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that was refused."""

    time: float  # when, in seconds since the epoch
    exporter: str
    reason: str
    record: str  # its kind: Line, SpanEnded…
    fields: Any  # what it says
    data: bytes  # itself, as in the journal; in JSON as base64
    process: bytes | None  # who wrote it, likewise

    def contents(self) -> tuple[Record, Process | None]:
        """The record and its process. ValueError where this version does not understand them."""
        process = None if self.process is None else decode(self.process)
        return decode(self.data), process  # type: ignore[return-value]  # it was such when it was set aside


class SetAside(NamedTuple):
    """A line of the file."""

    mark: str  # names it
    letter: DeadLetter | None  # None where it cannot be read
    line: bytes


def letters_file(root: Path) -> Path:
    return root / "dead-letters.jsonl"


def set_aside(root: Path, sink: str, record: Record, process: Process | None, reason: Exception) -> None:
    """Append it, whole. OSError, and nothing of it is left, where the disk does not take that."""
    data, by = encode(record), None if process is None else encode(process)
    fields = msgspec.structs.asdict(record)
    letter = DeadLetter(time.time(), sink, str(reason), type(record).__name__, fields, data, by)
    _insist_on_a_file(letters_file(root))
    with _alone(root), opened(letters_file(root), os.O_RDWR | os.O_CREAT | os.O_APPEND) as descriptor:
        size = os.fstat(descriptor).st_size
        whole = not size or os.pread(descriptor, 1, size - 1) == b"\n"  # else somebody died as they wrote
        view = memoryview((b"" if whole else b"\n") + _as_json(letter) + b"\n")
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError:
            os.ftruncate(descriptor, size)
            raise


def dead_letters(root: Path) -> list[SetAside]:
    """All of them, oldest first. OSError where they cannot be read."""
    _insist_on_a_file(letters_file(root))
    try:
        lines = letters_file(root).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [SetAside(blake2s(line, digest_size=4).hexdigest(), _read(line), line) for line in lines if line]


def remove(root: Path, marks: set[str]) -> None:
    """Take these out, and leave what came meanwhile."""
    path = letters_file(root)
    with _alone(root):
        left = [kept.line + b"\n" for kept in dead_letters(root) if kept.mark not in marks]
        if not left:
            path.unlink(missing_ok=True)
            return
        making = path.with_name(f".{path.name}")
        try:
            write_whole(making, b"".join(left))
            making.replace(path)
        except OSError:
            making.unlink(missing_ok=True)
            raise


def _insist_on_a_file(path: Path) -> None:
    """A pipe in its place would keep its reader waiting, and what is written to it is gone."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is not a file", str(path))


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            lock = locks.acquire(root / "dead-letters.lock", exclusive=True)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    try:
        yield
    finally:
        locks.release(lock)


def _read(line: bytes) -> DeadLetter | None:
    try:
        return msgspec.json.decode(line, type=DeadLetter)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _as_json(letter: DeadLetter) -> bytes:
    try:
        return _encoder.encode(letter)
    except Exception:  # mappings with keys that JSON does not have
        return _encoder.encode(msgspec.structs.replace(letter, fields=repr(letter.fields)))
