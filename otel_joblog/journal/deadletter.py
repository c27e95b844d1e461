"""Dead letters: records that an exporter refuses for ever, kept with the reason so that they block nobody."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec

from ..records import Record

__all__ = ["set_aside"]

_encoder = msgspec.json.Encoder(enc_hook=repr)


def set_aside(root: Path, sink: str, record: Record, reason: Exception) -> None:
    """Append one JSON line to ``dead-letters.jsonl`` in the journal's root: when, which exporter, why, the record."""
    letter = {
        "time": time.time(),
        "exporter": sink,
        "reason": str(reason),
        "record": type(record).__name__,
        "fields": msgspec.structs.asdict(record),
    }
    descriptor = os.open(root / "dead-letters.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, _as_json(letter) + b"\n")
    finally:
        os.close(descriptor)


def _as_json(letter: dict[str, Any]) -> bytes:
    try:
        return _encoder.encode(letter)
    except Exception:  # mappings with keys that JSON does not have
        return _encoder.encode(letter | {"fields": repr(letter["fields"])})
