"""A client of the viewer's HTTP API, for programs that read: ``pip install 'otel-joblog[client]'``.

::

    from otel_joblog.client import Client

    with Client("http://127.0.0.1:8765") as client:
        for run in client.runs(status="failed", limit=10):
            print(run.job, run.status_message)
            for line in client.logs(run.run_id, level="error"):
                print("   ", line.message)

:class:`AsyncClient` has the same names, to be awaited or gone through by ``async for``. What comes is what the reader
returns (:mod:`otel_joblog.store.read.models`). Lists are iterators that ask for the next page when they need it;
``limit`` ends them. Filters are those of docs/api.md, by their names there.

Raises :class:`ViewerUnavailable` where no viewer answers, :class:`RunNotFound`, :class:`StepNotFound`,
:class:`TaskNotFound`, :class:`StoreUnavailable` where its database does not, and :class:`RequestRefused` for the rest.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, Self, TypeVar
from urllib.parse import quote

import msgspec

from .errors import (
    JobLogError,
    RequestRefused,
    RunNotFound,
    StepNotFound,
    StoreError,
    StoreUnavailable,
    TaskNotFound,
    ViewerUnavailable,
)
from .store.read.models import FoundLine, JobSummary, LogLine, RunDetail, RunSummary, Stages, StepInfo

try:
    import httpx
except ImportError as error:  # not a dependency of those who only record
    raise ImportError("otel_joblog.client needs httpx: pip install 'otel-joblog[client]'") from error

__all__ = ["AsyncClient", "Client"]

T = TypeVar("T")
Given = str | int | float | bool | datetime | Sequence[str] | Mapping[str, str] | None

_ERRORS: dict[str, type[JobLogError]] = {
    "run_not_found": RunNotFound,
    "step_not_found": StepNotFound,
    "task_not_found": TaskNotFound,
    "store_unavailable": StoreUnavailable,
    "store_error": StoreError,
}


class _Question(NamedTuple, Generic[T]):
    """What one call asks: an address, its parameters, and the type of the answer or of each item of it."""

    path: str
    parameters: dict[str, list[str]]
    kind: type[T]
    most: int = 0  # items in a page
    limit: int | None = None

    def page(self, after: str | None, taken: int) -> dict[str, list[str]]:
        size = self.most if self.limit is None else min(self.most, self.limit - taken)
        return self.parameters | {"limit": [str(size)]} | ({} if after is None else {"after": [after]})


class _Questions:
    """The names of the API, each as what is asked."""

    @staticmethod
    def runs(limit: int | None, filters: Mapping[str, Given]) -> _Question[RunSummary]:
        return _Question("runs", _written(filters), RunSummary, 200, limit)

    @staticmethod
    def run(run_id: str) -> _Question[RunDetail]:
        return _Question(f"runs/{_part(run_id)}", {}, RunDetail)

    @staticmethod
    def step(run_id: str, span_id: str) -> _Question[StepInfo]:
        return _Question(f"runs/{_part(run_id)}/steps/{_part(span_id)}", {}, StepInfo)

    @staticmethod
    def logs(run_id: str, limit: int | None, filters: Mapping[str, Given]) -> _Question[LogLine]:
        return _Question(f"runs/{_part(run_id)}/logs", _written(filters), LogLine, 5_000, limit)

    @staticmethod
    def stages(run_id: str) -> _Question[Stages]:
        return _Question(f"runs/{_part(run_id)}/stages", {}, Stages)

    @staticmethod
    def task_logs(task_id: str, limit: int | None, filters: Mapping[str, Given]) -> _Question[FoundLine]:
        return _Question(f"tasks/{_part(task_id)}/logs", _written(filters), FoundLine, 5_000, limit)

    @staticmethod
    def jobs(limit: int | None, filters: Mapping[str, Given]) -> _Question[JobSummary]:
        return _Question("jobs", _written(filters), JobSummary, 200, limit)

    @staticmethod
    def search(text: str, limit: int | None, filters: Mapping[str, Given]) -> _Question[FoundLine]:
        return _Question("search", _written({"q": text, **filters}), FoundLine, 500, limit)


class Client:
    """Asks a viewer. Use it as ``with Client(url) as client``; from several threads at once, if wanted.

    :param url: of the viewer; where it listens on a Unix socket any, such as ``http://localhost``.
    :param token: sent as ``Authorization: Bearer …``.
    :param auth: user and password, for basic authentication.
    :param uds: the Unix socket of ``otel-joblog serve --uds``.
    :param timeout: seconds for an answer.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8765",
        *,
        token: str | None = None,
        auth: tuple[str, str] | None = None,
        uds: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        transport = None if uds is None else httpx.HTTPTransport(uds=os.fspath(uds))
        self._http = httpx.Client(transport=transport, **_options(url, token, auth, timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def runs(self, *, limit: int | None = None, **filters: Given) -> Iterator[RunSummary]:
        """Runs, newest first: by ``job``, ``service``, ``status``, ``retried``, ``reference``, ``error``, ``since``,
        ``until``.
        """
        return self._items(_Questions.runs(limit, filters))

    def run(self, run_id: str) -> RunDetail:
        """A run with its error, steps, attributes and children; ``run_id`` may be the beginning of one."""
        return self._one(_Questions.run(run_id))

    def step(self, run_id: str, span_id: str) -> StepInfo:
        """A step of a run, whole."""
        return self._one(_Questions.step(run_id, span_id))

    def logs(self, run_id: str, *, limit: int | None = None, **filters: Given) -> Iterator[LogLine]:
        """The run's lines, oldest first: by ``level``, ``stream``, ``step``, ``stage``, ``task_id``, ``since``, ``q``.

        With ``tail=True`` the last ones, 5,000 at most.
        """
        return self._items(_Questions.logs(run_id, limit, filters))

    def stages(self, run_id: str) -> Stages:
        """The run's stages and their tasks."""
        return self._one(_Questions.stages(run_id))

    def task_logs(self, task_id: str, *, limit: int | None = None, **filters: Given) -> Iterator[FoundLine]:
        """Lines of a task over all runs, newest run first: by ``job``, ``service``, ``level``."""
        return self._items(_Questions.task_logs(task_id, limit, filters))

    def jobs(self, *, limit: int | None = None, **filters: Given) -> Iterator[JobSummary]:
        """Jobs by name: by ``job``, ``service``, ``q``; their figures are of the last ``days``."""
        return self._items(_Questions.jobs(limit, filters))

    def search(self, text: str = "", *, limit: int | None = None, **filters: Given) -> Iterator[FoundLine]:
        """Lines of all runs that hold every word, newest first: by ``job``, ``level``, ``stage``, ``since``, ….

        ``attribute`` is a dict. It looks on until the oldest line: end it by ``limit``, ``since``, or by a break.
        """
        return self._items(_Questions.search(text, limit, filters))

    def _one(self, question: _Question[T]) -> T:
        return _read(question, self._get(question.path, question.parameters))

    def _items(self, question: _Question[T]) -> Iterator[T]:
        after, taken = None, 0
        while question.limit is None or taken < question.limit:
            page = self._get(question.path, question.page(after, taken))
            items = _items(question, page)
            yield from items
            after, taken = page["next"], taken + len(items)
            if after is None:
                return

    def _get(self, path: str, parameters: dict[str, list[str]]) -> Any:
        try:
            return _answered(self._http.get(path, params=parameters))
        except httpx.RequestError as error:
            raise _unavailable(self._http.base_url, error) from error


class AsyncClient:
    """As :class:`Client`, for asyncio: ``async with AsyncClient(url) as client``, ``await client.run(…)``,
    ``async for run in client.runs()``."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8765",
        *,
        token: str | None = None,
        auth: tuple[str, str] | None = None,
        uds: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        transport = None if uds is None else httpx.AsyncHTTPTransport(uds=os.fspath(uds))
        self._http = httpx.AsyncClient(transport=transport, **_options(url, token, auth, timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    def runs(self, *, limit: int | None = None, **filters: Given) -> AsyncIterator[RunSummary]:
        return self._items(_Questions.runs(limit, filters))

    async def run(self, run_id: str) -> RunDetail:
        return await self._one(_Questions.run(run_id))

    async def step(self, run_id: str, span_id: str) -> StepInfo:
        return await self._one(_Questions.step(run_id, span_id))

    def logs(self, run_id: str, *, limit: int | None = None, **filters: Given) -> AsyncIterator[LogLine]:
        return self._items(_Questions.logs(run_id, limit, filters))

    async def stages(self, run_id: str) -> Stages:
        return await self._one(_Questions.stages(run_id))

    def task_logs(self, task_id: str, *, limit: int | None = None, **filters: Given) -> AsyncIterator[FoundLine]:
        return self._items(_Questions.task_logs(task_id, limit, filters))

    def jobs(self, *, limit: int | None = None, **filters: Given) -> AsyncIterator[JobSummary]:
        return self._items(_Questions.jobs(limit, filters))

    def search(self, text: str = "", *, limit: int | None = None, **filters: Given) -> AsyncIterator[FoundLine]:
        return self._items(_Questions.search(text, limit, filters))

    async def _one(self, question: _Question[T]) -> T:
        return _read(question, await self._get(question.path, question.parameters))

    async def _items(self, question: _Question[T]) -> AsyncIterator[T]:
        after, taken = None, 0
        while question.limit is None or taken < question.limit:
            page = await self._get(question.path, question.page(after, taken))
            items = _items(question, page)
            for item in items:
                yield item
            after, taken = page["next"], taken + len(items)
            if after is None:
                return

    async def _get(self, path: str, parameters: dict[str, list[str]]) -> Any:
        try:
            return _answered(await self._http.get(path, params=parameters))
        except httpx.RequestError as error:
            raise _unavailable(self._http.base_url, error) from error


def _options(url: str, token: str | None, auth: tuple[str, str] | None, timeout: float) -> dict[str, Any]:
    if token is not None and auth is not None:
        raise ValueError("give a token or auth, not both")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    base = httpx.URL(url).join("api/v1/") if url.endswith("/") else httpx.URL(f"{url}/api/v1/")
    return {"base_url": base, "headers": headers, "auth": auth, "timeout": timeout}


def _part(given: str) -> str:
    return quote(given, safe="")


def _written(filters: Mapping[str, Given]) -> dict[str, list[str]]:
    """As a query has them; what is None is not asked."""
    return {name: _values(name, value) for name, value in filters.items() if value is not None}


def _values(name: str, value: Given) -> list[str]:
    if isinstance(value, bool):
        return [str(int(value))]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone: say datetime(…, tzinfo=UTC)")
        return [value.isoformat()]
    if isinstance(value, Mapping):
        return [f"{key}={one}" for key, one in value.items()]
    return [str(value)] if isinstance(value, str | int | float) or value is None else list(value)


def _read(question: _Question[T], answer: Any) -> T:
    if question.kind is RunDetail:  # the API has the fields of the run beside the others, and steps for their number
        number = sum(step["kind"] == "step" for step in answer["steps"]) + answer["steps_left_out"]
        answer = {**answer, "run": {**answer, "steps": number}}
    return _converted(answer, question.kind)


def _items(question: _Question[T], page: Any) -> list[T]:
    return [_converted(item, question.kind) for item in page["items"]]


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RequestRefused(f"the viewer is of another version than this client: {error}") from error


def _answered(response: httpx.Response) -> Any:
    """The JSON of an answer. Raises what it says went wrong."""
    try:
        said = response.json()
    except ValueError:
        said = None
    if response.is_success and said is not None:
        return said
    told = said.get("error") if isinstance(said, dict) else None
    if isinstance(told, dict) and "code" in told:
        kind = _ERRORS.get(told["code"], RequestRefused)
        raise kind(str(told.get("message")))
    if response.status_code in (401, 403):
        raise RequestRefused(f"{response.status_code}: whoever guards {response.url.host} wants another token or auth")
    raise RequestRefused(f"{response.url} answered {response.status_code}, which is no answer of a viewer")


def _unavailable(url: httpx.URL, error: httpx.RequestError) -> ViewerUnavailable:
    said = str(error) or type(error).__name__
    host = url.copy_with(username=None, password=None)
    return ViewerUnavailable(f"no viewer answers at {host}: {said}; `otel-joblog serve` starts one")
