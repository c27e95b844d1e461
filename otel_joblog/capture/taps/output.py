"""What a run prints: what stands in for a stream finds the run by context, and cuts what is written into lines.

The stand-in passes everything through first, unchanged, to where it went before. Runs in other threads and tasks have
another context, so their output never mixes; what is printed outside of a run is not looked at.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self, SupportsIndex

from opentelemetry.context import Context, attach

from ...conventions import CONTEXT_KEY, Severity, Stream
from ...diagnostics import report
from ...interruption import foreign, forget_frames, insist
from ..context import get_current
from ..frames import forget_frame
from ..late import said_in, taker
from .logs import emit_line, printing, printing_a_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..going import Going, Unfinished

__all__ = ["LoggerTap", "Splitter", "StreamTap", "Tap"]

INFO = int(Severity.INFO)  # of both streams: progress bars and chatter go to stderr, too


class Splitter:
    """Cuts what is written into lines; of a line redrawn with carriage returns, what stands there at its end."""

    __slots__ = ("_active", "_attributes", "_pieces", "_stream", "taken")

    def __init__(self, active: Going, stream: int, attributes: dict[str, Any] | None = None) -> None:
        self._active = active
        self._stream = stream
        self._attributes = attributes  # of each line
        self._pieces: list[str] = []
        self.taken = 0  # lines so far

    def feed(self, text: str) -> None:
        if "\n" not in text:
            self._add(text)
            return
        head, _, rest = text.partition("\n")
        self._add(head)
        self._emit_pieces()
        if rest:
            *lines, tail = rest.split("\n")
            for line in lines:
                for seq in self._active.run.line_numbers:  # noqa: B007
                    break
                self.taken += 1
                self._emit(seq, line)
            self._add(tail)

    def finish(self) -> None:
        """Emit what there is of an unfinished line."""
        if self._pieces:
            self._emit_pieces()

    def miss(self, text: str, taken: int) -> None:
        """Count what is missing of a text whose feeding was interrupted, when so many lines had been taken before."""
        *lines, tail = text.split("\n")
        missing = len(lines) - (self.taken - taken)
        if missing > 0:
            self._pieces = []
        if tail and not (self._pieces and tail.endswith(self._pieces[-1])):
            missing += 1
        for _ in range(missing):
            next(self._active.run.line_numbers)

    def _emit_pieces(self) -> None:
        # Numbered first, by ``for``, as log lines are: it is emitted, or missing, from then on.
        for seq in self._active.run.line_numbers:  # noqa: B007
            break
        self.taken += 1
        pieces, self._pieces = self._pieces, []
        self._emit(seq, "".join(pieces))

    def _add(self, piece: str) -> None:
        if not piece:
            return
        if "\r" not in piece and not (self._pieces and self._pieces[-1][-1] == "\r"):
            self._pieces.append(piece)
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

    def _emit(self, seq: int, line: str) -> None:
        if "\r" in line:
            line = line.rstrip("\r").rpartition("\r")[2]
        emit_line(self._active, seq, time.time_ns(), INFO, self._stream, "", line, self._attributes)


class Tap:
    """What stands in for a stream; everything but writing goes to the stream itself."""

    __slots__ = ()

    _stream: int
    _target: Any

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
            if foreign(error) and not printing_a_record():
                self._miss(text)
            forget_frame(error)
            raise
        try:
            active: Any = get_current().get(CONTEXT_KEY)
            if active is not None and not printing_a_record():
                self._taken(active, text)
            return written
        except BaseException as error:  # from elsewhere
            forget_frames(error)
            raise

    def writelines(self, lines: Iterable[str]) -> None:
        try:
            for line in lines:
                self.write(line)
        except BaseException as error:
            forget_frame(error)
            raise

    def _taken(self, active: Going, text: str) -> None:
        if active.recording:
            if active.run.capture_output:
                self._take(active, text)
        elif (found := taker(active)) and _keeps_output(found):
            self._take(found, text, active)

    def _miss(self, text: str) -> None:
        """Count what came with an exception from elsewhere: how much of it was written nobody knows."""
        innermost: Any = get_current().get(CONTEXT_KEY)
        found = taker(innermost)
        if found is not None and _keeps_output(found):
            Splitter(found, self._stream).miss(text, 0)

    def _take(self, active: Going, text: str, ended: Going | None = None) -> None:
        """``ended`` is what it was printed in, where that is over."""
        taken = 0
        splitter: Unfinished | None = None
        try:
            # By thread, too: print() writes a text and its newline apart, so two threads would tear their lines.
            key = (self._stream, threading.get_ident(), b"" if ended is None else ended.span_id)
            splitter = active.outputs.get(key)
            if splitter is None:
                splitter = active.outputs[key] = Splitter(active, self._stream, said_in(ended, active) or None)
            taken = splitter.taken
            splitter.feed(text)
        except BaseException as error:
            (splitter or Splitter(active, self._stream)).miss(text, taken)
            if foreign(error):
                raise
            report("output", "output could not be recorded: %r", error)

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self._target, name)
        except BaseException as error:
            forget_frame(error)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._target, name)

    def __iter__(self) -> Any:
        return iter(self._target)

    def __enter__(self) -> Self:
        self._target.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        self._target.__exit__(*args)

    def __eq__(self, other: object) -> bool:
        theirs: Any = other
        return bool(self._target == (theirs._target if issubclass(type(other), Tap) else other))

    def __hash__(self) -> int:
        return hash(self._target)

    def __repr__(self) -> str:
        return repr(self._target)

    def __dir__(self) -> Iterable[str]:
        return dir(self._target)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        reduced: str | tuple[Any, ...] = self._target.__reduce_ex__(protocol)
        return reduced


class StreamTap(Tap):
    """Stands in for a stream of any kind that can write."""

    __slots__ = ("__weakref__", "_stream", "_target")

    def write(self, text: str) -> int:
        before = printing_a_record()
        printing.now = True  # it may be wrapped around a stand-in that an earlier run has put there
        try:
            written: int = self._target.write(text)
        except BaseException as error:
            if foreign(error) and not before:
                self._miss(text)
            forget_frame(error)
            raise
        finally:
            printing.now = before
        try:
            active: Any = get_current().get(CONTEXT_KEY)
            if active is not None and not before:
                self._taken(active, text)
            return written
        except BaseException as error:  # from elsewhere
            forget_frames(error)
            raise


def _keeps_output(active: Going) -> bool:
    run = active.run
    return run.capture_output or (not run.recording and run.descriptors is not None)  # the descriptors are put back


class LoggerTap(Tap):
    """Stands in for a stream that writes to a logger, as Celery's does: its record is not taken for another line."""

    __slots__ = ("__weakref__", "_stream", "_target")

    def write(self, text: str) -> int:
        outer = get_current()
        active: Any = outer.get(CONTEXT_KEY)
        try:
            if active is not None:
                attach(Context({key: value for key, value in outer.items() if key != CONTEXT_KEY}))
            written: int = self._target.write(text)
        except BaseException as error:
            if active is not None:
                insist(attach, outer)
                if foreign(error):
                    self._miss(text)
            forget_frame(error)
            raise
        try:
            if active is not None:
                insist(attach, outer)
                self._taken(active, text)
            return written
        except BaseException as error:  # from elsewhere
            forget_frames(error)
            raise
