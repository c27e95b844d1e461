"""What the wrapper itself has to say, on its stderr."""

from __future__ import annotations

import contextlib
import os

__all__ = ["complain"]


def complain(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode("utf-8", "backslashreplace"))
