"""Runs found by a query, in bounded time whatever it asks for.

1. A query that an index with the start behind it answers needs ``runs.sql`` only: the newest, failed, open, of a job, …
2. Where a query asks for values that runs have labels of, these lead to the runs, day after day; else the time does, or
   the kind of error, or that they are open or failed.
3. All conditions are compared with each run so found, 20,000 of them at most: a page may be short, or empty, and have a
   key to go on by.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

import msgspec

from ...conventions import Attribute, RunStatus
from ...filters import outcomes
from ...moments import moment
from ...runquery import RunQuery, Term, Value, parse_attempt, parse_duration
from ..encoding import json_bytes
from ..sql import query as sql
from .asking import rows
from .keys import run_key
from .pool import Connection

__all__ = ["LOOKED_AT", "USUAL_DAYS", "Asked", "Found", "asked", "completed", "find", "finding", "looked_at"]

LOOKED_AT = 20_000  # runs
_SLOWLY = 5_000  # where each comparison takes long: with patterns of attributes, or how long each job usually takes
USUAL_DAYS = 30  # of UTC, of which it is known how long a job usually takes
_NAMES = 200  # jobs of a pattern; where there are more, the newest runs are looked through
_COLUMNS = {
    "job": "name",
    "service": "service",
    "type": "type",
    "host": "host",
    "trigger": "trigger",
    "ref": "reference",
}
_PLAIN = {"job": "job", "type": "type", "ref": "reference"}  # parameters of runs.sql
_UNLABELLED = ("attr.joblog.", "attr.code.", "attr.thread.")
_SCALAR = re.compile(r"true|false|-?(0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,2})?")  # of JSON
_OPEN = {status.code for status in RunStatus if not status.terminal}
_FAILED = {status.code for status in RunStatus if status.failed}
_SUCCESS = RunStatus.SUCCESS.code
_PATTERNS = ("attributes_like", "attributes_unlike")
_OF_VALUES = [f"attributes_{number}" for number in (1, 2, 3)]
_LONGEST = 40  # as the octave of a duration in seconds
_GROUPS = 3  # of labels; more are compared only


class Asked(NamedTuple):
    """A query in terms of the store."""

    conditions: dict[str, Any]  # parameters of ``find/``, but for the place
    plain: dict[str, Any] | None  # those of ``runs.sql``, where that answers it
    patterns: list[str] | None  # of jobs: the labels of these are still to be added
    by_label: bool


class Found(NamedTuple):
    """The keys of a page, and of the page behind it. ``looked_until``: it ended for having looked at enough runs."""

    traces: list[Any]
    spans: list[int]
    following: str | None
    looked_until: datetime | None


async def find(connection: Connection, wanted: Asked, place: dict[str, Any], limit: int) -> Found:
    """``place`` is that of :func:`.keys.before_run`."""
    wanted = await completed(connection, wanted)
    looked = looked_at(wanted)
    parameters = wanted.conditions | place | {"limit": limit + 1, "looked": looked}
    passing = await (await connection.execute(finding(wanted.by_label), parameters)).fetchall()
    keys = [(row["started_at"], row["trace_id"], row["span_id"]) for row in passing if row["passes"]]
    keys.sort(reverse=True)
    following, until = None, None
    if len(keys) > limit:
        following = run_key(*keys[limit - 1])
    elif passing and passing[-1]["place"] == looked:
        last = passing[-1]
        following, until = run_key(last["started_at"], last["trace_id"], last["span_id"]), last["started_at"]
    page = keys[:limit]
    return Found([key[1] for key in page], [key[2] for key in page], following, until and until.astimezone(UTC))


def looked_at(wanted: Asked) -> int:
    """How many runs are looked at at most."""
    return _SLOWLY if any(wanted.conditions[name] for name in ("slow", *_PATTERNS)) else LOOKED_AT


@functools.cache
def finding(by_label: bool, counted: bool = False) -> bytes:
    """The query that finds them, or counts them, among the runs that labels or times lead to."""
    runs = sql(f"read/find/{'by_label' if by_label else 'by_time'}")
    passing = sql("read/find/passing").replace(b"{runs}", runs)
    return sql("read/find/counted").replace(b"{passing}", passing) if counted else passing


async def completed(connection: Connection, wanted: Asked) -> Asked:
    """With the labels of the jobs that its patterns mean, or that may be seen, where they are not too many."""
    names = await _job_names(connection, wanted)
    groups = [wanted.conditions[name] for name in _ANY]
    if names is None or len(names) > _NAMES or None not in groups:
        return wanted
    group = {_ANY[groups.index(None)]: [f"job:{name}" for name in names]}
    return wanted._replace(
        conditions=wanted.conditions | group, patterns=None, by_label=not _by_time(wanted.conditions)
    )


async def _job_names(connection: Connection, wanted: Asked) -> list[str] | None:
    """None: of any."""
    if wanted.patterns is not None:
        asked_for = {"patterns": wanted.patterns, "limit": _NAMES + 1}
        return [row["name"] for row in await rows(connection, "read/find/job_names", asked_for)]
    if connection.seen is None:
        return None
    (known,) = await rows(connection, "read/find/seen_jobs", {"limit": _NAMES + 1})
    return known["names"] or [] if known["few"] else None


def asked(query: RunQuery, zone: tzinfo, now: datetime) -> Asked:
    """Times without an offset are of ``zone``. Runs from the far future are meant only where times are asked for."""
    wanted = {term.key: term for term in query.terms if not term.negated}
    statuses, retried = _states(query)
    states = set(statuses or ())
    groups = _keys_of_errors(wanted.get("error"))
    labels, any_of = _labels(wanted, query, states)
    conditions = {
        **_times(wanted, zone, now),
        **_comparisons(query, now),
        "statuses": statuses,
        "retried": retried,
        "error_groups": groups,
        "error_group": groups[0] if groups and len(groups) == 1 else None,
        "indexed_statuses": _indexed(states),
        "labels": labels or None,
        "words": " ".join(term.values[0].text for term in query.terms if not term.key and not term.negated) or None,
        **dict(zip(_ANY, [*any_of, None, None, None], strict=False)),
    }
    job = wanted.get("job")
    patterns = None if job is None or _exact(job) else [_alike(value) for value in job.values]
    by_label = bool(labels or any_of or conditions["words"]) and not _by_time(conditions)
    return Asked(conditions, _plain(query, wanted, conditions), patterns, by_label)


_ANY = [f"any_{number}" for number in range(1, _GROUPS + 1)]


def _by_time(conditions: dict[str, Any]) -> bool:
    """Whether few runs are of the kind of error, or open: these lead to them sooner than labels."""
    return conditions["error_group"] is not None or set(conditions["indexed_statuses"] or _FAILED) <= _OPEN


def _plain(query: RunQuery, wanted: dict[str, Term], conditions: dict[str, Any]) -> dict[str, Any] | None:
    """The parameters of ``runs.sql``, where an index answers that."""
    keys = {term.key for term in query.terms} - {"since", "until"}
    states = set(conditions["statuses"] or ())
    of_index = conditions["indexed_statuses"] is not None and (states <= _OPEN or RunStatus.ERROR.code in states)
    exact = all(len(term.values) == 1 and _exact(term) for key, term in wanted.items() if key in (*_PLAIN, "error"))
    positive = all(not term.negated or term.key == "status" for term in query.terms)
    simple = (
        (keys <= {"status"} and (not states or of_index or _SUCCESS in states))
        or keys in ({"job"}, {"job", "service"}, {"type"}, {"ref"}, {"error"})
        or (keys == {"job", "status"} and of_index)
        or (keys == {"error", "status"} and not states)
    )
    if not (simple and exact and positive):
        return None
    texts = {name: wanted[key].values[0].text if key in wanted else None for key, name in _PLAIN.items()}
    same = ("statuses", "retried", "error_group", "since", "until")
    return texts | {name: conditions[name] for name in same}


def _indexed(states: set[int]) -> list[int] | None:
    """The states that an index has, among them all that are asked for."""
    if not states:
        return None
    return next((sorted(known) for known in (_OPEN, _FAILED) if states <= known), None)


def _states(query: RunQuery) -> tuple[list[int] | None, bool | None]:
    """The codes of the states, and whether only retried attempts are meant, or none of them."""
    retried = None
    words: list[str] = []
    unwanted: list[str] = []
    for term in query.terms:
        if term.key == "status":
            given = [value.text.lower() for value in term.values]
            if given == ["retried"]:
                retried = not term.negated
            else:
                (unwanted if term.negated else words).extend(given)
    if not words and retried:
        words = ["failed"]
    states, retried = outcomes(words, retried)
    if unwanted:
        not_meant, _ = outcomes(unwanted)
        states = [state for state in (states or RunStatus) if state not in (not_meant or ())]
    return None if states is None else [state.code for state in states], retried


def _labels(wanted: dict[str, Term], query: RunQuery, states: set[int]) -> tuple[list[str], list[list[str]]]:
    """Labels that a run must have: all of some, one of each of the others."""
    found: list[list[str]] = []
    for key, term in wanted.items():
        if (key in _COLUMNS or key.startswith("attr.")) and _exact(term) and not key.startswith(_UNLABELLED):
            found.append([f"{key}:{value.text}" for value in term.values])
    for term in query.terms:
        if term.key == "attempt" and (at_least := _attempts(term)[0]) is not None and at_least > 1:
            found.append(["again"])
        if term.key == "duration":
            sign, seconds = parse_duration(term.values[0].text)
            if sign.startswith(">") and seconds > 1:
                low = max(0, math.floor(math.log2(seconds)) - 1)
                found.append(["took:open", *(f"took:{octave}" for octave in range(low, _LONGEST))])
    led = found or "job" in wanted or any(not term.key and not term.negated for term in query.terms)
    if states and not states & (_OPEN | {_SUCCESS}) and (led or RunStatus.ERROR.code not in states):
        found.append([f"status:{code}" for code in sorted(states)])
    every = [label for group in found if len(group) == 1 for label in group]
    return every, [group for group in found if len(group) > 1][:_GROUPS]


def _comparisons(query: RunQuery, now: datetime) -> dict[str, Any]:
    """What is compared with each run."""
    found: dict[str, Any] = {f"{column}_{how}": None for column in _COLUMNS.values() for how in ("like", "unlike")}
    found |= dict.fromkeys(("attempt_from", "attempt_to", "error_groups_not"))
    found |= dict.fromkeys(("longer", "shorter"))
    patterns: tuple[dict[str, list[str]], dict[str, list[str]]] = {}, {}
    exact: list[list[str]] = []
    unwanted: list[str] = []
    texts: tuple[list[str], list[str]] = [], []
    for term in query.terms:
        if column := _COLUMNS.get(term.key):
            name = f"{column}_{'unlike' if term.negated else 'like'}"
            found[name] = [*(found[name] or []), *map(_alike, term.values)]
        elif term.key.startswith("attr."):
            name = term.key.removeprefix("attr.")
            if _exact(term) and (term.negated or len(exact) < len(_OF_VALUES)):
                documents = [document for value in term.values for document in _documents(name, value.text)]
                unwanted.extend(documents) if term.negated else exact.append(documents)
            else:
                patterns[term.negated].setdefault(name, []).extend(map(_alike, term.values))
        elif not term.key:
            texts[term.negated].append(f"%{_escaped(term.values[0].text)}%")
        elif term.key == "duration":
            sign, seconds = parse_duration(term.values[0].text)
            edge = timedelta(microseconds=1 if "=" in sign else 0)
            of = timedelta(seconds=seconds)
            found |= {"longer": of - edge} if sign[0] == ">" else {"shorter": of + edge}
        elif term.key == "attempt":
            found["attempt_from"], found["attempt_to"] = _attempts(term)
        elif term.key == "error" and term.negated:
            found["error_groups_not"] = [*(found["error_groups_not"] or []), *(_keys_of_errors(term) or [])]
    asked_for = {term.values[0].text.lower() for term in query.terms if term.key == "is"}
    return found | {
        **dict(zip(_OF_VALUES, [*exact, None, None, None], strict=False)),
        "attributes_not": unwanted or None,
        **{name: json_bytes(of).decode() if of else None for name, of in zip(_PATTERNS, patterns, strict=True)},
        "texts": texts[False] or None,
        "texts_not": texts[True] or None,
        "slow": "slow" in asked_for,
        "unresponsive": "unresponsive" in asked_for,
        "usual_since": (now - timedelta(days=USUAL_DAYS - 1)).date(),
    }


def _documents(name: str, text: str) -> Iterator[str]:
    """What attributes contain that have the value, be it text, a number or a truth value, or one of a list."""
    values: list[Any] = [text]
    if _SCALAR.fullmatch(text):
        values.append(msgspec.Raw(text.encode()))
    for key in (name, f"{Attribute.ARGUMENT}.{name}"):
        for value in values:
            yield json_bytes({key: value}).decode()
            yield json_bytes({key: [value]}).decode()


def _times(wanted: dict[str, Term], zone: tzinfo, now: datetime) -> dict[str, Any]:
    return {key: moment(wanted[key].values[0].text, zone, now) if key in wanted else None for key in ("since", "until")}


def _attempts(term: Term) -> tuple[int | None, int | None]:
    sign, number = parse_attempt(term.values[0].text)
    low = {">": number + 1, ">=": number, "": number}.get(sign)
    high = {"<": number - 1, "<=": number, "": number}.get(sign)
    return low, high


def _keys_of_errors(term: Term | None) -> list[int] | None:
    return None if term is None else [int.from_bytes(bytes.fromhex(value.text), signed=True) for value in term.values]


def _exact(term: Term) -> bool:
    return not any(value.pattern for value in term.values)


def _alike(value: Value) -> str:
    """For ``like``: a pattern's stars stand for anything, all else for itself."""
    parts: Iterable[str] = value.text.split("*") if value.pattern else [value.text]
    return "%".join(map(_escaped, parts))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
