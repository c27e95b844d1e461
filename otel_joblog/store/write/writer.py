"""The one writer: batches of records become rows, each batch in one transaction, in any order and any number of times.

How a batch is written:

1. The days it falls on get their partitions, in transactions of their own.
2. Its lines go in by plain COPY, which is the fastest way. Where one of them is there already, the whole transaction is
   rolled back and done again with the lines staged, so that only new ones are inserted and counted.
3. Its steps and then its runs go in by upsert, but for steps that are new (:mod:`.steps`): a row gives way only to a
   more final state.
4. Its runs gain what was really inserted: counts of lines and steps, and the latest progress; new ones as they go in.
5. The statistics of their jobs gain the runs whose state really changed.
6. After the commit, what waited for its run to be known finds it, where the batch brought the spans between
   (:mod:`.waiting`), and attempts find one another (:mod:`.attempts`).

It also keeps account of who is alive: processes beat, and a run whose process gives no sign of life is settled as lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar, cast

import msgspec
import psycopg
from psycopg import Connection, Cursor
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg.rows import DictRow, TupleRow, dict_row

from ...conventions import RunStatus
from ...descriptors import Identity, identity
from ...diagnostics import report
from ...errors import RecordRefused
from ...records import Process, Record, decode, encode
from ..columns import Row, bigint, nanoseconds, span_bytes
from ..connection import conninfo, errors_translated, severed_after, spoken_plainly
from ..encoding import UNENCODABLE, json_bytes
from ..errorgroups import ErrorGroup
from ..schema.migrate import require_current, schema_state, upgrade
from ..schema.partitions import Days
from ..sql import query
from .attempts import Key, Link, find_attempts, link_attempts, with_attempts
from .batch import Batch
from .copy import EncodedLines, encode_lines
from .gains import Gains, add_lines, gain_row
from .statistics import Statistics
from .steps import insert_steps
from .waiting import adopt, note_waiting, traces_of, waiting_traces

__all__ = ["Writer"]

R = TypeVar("R", bound=Record)
T = TypeVar("T")

DEADLINE = 60.0  # seconds that a write may take before its connection is given up
_ATTEMPTS = 4
_WRITERS = ["otel_joblog", "otel_joblog ingest", "otel_joblog import"]  # names of sessions that keep to the deadline

# What is said of a settled run; the place is for the time in UTC.
_SILENT = "no sign of life since %s UTC: its host never came back"

# Connections that a fork left in a child. They are kept for ever, because collecting one would warn that it is open.
_inherited: list[Connection] = []


def _abandon(connection: Connection) -> None:
    """The program has closed its socket, and the number is another's by now: libpq must not close it nor say goodbye.

    It would do so when the connection is collected, which an extra reference prevents.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


