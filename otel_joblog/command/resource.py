"""OTel's resource, as the standard variables give it, without the SDK: that takes longer than most commands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..conventions import Attribute

__all__ = ["resource"]


def resource(environ: Mapping[str, str], program: str, pid: int) -> dict[str, Any]:
    """``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_SERVICE_NAME``, and the program that is run."""
    pairs = (pair.partition("=") for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",") if "=" in pair)
    found: dict[str, Any] = {key.strip(): unquote(value.strip()) for key, _, value in pairs}
    if name := environ.get("OTEL_SERVICE_NAME"):
        found[Attribute.SERVICE_NAME] = name
    found.setdefault(Attribute.PROCESS_COMMAND, os.path.basename(program))  # noqa: PTH119
    if pid:
        found.setdefault(Attribute.PROCESS_PID, pid)
    return found
