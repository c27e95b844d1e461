"""Trace and span ids, from a random source of our own: ``random.seed(42)`` in a job must not repeat them."""

from __future__ import annotations

import os
import random

__all__ = ["span_id", "trace_id"]

_random = random.Random()  # noqa: S311  (unique, not secret; seeded by the operating system)


def trace_id() -> bytes:
    return _random.randbytes(16)


def span_id() -> bytes:
    return _random.randbytes(8)


# A forked child would repeat its parent's ids.
os.register_at_fork(after_in_child=_random.seed)
