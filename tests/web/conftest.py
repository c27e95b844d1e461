"""The viewer, served by a real uvicorn over a real database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import httpx
import pytest

from otel_joblog.store.write.writer import Writer
from tests.web.serving import served
from tests.web.story import Story


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    with contextlib.closing(Writer(dsn)) as writer:
        yield writer


@pytest.fixture
def tell(writer: Writer) -> Callable[..., Story]:
    """Begins a run: ``tell("job", reference="…")``."""

    def begin(job: str = "nightly-import", **options: object) -> Story:
        return Story(writer, job, **options)  # type: ignore[arg-type]

    return begin


@pytest.fixture
def address(dsn: str) -> Iterator[str]:
    with served(dsn) as address:
        yield address


@pytest.fixture
def web(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client
