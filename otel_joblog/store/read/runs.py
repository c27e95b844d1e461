"""Pages of runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ...runquery import RunQuery
from .asking import rows
from .beside import run_keys
from .find import asked, find
from .keys import before_run, run_key
from .models import RunPage, RunSummary
from .pool import Connection
from .shapes import run_summary

__all__ = ["ALL_RUNS", "found_runs", "known_runs"]

AHEAD = timedelta(days=1)  # from now: no clock is so far ahead that is right
_AHEAD_COUNTED = 100

# The filters of runs.sql, none of them given.
ALL_RUNS: dict[str, Any] = dict.fromkeys(
    (
        *("job", "service", "type", "statuses", "reference", "error_group", "retried", "since", "until"),
        *("trace_id", "parent_run", "first_trace", "first_span", "traces", "spans"),
    )
)


async def found_runs(
    connection: Connection, query: RunQuery, zone: tzinfo, *, after: str | None, limit: int
) -> RunPage:
    now = datetime.now(UTC)
    wanted = asked(query, zone, now)
    since, until = wanted.conditions["since"], wanted.conditions["until"]
    ahead = None if until or (since and since > now) else now + AHEAD
    bound = {"until": until or ahead}
    place = before_run(after)
    looked_until = None
    # Of the runs that not everybody may see, many might be passed over: then no more than so many are looked at.
    if wanted.plain is not None and (connection.seen is None or wanted.plain["job"] is not None):
        parameters = {**ALL_RUNS, **wanted.plain, **bound, **place, "limit": limit + 1}
        found = await rows(connection, "read/runs", parameters)
        last = found[limit - 1 : limit] if found[limit:] else []
        following = run_key(last[0]["started_at"], last[0]["trace_id"], last[0]["span_id"]) if last else None
    else:
        keys = await find(connection, wanted._replace(conditions=wanted.conditions | bound), place, limit)
        these = {"traces": keys.traces, "spans": keys.spans, "limit": limit}
        found = await rows(connection, "read/runs", {**ALL_RUNS, **before_run(None), **these}) if keys.traces else []
        following, looked_until = keys.following, keys.looked_until
    later = {"from": ahead, "limit": _AHEAD_COUNTED}
    counted = await rows(connection, "read/count_ahead", later) if ahead and not after else []
    return RunPage(
        [run_summary(row) for row in found[:limit]],
        following,
        ahead=counted[0]["count"] if counted else 0,
        looked_until=looked_until,
    )


async def known_runs(connection: Connection, run_ids: Sequence[str]) -> list[RunSummary]:
    if not run_ids:
        return []
    these = {**run_keys(run_ids), "limit": len(run_ids)}
    found = await rows(connection, "read/runs", {**ALL_RUNS, **before_run(None), **these})
    return [run_summary(row) for row in found]