class Writer:
    """Writes records. It is for one thread; it connects when first used, and again after a failure or a fork.

    ``dsn`` may be a function, asked at every connect: for a server that is started on demand.
    """

    def __init__(self, dsn: str | Callable[[], str], *, application_name: str = "otel_joblog") -> None:
        self._dsn = dsn
        self._application_name = application_name
        self._connection: Connection | None = None
        self._socket: Identity | None = None  # of the connection
        self._cut = False  # the last connection was given up: a writer that is stopped may hold what ours waited for
        self._pid = os.getpid()
        self._days = Days()

    def write(self, records: Sequence[Record], process: Process | None = None) -> None:
        """Writes a batch, whole or not at all. Writing anything again changes nothing.

        ``process`` is who emitted the records, as far as no Process record among them says otherwise. Raises:

        - :class:`StoreUnavailable` where no database is to be had: try again later.
        - :class:`SchemaError` where the schema is not this version's; an empty database is given it here.
        - :class:`RecordRefused` where at least one of the records can never be stored.
        - :class:`ConfigError` where the DSN cannot be read.
        """
        if not records:
            return
        try:
            self._write(records, process)
        except UNENCODABLE:
            # Records that did not come through the journal may hold what it would have cleaned.
            try:
                self._write([_cleaned(record) for record in records], process and _cleaned(process))
            except (*UNENCODABLE, msgspec.MsgspecError) as error:
                raise RecordRefused(f"a record holds a value that no column can hold: {error}") from error

    def beat(self, process_ids: Sequence[bytes]) -> None:
        """These processes are alive now. No record of them need be there. Raises as :meth:`write`."""
        self._tell("write/beat", process_ids)

    def forget(self, process_ids: Sequence[bytes]) -> None:
        """These processes have ended, so that nobody waits for their beats. Raises as :meth:`write`."""
        self._tell("write/forget", process_ids)

    def settle(self, lost_after: float) -> int:
        """Ends as lost every open run, and its open steps, that gave no sign of life for that many seconds.

        Signs of life are its process's beats, its lines and steps, its progress and its start; the last of them becomes
        its end. A real end that arrives later still wins. Nothing is settled before the server has been up for as long:
        nobody could be heard before. Returns how many runs were settled; raises as :meth:`write`.
        """
        with self._connection_to_use() as connection:
            settled = _in_transaction(connection, lambda: _settle(connection, lost_after))
            _follow_attempts(connection, settled)
            return len(settled)

    def hold(self, runs: Iterable[tuple[bytes, bytes]], until: date) -> None:
        """These runs, by trace id and span id, stay until that day, however old they are. Raises as :meth:`write`."""
        traces, spans = [], []
        for trace_id, span_id in runs:
            traces.append(trace_id.hex())
            spans.append(bigint(span_id))
        if traces:
            with self._connection_to_use() as connection:
                connection.execute(query("write/hold_runs"), {"traces": traces, "spans": spans, "until": until})

    def close(self) -> None:
        """Closes the connection, if there is one; the next write opens another."""
        self._forget_inherited()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write(self, records: Sequence[Record], process: Process | None) -> None:
        batch = Batch.of(records, process)
        lines = encode_lines(batch.lines)
        with self._connection_to_use() as connection:
            self._days.ensure(connection, batch.days)
            _store(connection, batch, lines)
            _settle_waiting(connection, batch)
            _follow_attempts(connection, with_attempts(batch.runs))

    def _tell(self, name: str, process_ids: Sequence[bytes]) -> None:
        if process_ids:
            with self._connection_to_use() as connection:
                connection.execute(query(name), {"process_ids": [process_id.hex() for process_id in process_ids]})

    @contextmanager
    def _connection_to_use(self) -> Iterator[Connection]:
        with errors_translated():
            try:
                connection = self._connected()
                with severed_after(connection, DEADLINE):
                    yield connection
            finally:
                if self._connection is not None and self._connection.closed:
                    self._connection = None
                    self._cut = True

    def _connected(self) -> Connection:
        self._forget_inherited()
        if self._connection is None:
            dsn = self._dsn if isinstance(self._dsn, str) else self._dsn()
            connection = psycopg.connect(
                conninfo(dsn, application_name=self._application_name),
                autocommit=True,
                prepare_threshold=None,  # PgBouncer in transaction mode
            )
            try:
                spoken_plainly(connection)
                if schema_state(connection).version is None:
                    upgrade(connection)
                require_current(connection)
                if self._cut:
                    self._end_stopped(connection)
            except BaseException:
                connection.close()
                raise
            self._connection, self._socket = connection, identity(connection.fileno())
        return self._connection

    def _end_stopped(self, connection: Connection) -> None:
        name = connection.info.parameter_status("application_name") or ""  # a DSN may say another
        parameters = {"writers": [*_WRITERS, name], "seconds": DEADLINE}
        for ended in connection.execute(query("write/end_stopped"), parameters):
            said = "PostgreSQL's process %d was ended: its writer, which is stopped, held rows that others wait for"
            report("writer_stopped", said, *ended, outage=True)
        self._cut = False

    def _forget_inherited(self) -> None:
        """After a fork, the child's copy of the socket is closed without a word: the session is the parent's."""
        connection = self._connection
        if connection is not None and not connection.closed and identity(connection.fileno()) != self._socket:
            _abandon(connection)
            self._connection = None
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            os.close(connection.fileno())
            _inherited.append(connection)


def _cleaned(record: R) -> R:
    return cast("R", decode(encode(record)))


def _store(connection: Connection, batch: Batch, lines: EncodedLines) -> None:
    try:
        _in_transaction(connection, lambda: _insert(connection, batch, lines, staged=False))
    except UniqueViolation:
        _in_transaction(connection, lambda: _insert(connection, batch, lines, staged=True))


def _settle_waiting(connection: Connection, batch: Batch) -> None:
    traces = traces_of(batch)
    for trace_id in waiting_traces(connection, traces) if traces else ():
        _in_transaction(connection, lambda trace_id=trace_id: adopt(connection, trace_id))  # type: ignore[misc]


def _follow_attempts(connection: Connection, runs: Sequence[Key]) -> None:
    if runs and (links := find_attempts(connection, runs)):
        _in_transaction(connection, lambda: _link_attempts(connection, links))


def _link_attempts(connection: Connection, links: Sequence[Link]) -> None:
    statistics = Statistics()
    for run in _not_yet_counted(connection, link_attempts(connection, links)):
        statistics.retried(run)
    if statistics:
        _add_statistics(connection, statistics)


