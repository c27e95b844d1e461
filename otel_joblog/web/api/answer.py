"""A value as the JSON that answers a request, and what several addresses are asked for."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from .. import params

__all__ = ["answer", "of_job"]


def answer(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value, enc_hook=str), status, media_type="application/json")


def of_job(request: Request) -> dict[str, str | None]:
    """``job`` and ``service``, None where they are not given."""
    return {name: params.text(request, name) for name in ("job", "service")}
