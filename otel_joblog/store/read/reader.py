"""The one reader, for pages, API, CLI and alerts. What it returns is in ``models.py``.

Each call is one short read-only transaction on a pooled connection; it sees one state of the database and may take ten
seconds a statement. All calls raise :class:`StoreUnavailable` where no database is to be had (at once where connections
are refused, after three seconds where nobody answers), :class:`SchemaError` where the schema is not this version's, and
:class:`StoreError` for the rest.
"""

from __future__ import annotations

import copy
import itertools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ...config import Settings
from ...conventions import Attribute, RunStatus, Stream
from ...errors import SchemaError, StepNotFound, StoreError, StoreUnavailable
from ...runquery import RunQuery
from ..columns import below, bigint
from ..connection import conninfo, errors_translated
from ..samples import MOST
from ..schema.migrate import SchemaState, migrations, schema_problem
from ..sql import query
from . import figures
from .asking import left_out, resolve, rows
from .beside import beside_runs
from .compare import Comparison, compare_runs
from .histogram import histogram
from .history import PastRun, run_history, same_error
from .keys import before_run, execution_key, line_key
from .lines import PAGE_BYTES, LineFilter, run_lines, task_lines
from .matches import MatchPage, Problems, run_matches, run_problems
from .models import (
    ErrorKind,
    FoundLine,
    JobSummary,
    LinePage,
    Page,
    RunDetail,
    RunHistogram,
    RunPage,
    RunsBeside,
    RunSummary,
    SearchPage,
    Stages,
    Statistics,
    StepInfo,
)
from .outline import Outline, run_outline
from .pool import Connection, PoolLog, configure
from .pulse import Mark, marks
from .runs import ALL_RUNS, found_runs, known_runs
from .search import Question, search, search_words
from .shapes import error_info, run_summary, sample_infos, step_info
from .stages import run_stages
from .upkeep import Upkeep, upkeep
from .visibility import EVERYTHING, Visibility

__all__ = ["Reader", "line_key"]

_PATIENCE = 3.0  # seconds to wait for a connection
_HINT = 0.2  # seconds after which to look whether there is one to be had at all
_CONNECTIONS = 8
_CHILDREN = 500
_ATTEMPTS = 100
_LATE = timedelta(seconds=30)  # that a sample may be later than the end which a run was given for want of a real one

_numbers = itertools.count(1)


