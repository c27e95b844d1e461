"""Text and JSON as PostgreSQL can keep them: without zero characters, lone surrogates and numbers that are none."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

__all__ = ["UNENCODABLE", "finite", "json_bytes", "text_bytes", "without_zero"]

# What the encoders raise for values that records.encode would have cleaned.
UNENCODABLE = (UnicodeEncodeError, OverflowError, TypeError, ValueError, RecursionError)

_ZERO_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_HOLDERS = {float, dict, list, tuple}
_SPELLED = {math.inf: "Infinity", -math.inf: "-Infinity"}
_encoder = msgspec.json.Encoder(enc_hook=repr)


def json_bytes(value: Any) -> bytes:
    """``value`` as JSON that jsonb accepts: NaN and infinities as :func:`finite` has them, zero characters as U+FFFD.

    Raises one of :data:`UNENCODABLE` for lone surrogates, cycles and other values that are no JSON.
    """
    encoded = _encoder.encode(value)
    if b"null" in encoded and (spelled := finite(value)) is not value:  # what the encoder makes of NaN
        encoded = _encoder.encode(spelled)
    if b"\\u0000" in encoded:
        encoded = _ZERO_IN_JSON.sub(rb"\1\\ufffd", encoded)
    return encoded


def finite(value: Any) -> Any:
    """The value itself, or, where numbers in it are none, with ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` for them.

    JSON has no such numbers; these are the words of protobuf's JSON.
    """
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else _SPELLED.get(value, "NaN")
    if kind is dict:
        for inside in value.values():
            if type(inside) in _HOLDERS and finite(inside) is not inside:
                return {key: finite(inside) for key, inside in value.items()}
    elif kind is list or kind is tuple:
        for inside in value:
            if type(inside) in _HOLDERS and finite(inside) is not inside:
                return [finite(inside) for inside in value]
    return value


def text_bytes(value: str) -> bytes:
    """``value`` in UTF-8, zero characters as U+FFFD. Raises ``UnicodeEncodeError`` for lone surrogates."""
    return without_zero(value).encode()


def without_zero(value: str) -> str:
    return value.replace("\0", "\ufffd") if "\0" in value else value
