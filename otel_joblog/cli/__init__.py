"""The command line's door. ``run`` goes straight to its wrapper, which must not wait for other imports."""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]


def main() -> None:
    """``otel-joblog``."""
    if sys.argv[1:2] == ["run"]:
        gc.disable()  # imports leave nothing behind that it could find
        from ..command.wrapper import main as run

        gc.freeze()
        gc.enable()
        _leave(run(sys.argv[2:]))
    from .main import main as others

    others(prog_name="otel-joblog")


def _leave(code: int) -> None:
    """Exit without taking the interpreter down: whoever called would wait for that, and nothing is left to be done."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)
