"""Panels as plain dicts. Sizes are in Grafana's grid: 24 columns, rows of 30 pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .colours import mappings
from .sources import Json

__all__ = ["column", "layout", "logs", "panel", "stat", "table", "time_series"]

COLUMNS = 24

_TOOLTIP: Json = {"mode": "multi", "sort": "desc"}
_LEGEND: Json = {"displayMode": "table", "placement": "right", "showLegend": True, "calcs": ["sum"]}


def panel(
    kind: str,
    title: str,
    description: str,
    targets: Sequence[Json],
    *,
    size: tuple[int, int],
    unit: str,
    nothing: str,
    options: Json,
    defaults: Json | None = None,
    overrides: Sequence[Json] = (),
    **more: Any,
) -> Json:
    """``size`` is width and height, ``nothing`` what is written where there are no data."""
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": targets[0]["datasource"],
        "targets": list(targets),
        "gridPos": {"w": size[0], "h": size[1]},
        "fieldConfig": {
            "defaults": {"unit": unit, "noValue": nothing, "mappings": [], **(defaults or {})},
            "overrides": list(overrides),
        },
        "options": options,
        **more,
    }


def layout(panels: Iterable[Json]) -> list[Json]:
    """Numbers panels and places them from left to right, then below the tallest of the row before."""
    placed, x, y, below = [], 0, 0, 0
    for number, one in enumerate(panels, 1):
        width, height = one["gridPos"]["w"], one["gridPos"]["h"]
        if x + width > COLUMNS:
            x, y = 0, below
        placed.append({"id": number} | one | {"gridPos": {"x": x, "y": y, "w": width, "h": height}})
        x, below = x + width, max(below, y + height)
    return placed


def column(name: str, **config: Any) -> Json:
    """How one column differs: ``unit``, ``links``, ``mappings``…, and anything of ``custom``."""
    properties = [{"id": key.replace("__", "."), "value": value} for key, value in config.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def stat(
    title: str, description: str, target: Json, *, width: int, overrides: Sequence[Json] = (), **more: Any
) -> Json:
    """The columns of one row as big words or numbers."""
    options: Json = {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": "/.*/"},
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value_and_name",
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "wideLayout": True,
    }
    return panel(
        "stat",
        title,
        description,
        [target],
        size=(width, 4),
        unit="short",
        nothing="nothing yet",
        options=options,
        overrides=overrides,
        **more,
    )


def table(
    title: str,
    description: str,
    target: Json,
    *,
    size: tuple[int, int],
    nothing: str,
    overrides: Sequence[Json],
) -> Json:
    custom: Json = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True}
    return panel(
        "table",
        title,
        description,
        [target],
        size=size,
        unit="none",
        nothing=nothing,
        options={"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
        defaults={"custom": custom},
        overrides=[*overrides, *_STATES],
    )


# Columns of the same name look the same in every table.
_STATES = [
    column(name, mappings=mappings(), custom__cellOptions={"type": "color-text"}) for name in ("Status", "Last status")
]


def time_series(
    title: str,
    description: str,
    targets: Sequence[Json],
    *,
    size: tuple[int, int],
    unit: str,
    nothing: str,
    bars: bool = False,
    overrides: Sequence[Json] = (),
    defaults: Json | None = None,
    calcs: Sequence[str] = ("mean", "max"),
    points: int = 90,
) -> Json:
    """Lines, or ``bars`` on top of each other; about so many ``points``."""
    custom: Json = {
        "drawStyle": "bars" if bars else "line",
        "lineWidth": 1 if bars else 2,
        "fillOpacity": 80 if bars else 0,
        "showPoints": "never" if bars else "auto",
        "spanNulls": False,
        "axisSoftMin": 0,
        "stacking": {"mode": "normal" if bars else "none", "group": "A"},
    }
    return panel(
        "timeseries",
        title,
        description,
        targets,
        size=size,
        unit=unit,
        nothing=nothing,
        options={"tooltip": _TOOLTIP, "legend": _LEGEND | {"calcs": list(calcs)}},
        defaults={"custom": custom, **(defaults or {})},
        overrides=overrides,
        maxDataPoints=points,
    )


def logs(title: str, description: str, target: Json, *, size: tuple[int, int], nothing: str) -> Json:
    options: Json = {
        "showTime": True,
        "showLabels": False,
        "showCommonLabels": False,
        "showLogContextToggle": False,
        "wrapLogMessage": True,
        "prettifyLogMessage": False,
        "enableLogDetails": True,
        "dedupStrategy": "none",
        "sortOrder": "Descending",
    }
    return panel("logs", title, description, [target], size=size, unit="none", nothing=nothing, options=options)
