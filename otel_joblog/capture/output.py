"""What a run prints: ``sys.stdout`` and ``sys.stderr`` stand-ins that find the run by context.

The stand-in passes everything through first, unchanged, to where it went before. Runs in other threads and tasks have
another context, so their output never mixes; what is printed outside of a run is not looked at.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from opentelemetry.context import Context, attach

from ..conventions import CONTEXT_KEY, Severity, Stream
from ..diagnostics import report
from .context import get_current
from .decorate import forget_frame
from .late import going_on, said_in
from .logs import emit_line, printing_a_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .active import Active

__all__ = ["Splitter", "install", "uninstall"]

INFO = int(Severity.INFO)  # of both streams: progress bars and chatter go to stderr, too


class Splitter:
    """Cuts what is written into lines; of a line redrawn with carriage returns, what stands there at its end."""

    __slots__ = ("_active", "_attributes", "_pieces", "_stream")

    def __init__(self, active: Active, stream: int, attributes: dict[str, Any] | None = None) -> None:
        self._active = active
        self._stream = stream
        self._attributes = attributes  # of each line
        self._pieces: list[str] = []

    def feed(self, text: str) -> None:
        head, newline, rest = text.partition("\n")
        self._add(head)
        if not newline:
            return
        self.finish(always=True)
        *lines, tail = rest.split("\n")
        for line in lines:
            self._emit(line)
        self._add(tail)

    def finish(self, *, always: bool = False) -> None:
        """Emit what there is of an unfinished line."""
        pieces, self._pieces = self._pieces, []
        if pieces or always:
            self._emit("".join(pieces))

    def _add(self, piece: str) -> None:
        if not piece:
            return
        shown = piece.rstrip("\r")
        if not shown:
            self._pieces.append("\r")  # the line stands until something is written over it
            return
        if "\r" in shown or (self._pieces and self._pieces[-1].endswith("\r")):
            # The line begins anew: 200,000 redraws of a progress bar keep one line's memory.
            self._pieces.clear()
            piece = piece[shown.rfind("\r") + 1 :]
        self._pieces.append(piece)

    def _emit(self, line: str) -> None:
        active = self._active
        seq = next(active.run.line_numbers)
        if "\r" in line:
            line = line.rstrip("\r").rpartition("\r")[2]
        emit_line(active, seq, time.time_ns(), INFO, self._stream, "", line, self._attributes)


class StreamTap:
    """Stands in for a text stream; everything but writing goes to the stream itself."""

    __slots__ = ("_stream", "_target")

    def __init__(self, target: Any, stream: Stream) -> None:
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_stream", int(stream))

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Of the same kind as the stream to ``isinstance``."""
        return type(self._target)

    def write(self, text: str) -> int:
        try:
            written: int = self._target.write(text)
        except BaseException as error:
            forget_frame(error)
            raise
        active: Any = get_current().get(CONTEXT_KEY)
        if active is not None and not printing_a_record():
            self._taken(active, text)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def _taken(self, active: Active, text: str) -> None:
        if active.recording:
            if active.run.capture_output:
                self._take(active, text)
        elif (taker := going_on(active)) and taker.run.capture_output:
            self._take(taker, text, active)

    def _take(self, active: Active, text: str, ended: Active | None = None) -> None:
        """``ended`` is what it was printed in, where something else takes it."""
        try:
            # By thread, too: print() writes a text and its newline apart, so two threads would tear their lines.
            key = (self._stream, threading.get_ident(), b"" if ended is None else ended.span_id)
            splitter = active.outputs.get(key)
            if splitter is None:
                attributes = None if ended is None else said_in(ended)
                splitter = active.outputs[key] = Splitter(active, self._stream, attributes)
            splitter.feed(text)
        except Exception as error:
            report("output", "output could not be recorded: %r", error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._target, name)

    def __iter__(self) -> Any:
        return iter(self._target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._target.__exit__(*args)


class LoggerTap(StreamTap):
    """Stands in for a stream that writes to a logger, as Celery's does: its record is not taken for another line."""

    __slots__ = ()

    def write(self, text: str) -> int:
        outer = get_current()
        active: Any = outer.get(CONTEXT_KEY)
        if active is None:
            return super().write(text)
        attach(Context({key: value for key, value in outer.items() if key != CONTEXT_KEY}))
        try:
            written = super().write(text)
        finally:
            attach(outer)
        self._taken(active, text)
        return written


def install() -> None:
    """Put the stand-ins before ``sys.stdout`` and ``sys.stderr``, unless they are there."""
    for name, stream in (("stdout", Stream.STDOUT), ("stderr", Stream.STDERR)):
        target = getattr(sys, name, None)
        if target is not None and not issubclass(type(target), StreamTap):
            kind = LoggerTap if isinstance(getattr(target, "logger", None), logging.Logger) else StreamTap
            setattr(sys, name, kind(target, stream))


def uninstall() -> None:
    """Take them away, unless somebody else has put something before them meanwhile."""
    for name in ("stdout", "stderr"):
        tap = getattr(sys, name, None)
        if tap is not None and issubclass(type(tap), StreamTap):
            setattr(sys, name, tap._target)
