"""The wrapper's end of the scribe. Where no scribe can be had, or it is gone, the command goes on."""

from __future__ import annotations

import contextlib
import os
import select

from .messages import FACTS, send
from .output import complain
from .spawn import spawn_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Scribe"]

PIPE_BYTES = 1024 * 1024  # what the pipe takes without waiting, where the system allows it
READ = 64 * 1024
PATIENCE = 10.0  # seconds for which a scribe that takes nothing may hold up the command, as on a disk that hangs
SHIPPING = 15_000  # ms for which a scribe that must ship before we end may keep us, whatever it was told


class Scribe:
    """The process that writes down what the wrapper reads."""

    def __init__(self) -> None:
        self.complaints: int | None = None  # where what it warns of can be read
        self.pipe: int | None = None  # what it is told goes through this
        self._complained = False

    def start(self, facts: dict[str, Any]) -> None:
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            reading, writing, complaints, complaining = ends
            _enlarge(writing)
            os.set_blocking(writing, False)
            spawn_ours("otel_joblog.command.scribe", stdin=reading, stderr=complaining)
        except OSError as error:
            for end in ends:
                os.close(end)
            self.warn(f"the command is not recorded: {error}")
            return
        os.close(reading)
        os.close(complaining)
        self.pipe, self.complaints = writing, complaints
        self._send(FACTS, facts)

    def tell(self, stream: int, data: bytes) -> None:
        """The command wrote this. Waits while the scribe is behind, but not for one that has stopped."""
        self._send(stream, data)

    def end(self, facts: dict[str, Any]) -> None:
        """How the command has ended."""
        self._send(FACTS, facts)

    def leave(self, *, wait: bool) -> None:
        """We tell it no more. ``wait`` until it has shipped what it knows, or given up on it."""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None
        if self.complaints is not None:
            while select.select([self.complaints], [], [], SHIPPING / 1000 if wait else 0)[0]:
                if not self.pass_complaint():
                    break
            os.close(self.complaints)
            self.complaints = None

    def pass_complaint(self) -> bool:
        """Print what it says, if it is the first. False when it says no more: it has ended."""
        assert self.complaints is not None
        said = os.read(self.complaints, READ)
        if said:
            self.warn(said.decode("utf-8", "replace").splitlines()[0].removeprefix("otel_joblog: "))
        return bool(said)

    def warn(self, text: str) -> None:
        """At most once."""
        if not self._complained:
            self._complained = True
            complain(f"otel_joblog: {text}")

    def _send(self, kind: int, data: bytes | dict[str, Any]) -> None:
        if self.pipe is not None:
            try:
                send(self.pipe, kind, data, _patience())
            except OSError as error:  # it is gone, or as good as that
                os.close(self.pipe)
                self.pipe = None
                if isinstance(error, TimeoutError):
                    self.warn(f"the command is no longer recorded: nothing could be written for {PATIENCE:.0f} s")


def _patience() -> float | None:
    """None where lines are to wait for room in the journal, whatever it takes (``OTEL_JOBLOG_ON_FULL``)."""
    return None if os.environ.get("OTEL_JOBLOG_ON_FULL", "").strip().lower() == "block" else PATIENCE


def _enlarge(pipe: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
