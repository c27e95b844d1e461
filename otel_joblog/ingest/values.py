"""Attributes and other values of OTLP as plain Python, within bounds.

A value is kept whole up to a bound; what goes beyond it says so in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from ..conventions import Attribute
from ..store.encoding import json_bytes

__all__ = ["Form", "Values", "in_words"]

DEEPEST = 8  # of lists and mappings inside of each other
LONGEST = 64 * 1024  # characters of a text, bytes of binary data
MOST = 1_000  # attributes of one holder, items of a list or mapping
LEFT_OUT = "joblog.attributes_left_out"

_KINDS = ("bool_value", "int_value", "double_value", "array_value", "kvlist_value", "bytes_value", "string_value")


class Form(Protocol):
    """How a form of OTLP has an ``AnyValue``: which of its fields is set."""

    def __call__(self, value: Any, /) -> str | None: ...


class Values:
    """Reads values of one form. ``which`` tells the field of an ``AnyValue`` that is set, or None."""

    def __init__(self, which: Form) -> None:
        self._which = which

    def attributes(self, pairs: Iterable[Any]) -> dict[str, Any]:
        """Key-value pairs as a dict: of a key that is there twice, the last value, as OTLP has it."""
        found: dict[str, Any] = {}
        for pair in pairs:
            value = pair.value
            if value is None:
                continue
            # What most are, told without asking which it is: that takes longer than all the rest.
            if text := value.string_value:
                if len(text) > LONGEST and pair.key != Attribute.LOG_MESSAGE:  # no line is cut short
                    text = _text(text)
                found[pair.key] = text
            elif number := value.int_value:
                found[pair.key] = number
            elif (plain := self._plain(value, DEEPEST)) is not None:
                found[pair.key] = plain
        return found if len(found) <= MOST else _bounded(found)

    def plain(self, value: Any) -> Any:
        """An ``AnyValue``: a text of any length, because it may be a line, or anything else within the bounds."""
        if value is None:
            return None
        return value.string_value or self._plain(value, DEEPEST)

    def _plain(self, value: Any, depth: int) -> Any:
        kind = self._which(value)
        if kind is None:
            return None
        if kind == "string_value":
            return _text(value.string_value)
        if kind == "bytes_value":
            return _binary(value.bytes_value)
        if kind not in {"array_value", "kvlist_value"}:
            return getattr(value, kind, None)  # not a kind that this version knows: nothing
        if not depth:
            return "… (nested deeper than is kept)"
        items = getattr(value, kind).values or ()
        if kind == "array_value":
            listed = [None if item is None else self._plain(item, depth - 1) for item in items[:MOST]]
            return listed if len(items) <= MOST else [*listed, f"… ({len(items):,} items)"]
        mapping = {pair.key: None if pair.value is None else self._plain(pair.value, depth - 1) for pair in items}
        return mapping if len(mapping) <= MOST else _bounded(mapping)


def _text(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _binary(data: bytes) -> bytes | str:
    return bytes(data) if len(data) <= LONGEST else f"… ({len(data):,} bytes)"


def _bounded(mapping: dict[str, Any]) -> dict[str, Any]:
    """Ours first: they tell what the span is."""
    keys = sorted(mapping, key=lambda key: not key.startswith("joblog."))[:MOST]
    return {key: mapping[key] for key in keys} | {LEFT_OUT: len(mapping) - MOST}


def in_words(value: Any) -> str:
    """The body of a log record as the message of a line: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json_bytes(value).decode()
