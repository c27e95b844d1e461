"""The committed dashboards and alert rules, and their queries asked as Grafana asks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import yaml
from psycopg.rows import dict_row

from dashboards.generator import FOLDER

from .macros import Range, Value, expanded

__all__ = ["BOARDS", "RULES", "Query", "answered", "queries"]

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


def answered(dsn: str, sql: str, shown: Range | None = None, variables: dict[str, Value] | None = None) -> Answer:
    """Asked in a session that only reads. Without ``shown`` it is sent as it stands, as alert rules are."""
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("set default_transaction_read_only = on")
        connection.execute("set timezone = 'Asia/Tokyo'")  # whatever the server's is, days are those of UTC
        cursor = connection.execute((expanded(sql, shown, variables or {}) if shown else sql).encode())
        assert cursor.description is not None
        types = {column.name: str(connection.adapters.types[column.type_code].name) for column in cursor.description}
        assert len(types) == len(cursor.description), "two columns of the same name"
        return Answer(types, cursor.fetchall())
