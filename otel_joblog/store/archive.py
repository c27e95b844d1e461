"""Runs out of the store and back: JSON lines, one record each, that another store takes in as they are.

A line is an object: ``record`` names its type (:mod:`otel_joblog.records`), the rest are its fields; ids are hex, times
nanoseconds since 1970. A ``Process`` speaks until the next; one without an id says that nobody is known to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from ..conventions import RunStatus
from ..errors import ImportRefused, RunNotFound
from ..records import Dropped, Line, Process, Progress, Record, Sample, SpanEnded, SpanStarted
from .connection import conninfo, errors_translated, spoken_plainly
from .rows import bigint
from .sql import query
from .stored import gap_of, line_of, process_of, progress_of, run_of, sample_of, step_of
from .writer import Writer

__all__ = ["dump", "load", "one_state", "read_run", "reading"]

BATCH = 2_000  # records written at once
_DAY = timedelta(days=1)  # by which samples may lie outside of their run, for want of its real end
_TYPES = {kind.__name__: kind for kind in (Process, SpanStarted, Line, Progress, SpanEnded, Dropped, Sample)}
_IDS = frozenset({"trace_id", "span_id", "parent_id", "run", "parent_run", "process_id"})

Spoken = tuple[Process | None, Record]


@contextmanager
def reading(dsn: str) -> Iterator[Connection[DictRow]]:
    """A connection for :func:`read_run`: one state of the database for as long as it lasts."""
    with (
        errors_translated(),
        psycopg.connect(
            conninfo(dsn, application_name="otel_joblog export"),
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        ) as connection,
    ):
        spoken_plainly(connection).autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


@contextmanager
def one_state(connection: Connection[Any]) -> Iterator[Connection[DictRow]]:
    """The same for an autocommit connection that goes on to be used for other things."""
    before = connection.row_factory
    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    connection.row_factory = dict_row
    try:
        with connection.transaction():
            yield connection
    finally:
        connection.row_factory = before
        if not connection.closed:
            connection.isolation_level, connection.read_only = None, None


def read_run(connection: Connection[DictRow], run_id: str) -> Iterator[Spoken]:
    """All that the store knows of a run, by its full id: itself, its steps, its lines, each with who spoke of it.

    Its lines come in batches, however many there are. Raises :class:`RunNotFound`.
    """
    trace_id, _, span_id = run_id.partition("-")
    key = {"trace_id": UUID(trace_id), "span_id": bigint(bytes.fromhex(span_id))}
    run = connection.execute(query("export/run"), key).fetchone()
    if run is None:
        raise RunNotFound(f"no run {run_id} is stored")
    process = process_of(run)
    if process is not None:
        yield process, process
    if run["status"] != RunStatus.PENDING.code:  # of that one only what belongs to it is known
        yield process, run_of(run)
    if (progress := progress_of(run)) is not None:
        yield process, progress
    bounds = {**key, "first_at": run["first_at"], "last_at": run["last_at"]}
    for step in connection.execute(query("export/steps"), bounds):
        own = step["process_id"] is None or step["process_id"] == run["process_id"]
        yield process if own else process_of(step), step_of(step)
    for gap in connection.execute(query("export/gaps"), key):
        yield process, gap_of(gap)
    lasted = {"from": run["started_at"] - _DAY, "to": run["ended_at"] and run["ended_at"] + _DAY}
    for sample in connection.execute(query("export/samples"), key | lasted):
        yield process, sample_of(sample, run)
    if 0 < run["lines"] <= BATCH:  # a cursor would take two round trips more
        for line in connection.execute(query("export/lines"), bounds):
            yield process, line_of(line)
    elif run["lines"]:
        with connection.cursor("lines") as lines:
            lines.itersize = BATCH
            for line in lines.execute(query("export/lines"), bounds):
                yield process, line_of(line)


def dump(records: Iterable[Spoken]) -> Iterator[bytes]:
    """The records as lines of JSON, each with its newline."""
    speaker: Process | None = None
    told = False
    for process, record in records:
        if process != speaker or not told:
            speaker, told = process, True
            if process is None:
                yield b'{"record":"Process"}\n'
            elif record is not process:
                yield _encoded(process)
        yield _encoded(record)


def load(lines: Iterable[bytes], writer: Writer, *, before: Callable[[Sequence[Record]], None] = lambda _: None) -> int:
    """Write the records of an archive; returns how many. What is there already stays as it is.

    ``before`` is told each batch before it is written. Raises :class:`ImportRefused`, naming the line, for what is
    none; and as :meth:`Writer.write`.
    """

    def write(batch: list[Record], speaker: Process | None) -> int:
        before(batch)
        writer.write(batch, speaker)
        return len(batch)

    written = 0
    batch: list[Record] = []
    speaker: Process | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = _decoded(line, number)
        if record is None or isinstance(record, Process):
            written += write(batch, speaker)
            batch, speaker = [], record
        if record is not None:
            batch.append(record)
        if len(batch) >= BATCH:
            written += write(batch, speaker)
            batch = []
    return written + write(batch, speaker)


def _encoded(record: Record) -> bytes:
    fields: dict[str, Any] = {"record": type(record).__name__}
    for name, value in msgspec.structs.asdict(record).items():
        fields[name] = value.hex() if isinstance(value, bytes) else _plain(value)
    return msgspec.json.encode(fields) + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        return {name: field.hex() if isinstance(field, bytes) else field for name, field in fields.items()}
    return value


def _decoded(line: bytes, number: int) -> Record | None:
    """The record of a line; None for a process that nobody knows."""
    try:
        fields = msgspec.json.decode(line)
        kind = _TYPES[fields.pop("record")]
        if kind is Process and not fields:
            return None
        values = [_value(name, fields[name]) for name in kind.__struct_fields__ if name in fields]
        record = cast("Record", msgspec.convert([kind.__struct_config__.tag, *values], kind, builtin_types=(bytes,)))
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ImportRefused(f"line {number} is no record of an archive: {error}") from error
    return record


def _value(name: str, value: Any) -> Any:
    if name in _IDS:
        return None if value is None else bytes.fromhex(value)
    if name == "events":
        return [[event["time"], event["name"], event["attributes"]] for event in value]
    if name == "links":
        return [[bytes.fromhex(link["trace_id"]), bytes.fromhex(link["span_id"]), link["attributes"]] for link in value]
    return value
