"""The SQL: one query a file, each beginning with what it does.

``write/`` is the writer's, ``read/`` the reader's; parameters are psycopg's ``%(name)s``. ``schema.sql`` and
``migrations/`` take none. Every name is qualified by the schema ``joblog`` and no query relies on the session
(but for ``speak.sql``), so that all of them work behind PgBouncer in transaction mode.
"""

from __future__ import annotations

import functools
from importlib.resources import files

__all__ = ["migrations", "query"]


@functools.cache
def query(name: str) -> bytes:
    """The query of ``<name>.sql``, such as ``query("read/runs")``; bytes: psycopg takes text only as literals."""
    return files(__name__).joinpath(f"{name}.sql").read_bytes()


@functools.cache
def migrations() -> tuple[str, ...]:
    """The names of all migrations in order, such as ``0001_initial``; the place in this order is the version."""
    names = (file.name for file in files(__name__).joinpath("migrations").iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in names if name.endswith(".sql")))
