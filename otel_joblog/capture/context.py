"""OTel's current context, by the shortest way: it is asked for with every line, and changed twice with every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import opentelemetry.context
from opentelemetry.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext

__all__ = ["attach", "get_current"]


def _ways() -> tuple[Callable[[], Context], Callable[[Context], object]]:
    runtime: Any = opentelemetry.context._RUNTIME_CONTEXT
    variable = getattr(runtime, "_current_context", None)
    if type(runtime) is ContextVarsRuntimeContext and variable is not None:
        return variable.get, variable.set
    return opentelemetry.context.get_current, opentelemetry.context.attach  # another kind (OTEL_PYTHON_CONTEXT)


get_current, attach = _ways()
