"""What Grafana does to a query of a PostgreSQL panel before it sends it: variables first, then macros, both as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

__all__ = ["Range", "expanded"]

Value = str | Sequence[str]

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Range(NamedTuple):
    """The time shown, and the length of a point in it, such as ``1h``."""

    since: datetime
    until: datetime
    interval: str


def expanded(query: str, shown: Range, variables: Mapping[str, Value]) -> str:
    """The SQL that is sent. A variable of several values is a list, quoted; one of a single value is only escaped."""
    query = query.replace("$__interval_ms", str(1_000 * _seconds(shown.interval)))
    query = query.replace("$__interval", shown.interval)
    for name in sorted(variables, key=len, reverse=True):
        query = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", lambda _, name=name: _written(variables[name]), query)
    return re.sub(r"\$__(\w+)\(([^)]*)\)", lambda match: _macro(match, shown), query)


def _written(value: Value) -> str:
    if isinstance(value, str):
        return value.replace("'", "''")
    return ",".join("'" + one.replace("'", "''") + "'" for one in value)


def _macro(match: re.Match[str], shown: Range) -> str:
    arguments = [argument.strip() for argument in match[2].split(",")]
    since, until = _literal(shown.since), _literal(shown.until)
    macros: dict[str, Callable[[], str]] = {
        "timeFilter": lambda: f"{arguments[0]} BETWEEN {since} AND {until}",
        "timeFrom": lambda: since,
        "timeTo": lambda: until,
        "timeGroup": lambda: _grouped(*arguments),
        "timeGroupAlias": lambda: f'{_grouped(*arguments)} AS "time"',
    }
    return macros[match[1]]()


def _grouped(column: str, interval: str) -> str:
    seconds = _seconds(interval.strip("'"))
    return f"floor(extract(epoch from {column})/{seconds})*{seconds}"


def _seconds(interval: str) -> int:
    return int(interval[:-1]) * UNITS[interval[-1]]


def _literal(at: datetime) -> str:
    return f"'{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}'"