class Reader:
    """Use it as ``async with Reader(dsn) as reader``; it connects when first asked."""

    def __init__(self, dsn: str) -> None:
        self._name = f"otel_joblog-reader-{next(_numbers)}"
        self._log = PoolLog(self._name)
        self.visibility = EVERYTHING
        self._conninfo = conninfo(dsn, application_name="otel_joblog reader", connect_timeout=int(_PATIENCE))
        self._pool = AsyncConnectionPool(
            self._conninfo,
            connection_class=Connection,
            # No prepared statements: PgBouncer, and plans that know their parameters.
            kwargs={"row_factory": dict_row, "prepare_threshold": None},
            min_size=0,
            max_size=_CONNECTIONS,
            open=False,
            configure=configure,
            check=AsyncConnectionPool.check_connection,
            name=self._name,
            timeout=_PATIENCE,
            reconnect_timeout=_HINT,  # then it waits for the next who asks
        )

    async def __aenter__(self) -> Self:
        logging.getLogger("psycopg.pool").addFilter(self._log)
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()
        logging.getLogger("psycopg.pool").removeFilter(self._log)

    def seen_by(self, visibility: Visibility) -> Reader:
        """A reader of the same connections for which nothing else is there: the run of an id raises RunNotFound."""
        reader = copy.copy(self)
        reader.visibility = visibility
        return reader

    async def runs(
        self,
        query: RunQuery | None = None,
        *,
        zone: tzinfo = UTC,
        after: str | None = None,
        limit: int = 25,
        **parameters: Any,
    ) -> RunPage:
        """Runs that a query asks for, newest first; its times without an offset are of ``zone``.

        ``parameters`` are asked for, too: the words of :meth:`RunQuery.of`. Texts and results are bounded
        (:class:`RunSummary`). Without an ``until``, or a ``since`` that has not come yet, runs from the far future are
        only counted: one wrong clock would hold the first page. ``after`` is ``next`` of the page before; raises
        :class:`BadCursor` for anything else, :class:`QueryError` where the two ask for the same.
        """
        asked_for = (query or RunQuery()).having(RunQuery.of(**parameters).terms)
        async with self._transaction() as connection:
            return await found_runs(connection, asked_for, zone, after=after, limit=limit)

    async def runs_by_id(self, run_ids: Sequence[str]) -> list[RunSummary]:
        """Those of whole ids that are there, newest first."""
        async with self._transaction() as connection:
            return await known_runs(connection, run_ids)

    async def beside(self, runs: Sequence[RunSummary]) -> RunsBeside:
        """What a list shows beside these runs."""
        async with self._transaction() as connection:
            return await beside_runs(connection, runs)

    async def histogram(self, query: RunQuery, *, zone: tzinfo = UTC) -> RunHistogram:
        """The ended runs that a query asks for over time: of the times that it says, or of the last 30 days."""
        async with self._transaction() as connection:
            return await histogram(connection, query, zone)

    async def run(self, run_id: str, *, step_limit: int = 2_000) -> RunDetail:
        """The run of that id, or of a prefix (:func:`.keys.run_prefix`); a trace's prefix means its outermost run.

        Its first ``step_limit`` steps and its latest 500 children, both bounded (:meth:`step` and this have them
        whole). Raises :class:`RunNotFound`, naming up to three candidates where several runs' ids begin so.
        """
        async with self._transaction() as connection:
            key = await resolve(connection, run_id)
            (row,) = await rows(connection, "read/run", key)
            steps = await rows(connection, "read/steps", {**key, "limit": step_limit + 1, "bytes": PAGE_BYTES})
            lasted = {"from": row["started_at"], "to": (row["ended_at"] or row["clock"]) + _LATE, "limit": 10 * MOST}
            samples = await rows(connection, "read/samples", {**key, **lasted})
            steps_left_out = await left_out(connection, "read/count_steps", key, len(steps), step_limit)
            family = {"trace_id": key["trace_id"], "parent_run": key["span_id"], "limit": _CHILDREN + 1}
            children = await rows(connection, "read/runs", {**ALL_RUNS, **before_run(None), **family})
            children_left_out = await left_out(connection, "read/count_children", key, len(children), _CHILDREN)
            summary = run_summary(row)
            attempts, attempts_left_out = await _attempts(connection, summary)
        return RunDetail(
            run=summary,
            error=error_info(row),
            attributes=row["attributes"] or {},
            resource=row["resource"] or {},
            events=row["events"] or [],
            links=row["links"] or [],
            returned=row["returned"],
            arguments=below(Attribute.ARGUMENT, row["attributes"] or {}),
            error_output=str((row["attributes"] or {}).get(Attribute.ERROR_OUTPUT, "")),
            samples=sample_infos(samples, row["started_at"]),
            steps=[step_info(step) for step in steps[:step_limit]],
            steps_left_out=steps_left_out,
            attempts=attempts,
            attempts_left_out=attempts_left_out,
            children=[run_summary(child) for child in reversed(children[:_CHILDREN])],
            children_left_out=children_left_out,
        )

    async def step(self, run_id: str, span_id: str) -> StepInfo:
        """A step or another span of a run, by its span id in hex, with all that it holds.

        Raises :class:`StepNotFound`, and :class:`RunNotFound` as :meth:`run`.
        """
        async with self._transaction() as connection:
            key = await resolve(connection, run_id)
            place = {**key, "run": key["span_id"], "step": bigint(bytes.fromhex(span_id))}
            found = await rows(connection, "read/step", place)
        if not found:
            raise StepNotFound(f"run {run_id} has no step {span_id}; its `steps` have their `span_id`")
        return step_info(found[0])

    async def outline(self, run_id: str, *, unfold: str | None = None) -> Outline:
        """The steps, other spans and child runs of a run as a tree, in which many siblings of one name are one row.

        All of these follow it where ``unfold`` is the span id of one of them, in hex. Raises :class:`RunNotFound`.
        """
        async with self._transaction() as connection:
            return await run_outline(connection, run_id, unfold=unfold)

    async def history(self, run_id: str) -> list[PastRun]:
        """The runs of the job around a run, by start: 50 with itself. Raises :class:`RunNotFound` as :meth:`run`."""
        async with self._transaction() as connection:
            return await run_history(connection, run_id)

    async def same_error(self, run_id: str) -> ErrorKind | None:
        """The kind of failure that a run is one of, with the latest run before it; None where it did not fail."""
        async with self._transaction() as connection:
            return await same_error(connection, run_id)

    async def compare(self, run_id: str, other: str | None = None) -> Comparison:
        """In what a run differs from another one, or from the last success of its job before it.

        Raises :class:`RunNotFound` as :meth:`run`, and where no such success is among the 1,000 runs before.
        """
        async with self._transaction() as connection:
            return await compare_runs(connection, run_id, other)

    async def lines(
        self,
        run_id: str,
        *,
        after: str | None = None,
        before: str | None = None,
        limit: int = 1_000,
        min_severity: int | None = None,
        stream: Stream | None = None,
        step: str | None = None,
        stage: str | None = None,
        task_id: str | None = None,
        since: datetime | None = None,
        text: str | None = None,
        tail: bool = False,
        count: bool = False,
    ) -> LinePage:
        """A page of the run's lines in order of time and place: the first ones, those right ``after`` or ``before`` a
        key, or with ``tail`` the last.

        It has ``limit`` lines or fewer, where they are so long that fewer make two megabytes. ``step`` is a span id in
        hex: only lines of that very step; ``stage`` and ``task_id`` are those of a :class:`LogLine`; ``text`` is as in
        :meth:`search`. With any of these or a ``stream`` a page looks at 200,000 lines at most: it may be short, or
        empty, and have a key to go on by. With ``count`` the lines that pass are counted, among the first 200,000.

        The keys are a page's ``next`` and ``previous`` or the :func:`line_key` of a line; raises :class:`BadCursor` for
        anything else, :class:`RunNotFound` as :meth:`run`, :class:`NoSuchPart` where the run has ended without such a
        stage or task.
        """
        chosen = LineFilter(
            min_severity=min_severity, stream=stream, step=step, stage=stage, task_id=task_id, since=since, text=text
        )
        async with self._transaction() as connection:
            return await run_lines(
                connection, run_id, chosen, after=after, before=before, limit=limit, tail=tail, count=count
            )

    async def matches(
        self,
        run_id: str,
        *,
        after: str | None = None,
        limit: int = 1_000,
        min_severity: int | None = None,
        stream: Stream | None = None,
        step: str | None = None,
        stage: str | None = None,
        task_id: str | None = None,
        since: datetime | None = None,
        text: str | None = None,
    ) -> MatchPage:
        """Where the lines of a run are that :meth:`lines` would give for the same filter, and how many they are.

        The number comes with the first page. A page looks at 200,000 lines at most, as one of :meth:`lines` does.
        """
        chosen = LineFilter(
            min_severity=min_severity, stream=stream, step=step, stage=stage, task_id=task_id, since=since, text=text
        )
        async with self._transaction() as connection:
            return await run_matches(connection, run_id, chosen, after=after, limit=limit)

    async def problems(self, run_id: str) -> Problems:
        """Where in a run's time its warnings and errors are. Raises :class:`RunNotFound` as :meth:`run`."""
        async with self._transaction() as connection:
            return await run_problems(connection, run_id)

    async def stages(self, run_id: str) -> Stages:
        """The stages and tasks of the run, with the lines of each. Raises :class:`RunNotFound` as :meth:`run`."""
        async with self._transaction() as connection:
            return await run_stages(connection, run_id)

    async def task_lines(
        self,
        task_id: str,
        *,
        after: str | None = None,
        limit: int = 1_000,
        min_severity: int | None = None,
        job: str | None = None,
        service: str | None = None,
    ) -> Page[FoundLine]:
        """Lines of a task over all runs: the run comes first whose last step of it began last; in a run by time.

        The task is one that a step says: a name that stands for a task is a matter of one run. Several jobs may have
        it: each line says whose it is, ``job`` and ``service`` choose. A page looks into twenty runs at most, and may
        then be short. Raises :class:`TaskNotFound` where no run has it, :class:`BadCursor`.
        """
        async with self._transaction() as connection:
            return await task_lines(
                connection,
                task_id,
                job=job,
                service=service,
                min_severity=min_severity,
                after=after,
                limit=limit,
            )

    async def search(
        self,
        text: str = "",
        *,
        after: str | None = None,
        limit: int = 50,
        job: str | None = None,
        status: Sequence[RunStatus] | None = None,
        min_severity: int | None = None,
        stream: Stream | None = None,
        stage: str | None = None,
        task_id: str | None = None,
        attributes: Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        seconds: float = 1.0,
    ) -> SearchPage:
        """Lines of all runs, newest first, that hold every word of ``text``; what is in double quotes is one word.

        Words are found anywhere in the first 8,192 characters of a message; ASCII letters match in either case.
        ``status`` is that of the run, ``stage`` and ``task_id`` are those of the line's step, ``attributes`` those
        of the line or, where it has none of that name, of its run. A page ends before it is full when the ``seconds``
        are over: then ``looked_until`` says how far it came, and ``next`` goes on from there. Raises
        :class:`BadCursor`.
        """
        question = Question(
            words=search_words(text),
            job=job,
            statuses=None if status is None else [one.code for one in status],
            min_severity=min_severity,
            stream=stream,
            stage=stage,
            task_id=task_id,
            attributes=attributes or {},
            since=since,
            until=until,
        )
        async with self._transaction() as connection:
            return await search(connection, question, after=after, limit=limit, seconds=seconds)

    async def jobs(
        self,
        *,
        after: str | None = None,
        limit: int = 50,
        days: int = 30,
        job: str | None = None,
        service: str | None = None,
        part: str | None = None,
    ) -> Page[JobSummary]:
        """Jobs by name, with their latest run and how they fared in the last so many ``days`` of UTC, today included.

        Those of a name, of a service, or with ``part`` in their name. ``after`` is ``next`` of the page before; raises
        :class:`BadCursor` for anything else.
        """
        async with self._transaction() as connection:
            return await figures.jobs(
                connection, after=after, limit=limit, days=days, job=job, service=service, part=part
            )

    async def statistics(self, *, days: int = 30, job: str | None = None, service: str | None = None) -> Statistics:
        """How a job, or all of them, fared in the last so many ``days`` of UTC, today included."""
        async with self._transaction() as connection:
            return await figures.statistics(connection, days=days, job=job, service=service)

    async def errors(
        self, *, days: int = 30, job: str | None = None, service: str | None = None, limit: int = 50
    ) -> list[ErrorKind]:
        """The most frequent kinds of failure of the last so many ``days`` of UTC, today included."""
        async with self._transaction() as connection:
            return await figures.error_kinds(connection, days=days, job=job, service=service, limit=limit)

    async def upkeep(self, settings: Settings) -> Upkeep:
        """How the store itself fares, and what of it is not as the settings would have it."""
        async with self._transaction() as connection:
            return await upkeep(connection, settings)

    async def marks(self) -> dict[str, Mark]:
        """The runs that go on and the newest ones, by id, each with a mark of how it is."""
        async with self._transaction() as connection:
            return await marks(connection)

    async def health(self) -> dict[str, Any]:
        """``ok``, the ``version`` of the package and of the ``schema``; raises what keeps the store from being used."""
        async with self._transaction() as connection:
            (exists,) = await rows(connection, "schema/schema_exists", {})
            found = await rows(connection, "schema/schema_version", {}) if exists["there"] else []
        state = SchemaState(version=found[0]["version"] if found else None, needed=len(migrations()))
        if problem := schema_problem(state):
            raise SchemaError(problem)
        return {"ok": True, "version": version("otel-joblog"), "schema": state.version}

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        with errors_translated():
            try:
                connection = await self._connected()
                connection.seen = self.visibility.like
                try:
                    async with connection:
                        await connection.execute(query("read/limit_time"))
                        yield connection
                finally:
                    await self._pool.putconn(connection)
            except PoolTimeout as error:
                reason = self._log.last_error or f"all {_CONNECTIONS} connections are busy"
                raise StoreUnavailable(f"no connection to PostgreSQL within {_PATIENCE:.0f} s: {reason}") from error
            except QueryCanceled as error:
                raise StoreError("the database took more than ten seconds for a query; ask for less") from error

    async def _connected(self) -> Connection:
        """A connection of the pool, which by itself would try for three seconds even where it is refused."""
        try:
            connection = await self._pool.getconn(_HINT)
        except PoolTimeout:
            if self._log.last_error is not None:
                probe = await psycopg.AsyncConnection.connect(self._conninfo)
                await probe.close()
            connection = await self._pool.getconn(_PATIENCE - _HINT)
        self._log.last_error = None
        return connection


async def _attempts(connection: AsyncConnection[DictRow], run: RunSummary) -> tuple[list[RunSummary], int]:
    """The known attempts of the run's execution, and how many there are more; none where it is the only one."""
    if run.execution is None:
        return [], 0
    key = execution_key(run.execution)
    latest = {**ALL_RUNS, **before_run(None), **key, "limit": _ATTEMPTS + 1}
    found = await rows(connection, "read/runs", latest)
    more = await left_out(connection, "read/count_attempts", key, len(found), _ATTEMPTS)
    return [run_summary(row) for row in reversed(found[:_ATTEMPTS])], more
