"""What goes on, as those below see it who take its lines and tell its facts: :class:`~.active.Active`, by a few names.

For the type checker: nothing imports this while it runs. A name is added here when a tap or a fact needs one more.
"""

from __future__ import annotations

import itertools
from typing import Protocol

from ..conventions import SpanKind
from ..export.mirror import Mirror
from ..records import SpanStarted

__all__ = ["Begun", "Capture", "Going", "GoingRun", "KnownRun", "Unfinished"]


class Going(Protocol):
    """A run or step."""

    @property
    def kind(self) -> SpanKind: ...
    @property
    def name(self) -> str: ...
    @property
    def run(self) -> GoingRun: ...
    @property
    def parent(self) -> Going | None: ...
    @property
    def trace_id(self) -> bytes: ...
    @property
    def span_id(self) -> bytes: ...
    @property
    def entered(self) -> bool: ...
    @property
    def recording(self) -> bool: ...
    @property
    def hidden(self) -> bool: ...
    @property
    def mirror(self) -> Mirror | None: ...
    @property
    def outputs(self) -> dict[tuple[int, int, bytes], Unfinished]: ...
    def started(self) -> SpanStarted: ...


class GoingRun(Going, Protocol):
    """A run."""

    capture_output: bool
    descriptors: Capture | None
    failed_inside: tuple[str, ...]

    @property
    def run_id(self) -> str: ...
    @property
    def parent_run(self) -> KnownRun | None: ...
    @property
    def line_numbers(self) -> itertools.count[int]: ...
    @property
    def left_at(self) -> float | None: ...
    @property
    def sampled(self) -> bool: ...


class KnownRun(Protocol):
    """A run of this process or of another."""

    @property
    def run_id(self) -> str: ...
    @property
    def span_id(self) -> bytes: ...


class Begun(Going, Protocol):
    """A run or step as the definition sees it that began it."""

    @property
    def definition(self) -> object: ...
    @property
    def parent(self) -> Begun | None: ...
    def finish(self, error: BaseException | None) -> bool: ...


class Unfinished(Protocol):
    """Output of a run or step whose line may be unfinished: :class:`~.taps.output.Splitter`."""

    @property
    def taken(self) -> int: ...
    def feed(self, text: str) -> None: ...
    def finish(self) -> None: ...
    def miss(self, text: str, taken: int) -> None: ...


class Capture(Protocol):
    """The capture of the file descriptors: :class:`~.taps.descriptors.Descriptors`."""

    @property
    def owner(self) -> Going: ...
    @property
    def target(self) -> Going: ...
    def turn_to(self, target: Going) -> None: ...
    def end(self) -> None: ...
