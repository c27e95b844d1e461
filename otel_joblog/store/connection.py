"""How the store connects, and how PostgreSQL's errors become ours."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege

from ..background import Background
from ..descriptors import identity
from ..dsn import words_of as taken_apart
from ..errors import ConfigError, JobLogError, RecordRefused, SchemaError, StoreError, StoreUnavailable
from ..parsing import HOW_TO_SAY_A_DSN
from .libpq import untouched_by_environment
from .sql import query

__all__ = ["conninfo", "errors_translated", "otherwise", "severed_after", "spoken_plainly", "words_of"]

C = TypeVar("C")

# A server that vanished without a word is noticed within a minute; a DSN may say otherwise.
_DEFAULTS: dict[str, str | int] = {
    "connect_timeout": 5,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 45_000,
}

# SQLSTATE classes: data exception, integrity violation, program limit exceeded (an index row too large, JSON too deep).
_REFUSED = ("22", "23", "54")
_SCHEMA = {"3F000", "42P01", "42P10", "42703", "42883"}  # no such schema, table, unique key, column, function
_UTC = {"UTC", "Etc/UTC"}
_UNAVAILABLE = {"25006"}  # read only: a standby, until somebody promotes it


def conninfo(dsn: str, **defaults: str | int) -> str:
    """The connection string with these defaults and ours under it. Raises :class:`ConfigError` if it cannot be read.

    Text goes over it in UTF-8, whatever it or the environment say; nothing else comes from the environment either.
    """
    parameters: dict[str, Any] = _DEFAULTS | defaults | words_of(dsn) | {"client_encoding": "UTF8"}
    return make_conninfo(**untouched_by_environment(parameters))


def words_of(dsn: str, variable: str = "OTEL_JOBLOG_DSN") -> dict[str, Any]:
    """What a DSN says by key. Raises :class:`ConfigError`, naming the variable it comes from, if it cannot be read."""
    try:
        taken_apart(dsn)
        return conninfo_to_dict(dsn)
    except (psycopg.ProgrammingError, ValueError):
        # Neither the DSN nor libpq's words about it, which quote it: it may hold a password.
        raise ConfigError(f"{variable} cannot be read; {HOW_TO_SAY_A_DSN}") from None


def otherwise(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Whether this server, database or login has a time zone other than UTC, or writes dates otherwise than ISO."""
    told = connection.info.parameter_status
    return told("TimeZone") not in _UTC or not (told("DateStyle") or "").startswith("ISO")


def spoken_plainly(connection: Connection[C]) -> Connection[C]:
    """The connection, on which times are told in UTC and ISO; it has to be in autocommit mode."""
    if otherwise(connection):
        connection.execute(query("speak"))
    return connection


@contextmanager
def severed_after(connection: Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection should the block take longer: the server, or what is between, holds it open and says nothing.

    libpq itself would wait for an answer for as long as the peer's kernel acknowledges what it is sent.
    """
    within = threading.Lock()
    over = threading.Event()
    ours = identity(connection.fileno())

    def sever() -> None:
        over.wait(seconds)
        with within, suppress(OSError, psycopg.Error):
            if not over.is_set() and identity(connection.fileno()) == ours:
                with socket.socket(fileno=os.dup(connection.fileno())) as peer:
                    peer.shutdown(socket.SHUT_RDWR)

    with suppress(RuntimeError):  # no thread any more at the interpreter's end; the process ends before the time is up
        Background(sever).start()
    try:
        yield
    finally:
        with within:
            over.set()


@contextmanager
def errors_translated() -> Iterator[None]:
    """Raises psycopg's errors as :class:`StoreUnavailable`, :class:`SchemaError`, :class:`RecordRefused` or, for
    the rest, :class:`StoreError`."""
    try:
        yield
    except psycopg.Error as error:
        raise _translated(error) from error


def _translated(error: psycopg.Error) -> JobLogError:
    state = error.sqlstate or ""
    said = str(error).strip().partition("\n")[0] or type(error).__name__
    if state.startswith(_REFUSED) or isinstance(error, psycopg.DataError):
        return RecordRefused(f"PostgreSQL refuses these records: {said}")
    if state in _SCHEMA:
        return SchemaError(f"the schema is not the one this version needs ({said}); run `otel-joblog migrate`")
    if isinstance(error, InsufficientPrivilege):
        return StoreError(
            f"PostgreSQL answered: {said}; `otel-joblog migrate --roles` makes joblog_writer and joblog_reader, "
            "and this login needs one of them"
        )
    if "definition of service" in said or "service file" in said:
        said += "; PGSERVICE names it in the environment, and libpq connects nowhere then: mend it or unset it"
    if state in _UNAVAILABLE or isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnavailable(f"PostgreSQL cannot be reached: {said}")
    return StoreError(f"PostgreSQL answered: {said}")
