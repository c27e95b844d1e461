"""OTel's current context, read by the shortest way: it is asked for with every line that is logged or printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import opentelemetry.context
from opentelemetry.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext

__all__ = ["get_current"]


def _reader() -> Callable[[], Context]:
    runtime: Any = opentelemetry.context._RUNTIME_CONTEXT
    variable = getattr(runtime, "_current_context", None)
    if type(runtime) is ContextVarsRuntimeContext and variable is not None:
        reader: Callable[[], Context] = variable.get
        return reader
    return opentelemetry.context.get_current  # another kind was chosen (OTEL_PYTHON_CONTEXT)


get_current = _reader()
