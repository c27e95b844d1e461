"""The SQL: one query a file, each beginning with what it does, in the folder ``sql`` of the package that asks it.

Parameters are psycopg's ``%(name)s``; ``schema.sql`` and the migrations take none. Every name is qualified by the
schema ``joblog`` and no query relies on the session (but for ``speak.sql``), so that all of them work behind PgBouncer
in transaction mode.
"""

from __future__ import annotations

import functools
from importlib.resources import files

__all__ = ["query"]

_STORE = __name__.rpartition(".")[0]


@functools.cache
def query(name: str) -> bytes:
    """The query of this name; bytes: psycopg takes text only as literals.

    ``query("read/runs")`` is ``store/read/sql/runs.sql``, ``query("upkeep/due/jobs")`` is
    ``store/upkeep/sql/due/jobs.sql``, and ``query("speak")``, which is nobody's, ``store/sql/speak.sql``.
    """
    *package, file = name.split("/", 1)
    return files(_STORE).joinpath(*package, "sql", f"{file}.sql").read_bytes()
