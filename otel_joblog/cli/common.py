"""What commands share: settings, the database in use, errors told plainly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import click

from ..config import Settings
from ..errors import JobLogError
from ..store.read.reader import Reader
from ..store.server.embedded import resolve_reader_dsn

__all__ = ["JSON_OPTION", "read", "told_plainly"]

T = TypeVar("T")

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextlib.contextmanager
def told_plainly() -> Iterator[None]:
    """Errors of ours as one line on stderr and exit status 1. A closed pipe is none of ours: see :mod:`.terminal`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (JobLogError, OSError) as error:
        raise click.ClickException(str(error)) from error


def read(ask: Callable[[Reader], Awaitable[T]]) -> T:
    """Ask the reader of the database in use."""

    async def asked() -> T:
        async with Reader(resolve_reader_dsn(Settings.from_environment())) as reader:
            return await ask(reader)

    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # what is amiss is told by what is asked for
    with told_plainly():
        return asyncio.run(asked())
