"""What the documents say of the database is so."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

DOCS = Path(__file__).parents[2] / "docs"

TYPES = {
    "timestamp with time zone": "timestamptz",
    "double precision": "float8",
    "integer": "int4",
    "bigint": "int8",
    "smallint": "int2",
    "boolean": "bool",
}


def test_the_documented_columns_are_those_of_the_views(module_dsn: str) -> None:
    with psycopg.connect(module_dsn) as connection:
        found = connection.execute(
            "select relname, attname, format_type(atttypid, atttypmod) from pg_class"
            " join pg_attribute on attrelid = pg_class.oid and attnum > 0"
            " where relnamespace = 'joblog'::regnamespace and relkind = 'v' order by relname, attnum"
        ).fetchall()
    documented = [
        (view, *column)
        for view, section in re.findall(
            r"^## (\w+)\n(.*?)(?=^## |\Z)", (DOCS / "sql.md").read_text(), re.MULTILINE | re.DOTALL
        )
        for column in re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \|$", section, re.MULTILINE)
    ]
    assert sorted(documented, key=lambda column: column[0]) == [
        (view, column, TYPES.get(kind, kind)) for view, column, kind in found
    ]


def test_every_query_of_the_documents_runs(module_dsn: str) -> None:
    with psycopg.connect(module_dsn) as connection:
        for query in re.findall(r"```sql\n(.*?)```", (DOCS / "sql.md").read_text(), re.DOTALL):
            connection.execute(query.encode())


def test_every_unique_key_holds_the_column_that_its_table_would_be_distributed_by(module_dsn: str) -> None:
    text = (DOCS / "scaling.md").read_text()
    distributed = dict(re.findall(r"create_distributed_table\('joblog\.(\w+)', '(\w+)'", text))
    alone = set(re.findall(r"create_reference_table\('joblog\.(\w+)'\)", text)) | {"schema_version"}
    alone |= {"job", "job_day", "job_hour", "job_duration", "job_error_day", "job_swept", "job_cleanup"}
    alone |= {"job_schedule", "job_expected"}
    with psycopg.connect(module_dsn) as connection:
        keys = connection.execute(
            "select relname, (select array_agg(attname::text) from pg_attribute"
            " where attrelid = indrelid and attnum = any(indkey))"
            " from pg_index join pg_class on pg_class.oid = indrelid"
            " where indisunique and not relispartition and relnamespace = 'joblog'::regnamespace"
        ).fetchall()
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'joblog'::regnamespace"
            " and relkind in ('r', 'p') and not relispartition"
        ).fetchall()
    assert {name for (name,) in tables} == distributed.keys() | alone
    assert {name for name, columns in keys if name in distributed and distributed[name] in columns} == set(distributed)
    assert not [name for name, columns in keys if name in distributed and distributed[name] not in columns]
