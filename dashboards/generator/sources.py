"""Where panels ask, and what: data sources chosen by a variable, queries read from ``../sql``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

__all__ = ["PROMETHEUS", "STORE", "TRACES", "Json", "metric", "query", "sql", "trace"]

Json = dict[str, Any]

STORE: Json = {"type": "grafana-postgresql-datasource", "uid": "${store}"}
TRACES: Json = {"type": "jaeger", "uid": "${traces}"}
PROMETHEUS: Json = {"type": "prometheus", "uid": "${metrics}"}

_SQL = Path(__file__).parent.parent / "sql"


def sql(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text().rstrip("\n")


def query(name: str, form: Literal["table", "time_series"] = "table") -> Json:
    """A target that asks the store what the file ``name`` says. As ``time_series`` it has the columns time, metric and
    value, or time and a column for each series."""
    return {
        "refId": "A",
        "datasource": STORE,
        "editorMode": "code",
        "format": form,
        "rawQuery": True,
        "rawSql": sql(name),
    }


def metric(ref: str, expression: str, legend: str) -> Json:
    return {
        "refId": ref,
        "datasource": PROMETHEUS,
        "editorMode": "code",
        "expr": expression,
        "legendFormat": legend,
        "range": True,
    }


def trace(trace_id: str) -> Json:
    return {"refId": "A", "datasource": TRACES, "query": trace_id}
