"""Values in short: what a function returned or was called with, for a person to read.

Only values of Python's own types, and of classes made from them, are looked into, by those types' own methods. Anything
else is named by its type: its ``repr`` may be slow, ask a database or change something, and a job must not notice that
somebody looked.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterable
from itertools import islice
from pathlib import PurePath
from typing import Any

from ... import setup
from ...interruption import foreign

__all__ = ["summary"]

LENGTH = 200  # characters
SEEN = 1024  # characters of a longer text that are searched for secrets before it is cut: half a secret looks like none
ITEMS = 10  # of a container
DEPTH = 3  # of containers in one another

_NUMBERS = (bool, int, float)
_SPOKEN = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID)
_BRACKETS: list[tuple[Any, str]] = [(list, "[]"), (tuple, "()"), (set, "{}"), (frozenset, "{}")]


def summary(value: Any) -> str | bool | int | float | None:
    """A number, boolean, None or string as it is, up to 200 characters; anything else as text of that length."""
    kind = type(value)
    if kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()
        kind = type(value)
    if value is None or kind is bool or kind is float or (kind is int and value.bit_length() < 64):
        known: bool | int | float | None = value
        return known
    try:
        text = str.__getitem__(value, slice(SEEN)) if isinstance(value, str) else _shown(value, DEPTH)
    except Exception as error:  # changed by another thread meanwhile, say
        if foreign(error):
            raise
        text = _named(value)
    if len(text) <= LENGTH:
        return text
    text = setup.runtime().redactor.text(text)
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"


def _shown(value: Any, depth: int) -> str:
    kind = type(value)
    if isinstance(value, str):
        return repr(str.__getitem__(value, slice(SEEN)))
    if isinstance(value, bytes):
        return repr(bytes.__getitem__(value, slice(SEEN)))
    if value is None or kind is bool or kind is complex:
        return repr(value)
    if isinstance(value, int):
        size = int.bit_length(value)
        return int.__repr__(value) if size <= 512 else f"<int of {size:,} bits>"
    if isinstance(value, float):
        return float.__repr__(value)
    if kind in _SPOKEN or isinstance(value, PurePath):
        return str(value)
    if isinstance(value, dict):
        pairs = (": ".join(_shown(part, depth - 1) for part in pair) for pair in dict.items(value))
        return _joined(pairs, dict.__len__(value), "{}", depth)
    for base, brackets in _BRACKETS:
        if isinstance(value, base):
            items = (_shown(item, depth - 1) for item in base.__iter__(value))
            return _joined(items, base.__len__(value), brackets, depth)
    return _named(value)


def _joined(items: Iterable[str], count: int, brackets: str, depth: int) -> str:
    if not depth:
        return f"{brackets[0]}…{brackets[1]}" if count else brackets
    shown = list(islice(items, ITEMS))
    if count > ITEMS:
        shown.append(f"… {count:,} in all")
    return f"{brackets[0]}{', '.join(shown)}{brackets[1]}"


def _named(value: Any) -> str:
    return f"<{type(value).__qualname__}>"
