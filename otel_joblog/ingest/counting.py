"""How much a request of OTLP holds: too much is refused before it is taken apart, as two bytes can be a whole span.

Traces and logs have one shape: resources, scopes in these, spans or log records in those; and spans have events and
links. Of protobuf only these levels of the wire are walked (https://protobuf.dev/programming-guides/encoding); JSON is
counted when it is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ImportRefused
from .answers import Refusal, Signal

__all__ = ["check_json", "check_protobuf"]

EVENTS = 4  # events and links that a request may hold for each span that it may hold

_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)


def check_protobuf(signal: Signal, body: bytes, most: int) -> None:
    """Raises :class:`Refusal` (413) beyond ``most`` spans or log records, as many resources or scopes, or four times as
    many events and links; :class:`ImportRefused` where the way to them leads through what is no protobuf.
    """
    if len(body) <= 2 * most:  # of the least that a message takes
        return
    levels = _levels(signal, most)
    if signal == "traces" and levels[-1].few(body):
        levels.pop()
    try:
        _walk(body, 0, len(body), levels)
    except IndexError:
        raise ImportRefused("the body is not an OTLP request: its fields do not fit into one another") from None


def check_json(signal: Signal, request: Any, most: int) -> None:
    """The same of a request that was parsed."""
    holders = [request]
    for level in _levels(signal, most):
        found = [inside for one in holders for name in level.names if (inside := getattr(one, name))]
        level.add(sum(map(len, found)))
        holders = [one for inside in found for one in inside]


@dataclass(slots=True)
class _Level:
    """The messages that lie so deep."""

    fields: Sequence[int]  # of protobuf
    names: Sequence[str]  # in JSON
    word: str
    most: int
    seen: int = 0

    def add(self, number: int) -> None:
        self.seen += number
        if self.seen > self.most:
            raise Refusal(
                413,
                f"more than {self.most:,} {self.word} in one request: send fewer at once (a collector:"
                " sending_queue.batch.max_size), or raise OTEL_JOBLOG_INGEST_MAX_ITEMS",
            )

    def few(self, body: bytes) -> bool:
        """Whether that is sure at a glance: each begins with its field's number and kind, padded or not."""
        if len(body) <= 2 * self.most:
            return True
        tags = [field << 3 | _BYTES for field in self.fields]
        return sum(body.count(tag) + body.count(tag | 0x80) for tag in tags) <= self.most


def _levels(signal: Signal, most: int) -> list[_Level]:
    if signal == "logs":
        return [
            _Level((1,), ("resource_logs",), "resources", most),
            _Level((2,), ("scope_logs",), "scopes", most),
            _Level((2,), ("log_records",), "log records", most),
        ]
    return [
        _Level((1,), ("resource_spans",), "resources", most),
        _Level((2,), ("scope_spans",), "scopes", most),
        _Level((2,), ("spans",), "spans", most),
        _Level((11, 13), ("events", "links"), "events and links", most * EVENTS),
    ]


def _walk(body: bytes, start: int, end: int, levels: list[_Level]) -> None:
    level, *below = levels
    for inner_start, inner_end in _inside(body, start, end, level.fields):
        level.add(1)
        if below:
            _walk(body, inner_start, inner_end, below)


def _inside(body: bytes, start: int, end: int, wanted: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where the messages in these fields of a message begin and end."""
    at = start
    groups: list[int] = []  # that are open; nobody sends any, but parsers pass over them
    while at < end:
        tag = body[at]
        at += 1
        if tag >= 0x80:
            tag, at = _varint(body, at - 1)
        field, kind = tag >> 3, tag & 7
        if kind == _BYTES:
            size, at = _varint(body, at)
            if at + size <= end and field in wanted and not groups:
                yield at, at + size
            at += size
        elif kind == _VARINT:
            _, at = _varint(body, at)
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        elif kind == _GROUP:
            groups.append(field)
        elif kind != _GROUP_END or not groups or groups.pop() != field:
            raise IndexError
    if at != end or groups:
        raise IndexError


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """The number there, and where it ends."""
    value = body[at]
    at += 1
    if value < 0x80:
        return value, at
    value &= 0x7F
    for shift in range(7, 70, 7):
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError
