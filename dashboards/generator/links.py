"""From dashboard to dashboard, to the viewer's pages and to the trace, in the same stretch of time."""

from __future__ import annotations

import re
from urllib.parse import quote

from .sources import Json

__all__ = ["JOB", "KIND", "PAGES", "RUN", "TRACE", "address"]

HISTORY, ERRORS, HEALTH, ONE_RUN = "joblog-history", "joblog-errors", "joblog-health", "joblog-run"
_TITLES = {HISTORY: "Job history", ERRORS: "Job errors", HEALTH: "Job health", ONE_RUN: "One run"}


def _cell(column: str) -> str:
    return f"${{__data.fields.{column}:percentencode}}"


def address(title: str, url: str, *, outside: bool = False) -> Json:
    return {"title": title, "url": url, "targetBlank": outside}


def _encoded(text: str) -> str:
    """For an address, all but the variables."""
    return "".join(part if part[:2] == "${" else quote(part) for part in re.split(r"(\$\{[^}]*\})", text))


# Explore, with the trace asked for.
_PANES = (
    '{"t":{"datasource":"${traces}","queries":[{"refId":"A","datasource":{"type":"jaeger","uid":"${traces}"},'
    '"query":"${__data.fields.Trace}"}],"range":{"from":"${__from}","to":"${__to}"}}}'
)

_JOB = f"var-job={_cell('Job')}&${{__url_time_range}}&${{store:queryparam}}&${{viewer:queryparam}}"
_RUN = f"/d/{ONE_RUN}?var-run={_cell('Run')}&${{store:queryparam}}&${{viewer:queryparam}}"

JOB = [
    address("History of this job", f"/d/{HISTORY}?{_JOB}"),
    address("Errors of this job", f"/d/{ERRORS}?{_JOB}"),
    address("Health of this job", f"/d/{HEALTH}?{_JOB}"),
    address("Its page in the viewer", f"${{viewer}}/job?job={_cell('Job')}&service={_cell('Service')}", outside=True),
]
VIEWER = address("Its page in the viewer", f"${{viewer}}/runs/{_cell('Run')}", outside=True)
ANY_RUN = [address("This run", f"{_RUN}&${{__url_time_range}}"), VIEWER]
RUN = [
    address("This run, in its own stretch of time", f"{_RUN}&from={_cell('From')}&to={_cell('To')}"),
    *ANY_RUN,
]
TRACE = [address("Its trace", f"/explore?schemaVersion=1&panes={_encoded(_PANES)}")]
KIND = [address("Its runs in the viewer", f"${{viewer}}/?error={_cell('Kind')}", outside=True)]


def _page(uid: str) -> Json:
    return {
        "title": _TITLES[uid],
        "type": "link",
        "url": f"/d/{uid}",
        "icon": "dashboard",
        "tooltip": f"{_TITLES[uid]}, with the same time and choice",
        "tags": [],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    }


PAGES = {uid: [_page(other) for other in _TITLES if other != uid] for uid in _TITLES}
