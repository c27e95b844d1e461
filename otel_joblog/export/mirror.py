"""The bounded mirror: which of a span's log lines go out as span events.

Trace viewers draw every event of a span and freeze on thousands, so a span carries its first and its last lines and, up
to the limit, all warnings and errors. The rest is in the store; the span says how many it leaves out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..conventions import Attribute, Severity, Stream
from ..records import Line

__all__ = ["Mirror", "event_attributes"]

RESERVED = 8  # places left for the exception and for events that user code adds
_LEVELS = frozenset(map(int, Severity))
MESSAGE_LIMIT = 8_192  # characters of a message that an event carries; the store has all of it


class Mirror:
    """Collects the lines of one span; bounded whatever their number."""

    __slots__ = ("_state",)

    class State(msgspec.Struct, array_like=True):
        room: int
        total: int = 0
        first: list[Line] = []
        important: list[Line] = []
        last: list[Line] = []

    def __init__(self, event_limit: int) -> None:
        self._state = self.State(max(4, event_limit - RESERVED))

    @classmethod
    def of(cls, state: State) -> Mirror:
        """The mirror whose :meth:`state` this was."""
        mirror = object.__new__(cls)
        mirror._state = state
        return mirror

    def state(self) -> State:
        return self._state

    def copy(self) -> Mirror:
        state = self._state
        return self.of(self.State(state.room, state.total, [*state.first], [*state.important], [*state.last]))

    def add(self, line: Line) -> None:
        state = self._state
        state.total += 1
        if len(line.message) > MESSAGE_LIMIT:
            note = f"… ({len(line.message):,} characters, all of them in the store)"
            line = msgspec.structs.replace(line, message=line.message[:MESSAGE_LIMIT] + note)
        quarter = state.room // 4
        if len(state.first) < quarter:
            state.first.append(line)
        elif line.severity >= Severity.WARN and len(state.important) < quarter:
            state.important.append(line)
        else:
            state.last.append(line)
            if len(state.last) > state.room - 2 * quarter:
                del state.last[0]

    def leave_out(self, lines: int) -> None:
        """So many lines more, which were given up before they came here."""
        self._state.total += lines

    def lines(self) -> list[Line]:
        """The lines kept, in the order of their time."""
        state = self._state
        return sorted([*state.first, *state.important, *state.last], key=lambda line: (line.time, line.seq))

    @property
    def left_out(self) -> int:
        state = self._state
        return state.total - len(state.first) - len(state.important) - len(state.last)


def event_attributes(line: Line) -> dict[str, Any]:
    """A log line as the attributes of a span event named ``log``."""
    attributes: dict[str, Any] = {
        Attribute.LOG_SEVERITY: Severity.label(line.severity),
        Attribute.LOG_MESSAGE: line.message,
        Attribute.SEQ: line.seq,
    }
    if line.severity not in _LEVELS:
        attributes[Attribute.LOG_SEVERITY_NUMBER] = line.severity
    if line.stream:
        attributes[Attribute.LOG_IOSTREAM] = Stream(line.stream).name.lower()
    elif line.logger:
        attributes[Attribute.LOG_LOGGER] = line.logger
    for key, value in (line.attributes or {}).items():
        attributes.setdefault(key, value if isinstance(value, str | bool | int | float) else str(value))
    return attributes
