"""Search over the text of all lines, newest first, as far as the time allows.

1. The time asked for is cut into days, and into what lies between and around them (the default partition).
2. A closed day that has its text index is asked at once, and so is any day where a job narrows the question. Any other
   is looked through in stretches of so many lines. So is a day for which the answer at once took too long.
3. After each answer the clock decides: with the page full or the time up, the page ends, and its key says where the
   next one goes on. One stretch is always looked at: however slow the database, every page comes further.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled
from psycopg.rows import DictRow

from ..encoding import json_bytes, without_zero
from ..sql import query
from .keys import FoundKey
from .models import FoundLine, SearchPage
from .places import SpanKey
from .places import places as places_of
from .pool import Connection
from .shapes import found_line

__all__ = ["Question", "like", "search", "search_words"]

_STRETCH = 20_000  # lines
_WORDS = re.compile(r'"([^"]+)"|(\S+)')
_INDEXED = re.compile(r"\w{3}")  # what a trigram index can help to find
_BEGIN = datetime(1, 1, 1, tzinfo=UTC)
_END = datetime(9999, 12, 31, tzinfo=UTC)


def search_words(text: str) -> list[str]:
    """The parts of which each must be in a line: words, and what stands in double quotes as it is."""
    return [
        quoted or word.replace('"', "") for quoted, word in _WORDS.findall(without_zero(text)) if quoted or word != '"'
    ]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is looked for, in terms of the store."""

    words: Sequence[str] = ()
    job: str | None = None
    statuses: Sequence[int] | None = None
    min_severity: int | None = None
    stream: int | None = None
    stage: str | None = None
    task_id: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None

    @property
    def indexed_word(self) -> str | None:
        """The word to look for in an index: the longest of those that an index can find."""
        return max((word for word in self.words if _INDEXED.search(word)), key=len, default=None)

    def parameters(self) -> dict[str, Any]:
        """Those of ``search_lines.sql`` and ``search_runs.sql``, but for the place."""
        chosen = self.indexed_word
        others = [like(word) for word in self.words if word != chosen]
        return {
            "job": self.job,
            "statuses": None if self.statuses is None else list(self.statuses),
            "word": chosen and like(chosen),
            "words": others or None,
            "min_severity": self.min_severity,
            "stream": self.stream,
            "stage": self.stage,
            "task_id": self.task_id,
            "attributes": json_bytes(self.attributes).decode() if self.attributes else None,
        }


class _Span(NamedTuple):
    """A stretch of time, its end excluded; ``whole``: it can be asked at once."""

    low: datetime
    high: datetime
    whole: bool


async def search(
    connection: Connection, question: Question, *, after: str | None, limit: int, seconds: float
) -> SearchPage:
    """A page of lines; it ends before it is full once the seconds are over. Raises :class:`BadCursor`."""
    key = None if after is None else FoundKey.read(after)
    # Lines from the far future, of a wrong clock, would come first: they are for who asks for that time.
    now = datetime.now(UTC)
    latest = _END if question.since and question.since > now else now + timedelta(days=1)
    high = min(key.end if key else _END, question.until or latest)
    (ability,) = await _rows(connection, "read/text_search", {})
    days = {row["day"]: row["indexed"] for row in await _rows(connection, "read/log_days", {})}
    looking = _Looking(connection, question, key, limit + 1, seconds)
    following = await looking.through(_spans(question, days, strays=ability["strays"], high=high))
    rows = looking.rows[:limit]
    if len(looking.rows) > limit:
        following = FoundKey(*(rows[-1][column] for column in ("ts", "trace_id", "run_span_id", "seq")))
    return SearchPage(
        await _completed(connection, rows),
        next=following and str(following),
        looked_until=following and following.at.astimezone(UTC),
        note=_note(question, days, available=ability["available"], installed=ability["installed"]),
    )


