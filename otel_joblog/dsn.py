"""Connection strings of PostgreSQL, taken apart without libpq: in a job, nothing of it is imported for that."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

__all__ = ["words_of"]

_SCHEMES = ("postgresql://", "postgres://")
_WORDS = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s\\']|\\.)*)(?=\s|$)")


def words_of(dsn: str) -> dict[str, str]:
    """What a connection string says, by libpq's keywords. ValueError where it is none.

    So it is where the password holds a bare ``@`` or ``/``: libpq would take what follows for a host or a database, and
    name it in its errors.
    """
    if dsn.startswith(_SCHEMES):
        return _words_of_uri(dsn)
    words: dict[str, str] = {}
    at = 0
    while match := _WORDS.match(dsn, at):
        value = match[2][1:-1] if match[2].startswith("'") else match[2]
        words[match[1]] = re.sub(r"\\(.)", r"\1", value)
        at = match.end()
    if dsn[at:].strip() or not words:
        raise ValueError("neither a URI nor words")
    return words


def _ends_too_soon(rest: str, query: str) -> bool:
    """Whether a bare "@", "/" or "?" in the password ends it, for libpq, before its end."""
    login, at, where = rest.partition("@")
    return bool(at and ("/" in login or "@" in where)) or ("@" in query and "=" not in query.partition("@")[0])


def _words_of_uri(dsn: str) -> dict[str, str]:
    rest = dsn.partition("://")[2]
    rest, _, query = rest.partition("?")
    if _ends_too_soon(rest, query):
        raise ValueError("a password that is not percent-encoded, of which the host or the database would be a part")
    where, _, database = rest.partition("/")
    login, _, where = where.rpartition("@")
    hosts, ports = [], []
    for one in where.split(","):
        match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::(\d*))?", one)
        if match is None:
            raise ValueError("a host is none")
        hosts.append(unquote(match[1].strip("[]")))
        ports.append(match[2] or "5432")
    words = {
        "user": unquote(login.partition(":")[0]),
        "host": ",".join(hosts),
        "port": ",".join(ports),
        "dbname": unquote(database),
    }
    return words | dict(parse_qsl(query))
