"""What a request gets that cannot be answered: a page for people, ``{"error": …}`` for programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..diagnostics import report
from ..errors import (
    BadCursor,
    NoSuchPart,
    RunNotFound,
    StepNotFound,
    StoreError,
    StoreUnavailable,
    TaskNotFound,
    UsersUnusable,
)
from .safety import HEADERS

__all__ = ["handlers"]

RETRY_AFTER = "5"  # seconds; pages say the same to the browser


class Problem(NamedTuple):
    status: int
    code: str
    title: str
    message: str
    advice: tuple[str, ...] = ()


def handlers() -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    """Starlette's exception handlers: each error's class decides what is said, the address decides the form."""
    return {
        HTTPException: _http,
        BadCursor: _bad_request,
        NoSuchPart: _bad_request,
        TaskNotFound: _task_not_found,
        RunNotFound: _run_not_found,
        StepNotFound: _step_not_found,
        StoreUnavailable: _unavailable,
        StoreError: _store_error,
        UsersUnusable: _users_unusable,
        Exception: _unexpected,
    }


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    message = error.detail if error.detail != phrase else f"Nothing is served at {request.url.path}."
    return _answer(request, Problem(error.status_code, code, phrase, message), dict(error.headers or {}))


async def _bad_request(request: Request, error: Exception) -> Response:
    return _answer(request, Problem(400, "bad_request", "Bad Request", str(error)))


async def _run_not_found(request: Request, error: Exception) -> Response:
    advice = (
        "Give the first 6 characters or more, or 4 of each part as in a77c-679c. They must be those of one run only.",
    )
    return _answer(request, Problem(404, "run_not_found", "No such run", str(error), advice))


async def _step_not_found(request: Request, error: Exception) -> Response:
    return _answer(request, Problem(404, "step_not_found", "No such step", str(error)))


async def _task_not_found(request: Request, error: Exception) -> Response:
    return _answer(request, Problem(404, "task_not_found", "No such task", str(error)))


async def _unavailable(request: Request, error: Exception) -> Response:
    advice = (
        "The embedded server: start it with `otel-joblog db start`, see its state with `otel-joblog doctor`.",
        "A PostgreSQL of your own: check that it runs and that OTEL_JOBLOG_DSN names it.",
        "Nothing is lost: what jobs record waits in their journals. This page tries again every 5 seconds.",
    )
    problem = Problem(503, "store_unavailable", "The database does not answer", str(error), advice)
    return _answer(request, problem, {"Retry-After": RETRY_AFTER})


async def _store_error(request: Request, error: Exception) -> Response:
    advice = ("If the schema is older or newer than this version, run `otel-joblog migrate`.",)
    problem = Problem(503, "store_error", "The database gives an unexpected answer", str(error), advice)
    return _answer(request, problem, {"Retry-After": RETRY_AFTER})


async def _users_unusable(request: Request, error: Exception) -> Response:
    report("users", "%s", error)  # its words are for who runs the viewer, not for whoever asks
    message = "The accounts of this viewer cannot be read, so nobody is let in; its own log says why."
    return _answer(request, Problem(503, "users_unusable", "Nobody can sign in", message), {"Retry-After": RETRY_AFTER})


async def _unexpected(request: Request, _error: Exception) -> Response:
    message = "This is a bug in the viewer; its own log has the traceback."
    response = _answer(request, Problem(500, "internal_error", "Something broke", message))
    response.headers.update(HEADERS)  # Starlette answers these outside of all middleware
    return response


def _answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    if request.url.path.startswith(("/api/", "/healthz")):
        body = msgspec.json.encode({"error": {"code": problem.code, "message": problem.message}})
        return Response(body, problem.status, headers, "application/json")
    response: Response = request.state.templates.page(request, "problem.html", status=problem.status, problem=problem)
    response.headers.update(headers or {})
    return response