def _in_transaction(connection: Connection, work: Callable[[], T]) -> T:
    """The work in a transaction, again where somebody writes the same rows in another order."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(DeadlockDetected, SerializationFailure), connection.transaction():
            return work()
    with connection.transaction():
        return work()


def _insert(connection: Connection, batch: Batch, lines: EncodedLines, *, staged: bool) -> None:
    gains = batch.progress_gains()
    if batch.lines and staged:
        _insert_staged_lines(connection, lines.stream, gains)
    elif batch.lines:
        _copy(connection, "write/copy_lines", lines.stream)
        add_lines(gains, batch.lines, lines.sizes)
    if batch.processes:
        _execute(connection, "write/processes", batch.processes)
    if batch.steps:
        insert_steps(connection, batch.steps, gains, staged=staged)
    if batch.samples:
        _execute(connection, "write/samples", batch.samples)
        for thinning in batch.thinnings:
            connection.execute(query("write/thin_samples"), thinning)
    if batch.gaps:
        _execute(connection, "write/gaps", batch.gaps)
    note_waiting(connection, batch, gains)
    statistics = _insert_runs(connection, batch.runs, gains) if batch.runs else None
    if gains:
        _execute(connection, "write/touched_runs", [gain_row(run, gain) for run, gain in gains.items()])
    if statistics:
        _add_statistics(connection, statistics)


def _insert_staged_lines(connection: Connection, stream: bytes, gains: Gains) -> None:
    connection.execute(query("write/stage"))
    _copy(connection, "write/copy_staged_lines", stream)
    with connection.cursor(row_factory=dict_row) as cursor:
        for gained in cursor.execute(query("write/unstage")):
            gain = gains[gained["trace_id"].bytes, span_bytes(gained["run_span_id"])]
            gain.stretch(nanoseconds(gained["first_at"]), nanoseconds(gained["last_at"]))
            gain.lines += gained["lines"]
            gain.bytes += gained["bytes"]
            gain.warnings += gained["warnings"]
            gain.errors += gained["errors"]
            gain.elsewhere += gained["elsewhere"]
            gain.after_end += gained["after_end"]
            gain.after_end_emitted = max(gain.after_end_emitted, gained["after_end_emitted"])


def _insert_runs(connection: Connection, runs: list[Row], gains: Gains) -> Statistics:
    """Writes runs, new ones with their gains, which are taken out; returns what that changes in the statistics."""
    given = {(run["trace_id"], run["span_id"]): run for run in runs}
    inserted = []
    for trace_id, span_id in _execute(connection, "write/new_runs", [_with_gain(run, gains) for run in runs]):
        inserted.append(given[trace_id.hex, span_id])
        gains.pop((trace_id.bytes, span_bytes(span_id)), None)
    before: list[DictRow] = []
    if len(inserted) < len(runs):
        with connection.cursor(row_factory=dict_row) as cursor:
            before = cursor.execute(query("write/known_runs"), {"rows": json_bytes(runs).decode()}).fetchall()
    statistics = Statistics()
    for run in _not_yet_counted(connection, inserted):
        statistics.seen(run)
        statistics.ended(run)
    for run in before:
        if run["status"] == RunStatus.LOST.code:
            statistics.not_lost(run)
        now = given[run["trace_id"].hex, run["span_id"]]
        statistics.seen(now)
        statistics.ended(now, followed=run["next_trace_id"] is not None)
    return statistics


def _with_gain(run: Row, gains: Gains) -> Row:
    key = bytes.fromhex(run["trace_id"]), span_bytes(run["span_id"])
    return {**gain_row(key, gains[key]), **run} if key in gains else run


def _not_yet_counted(connection: Connection, inserted: list[Row]) -> list[Row]:
    """The runs without those that ended before some were deleted: they may have been here before, and counted.

    The statistics outlive the runs, and an import brings runs back.
    """
    recently = datetime.now(UTC) - timedelta(days=1)
    if all(run.get("ended_at", recently) >= recently for run in inserted):
        return inserted
    row = connection.execute(query("write/counted_until")).fetchone()
    until = row[0] if row else None
    return inserted if until is None else [run for run in inserted if run.get("ended_at", until) >= until]


def _add_statistics(connection: Connection, statistics: Statistics) -> None:
    parameters = {name: json_bytes(rows).decode() for name, rows in statistics.rows().items()}
    connection.execute(query("write/statistics"), parameters)
    if statistics.taken_back:
        _execute(connection, "write/recount_errors", statistics.taken_back)


def _settle(connection: Connection, lost_after: float) -> list[Key]:
    """The runs that were settled."""
    group = ErrorGroup.of(RunStatus.LOST.value, _SILENT % "2000-01-01 00:00:00")
    parameters = {"lost_after": lost_after, "message": _SILENT, "error_group": group.number}
    with connection.cursor(row_factory=dict_row) as cursor:
        settled = cursor.execute(query("write/settle_runs"), parameters).fetchall()
    connection.execute(query("write/forget_silent"), {"lost_after": lost_after})
    statistics = Statistics()
    for run in settled:
        statistics.ended(run, followed=run["next_trace_id"] is not None)
    if statistics:
        _add_statistics(connection, statistics)
    return [(run["trace_id"], run["span_id"]) for run in settled]


def _execute(connection: Connection, name: str, rows: list[Row]) -> Cursor[TupleRow]:
    return connection.execute(query(name), {"rows": json_bytes(rows).decode()})


def _copy(connection: Connection, name: str, stream: bytes) -> None:
    with connection.cursor() as cursor, cursor.copy(query(name)) as copy:
        copy.write(stream)
