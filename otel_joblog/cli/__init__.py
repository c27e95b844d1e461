"""The command line's door. ``run`` goes straight to its wrapper, which must not wait for other imports."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """``otel-joblog``."""
    if sys.argv[1:2] == ["run"]:
        from ..command.wrapper import main as run

        sys.exit(run(sys.argv[2:]))
    from .main import main as others

    others(prog_name="otel-joblog")
