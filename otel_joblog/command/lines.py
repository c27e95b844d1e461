"""Bytes into lines, many at a time."""

from __future__ import annotations

__all__ = ["LONGEST", "LineCutter"]

LONGEST = 64 * 1024 * 1024  # bytes of a line that are held; what is longer goes on in a line of its own


class LineCutter:
    """Cuts what is written into lines; of a line redrawn with carriage returns, what stands there at its end.

    Nothing is copied more than twice, however long a line is and in however many pieces it comes.
    """

    __slots__ = ("_held", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the line that is not finished
        self._held = 0  # bytes of them

    def feed(self, data: bytes) -> bytes | None:
        """Every line that is whole now, with newlines between them; None where none is."""
        end = data.rfind(b"\n")
        if end < 0:
            self._hold(data)
            return self.finish() if self._held > LONGEST else None
        if self._pieces:
            whole = b"".join([*self._pieces, memoryview(data)[:end]])
            self._pieces.clear()
            self._held = 0
        else:
            whole = data[:end]
        self._hold(data[end + 1 :])
        return b"\n".join(map(shown, whole.split(b"\n"))) if b"\r" in whole else whole

    def finish(self) -> bytes | None:
        """What there is of an unfinished line."""
        if not self._pieces:
            return None
        line = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return shown(line)

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        visible = piece.rstrip(b"\r")
        if not visible:
            self._pieces.append(b"\r")  # the line stands until something is written over it
            self._held += 1
            return
        if b"\r" in visible or (self._pieces and self._pieces[-1].endswith(b"\r")):
            # The line begins anew: 200,000 redraws of a progress bar keep one line's memory.
            self._pieces.clear()
            self._held = 0
            piece = piece[visible.rfind(b"\r") + 1 :]
        self._pieces.append(piece)
        self._held += len(piece)


def shown(line: bytes) -> bytes:
    return line.rstrip(b"\r").rpartition(b"\r")[2] if b"\r" in line else line
