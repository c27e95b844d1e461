"""What libpq takes from the environment (``PGHOSTADDR``, ``PGSERVICE``, ``PGOPTIONS``, …) is meant for the job's own
database: a connection string of ours says all of it, and what it leaves out has libpq's own default.

libpq looks there for what a connection string does not say, so each of these is said. ``PGSERVICE`` it looks up in any
case, and where no file has that service it connects nowhere: so it is hidden while a connection begins.
"""

from __future__ import annotations

import ctypes
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq
from psycopg.rows import TupleRow

__all__ = ["connect", "untouched_by_environment"]

_SERVICE = b"PGSERVICE="

# What stands for "not said" where the empty string does not and libpq names no default. A list of all ways to log in
# is no restriction.
_NOT_SAID = {
    "max_protocol_version": "3.0",
    "min_protocol_version": "3.0",
    "require_auth": "password,md5,gss,sspi,scram-sha-256,none" + (",oauth" if pq.version() >= 18_00_00 else ""),
    "sslcertmode": "allow",
}
_NO_VARIABLE = {"scram_client_key", "scram_server_key", "fallback_application_name"}  # nor has it a word for "not said"


def untouched_by_environment(words: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The words of a connection string, and beside them what keeps libpq from looking for others in the environment.

    Where they name a service themselves, its file and the environment say the rest, as libpq has it.
    """
    if "service" in words:
        return dict(words)
    any_word = "PGSERVICE" in environ  # its file may hold any
    said = dict(words)
    for option in pq.Conninfo.get_defaults():
        keyword, variable = option.keyword.decode(), (option.envvar or b"").decode()
        if keyword in said or keyword == "service" or keyword in _NO_VARIABLE:
            continue
        if any_word or variable in environ:
            value = _NOT_SAID.get(keyword, (option.compiled or b"").decode())
            if keyword == "user":
                value = _user()
            said[keyword] = value
    return said


def _user() -> str:
    """Whose process this is; libpq's own default."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an account without a name, as in containers; libpq would refuse it, too
        return str(os.geteuid())


def connect(conninfo: str, **options: Any) -> psycopg.Connection[Any]:
    """As :func:`psycopg.connect`, also where ``PGSERVICE`` names a service that no file has."""
    kind = _Connection if "PGSERVICE" in os.environ else psycopg.Connection
    return kind.connect(conninfo, **options)


class _Connection(psycopg.Connection[TupleRow]):
    @classmethod
    def _connect_gen(cls, *arguments: Any, **options: Any) -> Any:
        connecting = super()._connect_gen(*arguments, **options)
        with _service_hidden():
            wanted = next(connecting)  # libpq reads the environment here, and before it waits for anything
        try:
            while True:
                wanted = connecting.send((yield wanted))
        except StopIteration as done:
            return done.value


@contextmanager
def _service_hidden() -> Iterator[None]:
    """Change a letter of the variable's name where it lies in memory, and change it back.

    No other thread of Python runs meanwhile. ``unsetenv`` would move what threads of C may just be reading.
    """
    process = ctypes.PyDLL(None)
    process.getenv.restype = ctypes.c_void_p
    value = process.getenv(_SERVICE[:-1])
    begin = ctypes.c_char.from_address(value - len(_SERVICE)) if value else ctypes.c_char(_SERVICE[:1])
    begin.value = b"p"
    try:
        yield
    finally:
        begin.value = _SERVICE[:1]
