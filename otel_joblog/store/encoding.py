"""Text and JSON as PostgreSQL can keep them: without zero characters, lone surrogates and NaN."""

from __future__ import annotations

import re
from typing import Any

import msgspec

__all__ = ["UNENCODABLE", "json_bytes", "text_bytes", "without_zero"]

# What the encoders raise for values that records.encode would have cleaned.
UNENCODABLE = (UnicodeEncodeError, OverflowError, TypeError, ValueError, RecursionError)

_ZERO_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_encoder = msgspec.json.Encoder(enc_hook=repr)


def json_bytes(value: Any) -> bytes:
    """``value`` as JSON that jsonb accepts: NaN and infinities as null, zero characters as U+FFFD.

    Raises one of :data:`UNENCODABLE` for lone surrogates, cycles and other values that are no JSON.
    """
    encoded = _encoder.encode(value)
    if b"\\u0000" in encoded:
        encoded = _ZERO_IN_JSON.sub(rb"\1\\ufffd", encoded)
    return encoded


def text_bytes(value: str) -> bytes:
    """``value`` in UTF-8, zero characters as U+FFFD. Raises ``UnicodeEncodeError`` for lone surrogates."""
    return without_zero(value).encode()


def without_zero(value: str) -> str:
    return value.replace("\0", "\ufffd") if "\0" in value else value