class _Looking:
    """A search under way: what it has found, and the time it has left."""

    def __init__(
        self,
        connection: Connection,
        question: Question,
        key: FoundKey | None,
        wanted: int,
        seconds: float,
    ) -> None:
        self.rows: list[DictRow] = []
        self._connection = connection
        of_any_run = question.job is None and question.statuses is None and connection.seen is None
        self._query = "read/search_lines" if of_any_run else "read/search_runs"
        before = key or FoundKey(_END)
        self._parameters = question.parameters() | {
            "before_at": before.at,
            "before_trace": before.trace_id,
            "before_run": before.run,
            "before_seq": before.seq,
        }
        self._wanted = wanted
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._patient = True  # an answer at once has not yet taken too long

    async def through(self, spans: Iterable[_Span]) -> FoundKey | None:
        """Looks until enough is found, or the time is up: then the key to go on from."""
        await self._connection.execute(query("read/limit_search"))
        for span in spans:
            async for low in self._look(span):
                if len(self.rows) >= self._wanted:
                    return None
                if time.monotonic() > self._deadline:
                    return FoundKey(low)
        return None

    async def _look(self, span: _Span) -> AsyncIterator[datetime]:
        """Yields how far it has come."""
        if span.whole and self._patient:
            try:
                await self._ask(span.low, span.high)
            except QueryCanceled:
                await self._begin_again()
            else:
                yield span.low
                return
        high = span.high
        while True:
            bounds = {"low": span.low, "high": high, "lines": _STRETCH}
            (stretch,) = await _rows(self._connection, "read/search_bound", bounds)
            if stretch["low"] is None:
                return
            await self._ask(stretch["low"], high)
            high = stretch["low"]
            yield high

    async def _ask(self, low: datetime, high: datetime) -> None:
        place = {"low": low, "high": high, "limit": self._wanted - len(self.rows)}
        self.rows += await _rows(self._connection, self._query, self._parameters | place)

    async def _begin_again(self) -> None:
        await self._connection.rollback()
        await self._connection.execute(query("read/limit_time"))
        self._patient = False
        self._deadline = time.monotonic() + self._seconds


def _spans(question: Question, days: Mapping[date, bool], *, strays: bool, high: datetime) -> Iterator[_Span]:
    """What there is to look through, newest first: the days, and where ``strays`` are, all time outside of them."""
    since = question.since or _BEGIN
    searchable = question.indexed_word is not None
    for day, indexed in days.items():
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        end = begin + timedelta(days=1)
        if strays and max(end, since) < high:
            yield _Span(max(end, since), high, whole=False)
        if max(begin, since) < min(end, high):
            yield _Span(max(begin, since), min(end, high), whole=question.job is not None or (indexed and searchable))
        high = min(high, begin)
    if strays and since < high:
        yield _Span(since, high, whole=False)


def _note(question: Question, days: Mapping[date, bool], *, available: bool, installed: bool) -> str | None:
    if question.words and question.indexed_word is None:
        return "No word of three letters or digits: every line is read, which takes longer."
    if not question.words or any(days.values()):
        return None
    if not available:
        return "This PostgreSQL lacks the extension pg_trgm: every line is read, which takes longer."
    if not installed:
        return (
            "The extension pg_trgm is not set up: every line is read, which takes longer. "
            "Its database's owner can: create extension pg_trgm"
        )
    return None


async def _completed(connection: AsyncConnection[DictRow], rows: Sequence[DictRow]) -> list[FoundLine]:
    """The lines with what is to be told of their runs and steps."""
    if not rows:
        return []
    keys = {"traces": [row["trace_id"] for row in rows], "spans": [row["run_span_id"] for row in rows]}
    runs = {(run["trace_id"], run["span_id"]): run for run in await _rows(connection, "read/found_runs", keys)}
    bounds = {
        "first_at": min((run["first_at"] for run in runs.values() if run["first_at"]), default=_BEGIN),
        "last_at": max(row["ts"] for row in rows),
    }

    async def ask(spans: set[SpanKey]) -> list[DictRow]:
        asked = {"traces": [trace_id for trace_id, _ in spans], "spans": [span_id for _, span_id in spans]}
        return await _rows(connection, "read/found_steps", asked | bounds)

    places = await places_of(
        ask,
        {(row["trace_id"], row["span_id"]) for row in rows},
        {(row["trace_id"], row["run_span_id"]) for row in rows},
    )
    return [
        found_line(
            row,
            runs.get((row["trace_id"], row["run_span_id"])),
            places.get((row["trace_id"], row["span_id"])),
        )
        for row in rows
    ]


async def _rows(connection: AsyncConnection[DictRow], name: str, parameters: Mapping[str, Any]) -> list[DictRow]:
    return await (await connection.execute(query(name), parameters)).fetchall()


def like(word: str) -> str:
    """The word for ``like``, anywhere in the text."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
