"""Being somebody who may not read everything, also where the tests run as root."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_powers"]

_VERSION = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def without_powers() -> Iterator[None]:
    """This thread, and those that it starts, are bound by the modes of files while the block runs."""
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    held = (ctypes.c_uint32 * 6)()
    _checked(_libc.capget(header, held))
    none = (ctypes.c_uint32 * 6)(0, held[1], held[2], 0, held[4], held[5])
    _checked(_libc.capset(header, none))
    try:
        yield
    finally:
        _checked(_libc.capset(header, held))


def _checked(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), "capabilities cannot be changed")
