"""The committed dashboards and alert rules, and their queries asked as Grafana asks them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import yaml
from psycopg import sql
from psycopg.rows import dict_row

from dashboards.generator import FOLDER

from .macros import Range, Value, expanded

__all__ = ["ALERTING", "BOARDS", "RULES", "STORE", "Answer", "Query", "Store", "answered", "queries", "reading"]

Json = dict[str, Any]

BOARDS: dict[str, Json] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
ALERTING = Path(FOLDER) / "provisioning" / "alerting"
RULES: list[Json] = yaml.safe_load((ALERTING / "rules.yaml").read_text())["groups"][0]["rules"]
STORE = "grafana-postgresql-datasource"


class Query(NamedTuple):
    name: str  # such as "joblog-errors: Failing steps"
    form: str  # table, time_series, variable or annotation
    sql: str


class Answer(NamedTuple):
    types: dict[str, str]  # of the columns, in PostgreSQL's words
    rows: list[Json]


def queries() -> Iterator[Query]:
    """Every query of a dashboard to the store."""
    for uid, board in BOARDS.items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == STORE:
                    yield Query(f"{uid}: {panel['title']}", target["format"], target["rawSql"])
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield Query(f"{uid}: ${variable['name']}", "variable", variable["query"])
        for annotation in board["annotations"]["list"]:
            yield Query(f"{uid}: {annotation['name']}", "annotation", annotation["target"]["rawSql"])


Store = psycopg.Connection[Json]


@contextlib.contextmanager
def reading(dsn: str) -> Iterator[Store]:
    """A session that may read the views only, in a time zone that is none of ours: days are those of UTC."""
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        role = sql.Identifier(f"reader_of_{connection.info.dbname}")
        connection.execute(sql.SQL("create role {}").format(role))
        connection.execute(sql.SQL("grant usage on schema joblog to {}").format(role))
        views = connection.execute("select viewname from pg_views where schemaname = 'joblog'").fetchall()
        for view in views:
            name = sql.Identifier("joblog", view["viewname"])
            connection.execute(sql.SQL("grant select on {} to {}").format(name, role))
        connection.execute(sql.SQL("set role {}").format(role))
        connection.execute("set timezone = 'Asia/Tokyo'")
        try:
            yield connection
        finally:
            connection.execute("reset role")
            connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role))


def answered(store: Store, text: str, shown: Range | None = None, variables: dict[str, Value] | None = None) -> Answer:
    """Without ``shown`` it is sent as it stands, as alert rules are."""
    cursor = store.execute((expanded(text, shown, variables or {}) if shown else text).encode())
    assert cursor.description is not None
    types = {column.name: str(store.adapters.types[column.type_code].name) for column in cursor.description}
    assert len(types) == len(cursor.description), "two columns of the same name"
    return Answer(types, cursor.fetchall())
