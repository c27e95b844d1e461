"""Runs out of the store and back: JSON lines, one record each, that another store takes in as they are.

A line is an object: ``record`` names its type (:mod:`otel_joblog.records`), the rest are its fields; ids are hex, times
nanoseconds since 1970. A ``Process`` speaks until the next; one without an id says that nobody is known to.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from ...conventions import RunStatus
from ...errors import ImportRefused, RunNotFound
from ...records import Dropped, Line, Process, Progress, Queued, Record, Sample, SpanEnded, SpanStarted
from ..connection import conninfo, errors_translated, spoken_plainly
from ..read.stored import gap_of, line_of, process_of, progress_of, queued_of, run_of, sample_of, step_of
from ..sql import query
from ..write.writer import Writer

__all__ = ["dump", "load", "one_state", "read_runs", "reading"]

BATCH = 2_000  # records written at once, and rows read
TOGETHER = 200  # runs read at once
_TYPES = {kind.__name__: kind for kind in (Process, SpanStarted, Line, Progress, SpanEnded, Dropped, Sample, Queued)}
_IDS = frozenset({"trace_id", "span_id", "parent_id", "run", "parent_run", "process_id"})

Spoken = tuple[Process | None, Record]
Key = tuple[UUID, int]


@contextmanager
def reading(dsn: str) -> Iterator[Connection[DictRow]]:
    """A connection for :func:`read_runs`: one state of the database for as long as it lasts."""
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


def read_runs(connection: Connection[DictRow], run_ids: Iterable[str]) -> Iterator[Iterable[Spoken]]:
    """All that the store knows of runs, by their full ids: each run, its steps, its lines, each with who spoke of it.

    Small runs are read together; the lines of a big one come in batches, so go through a run before the next is asked
    for. Raises :class:`RunNotFound`.
    """
    ids = iter(run_ids)
    while some := list(itertools.islice(ids, TOGETHER)):
        for runs in _portions(_found(connection, some)):
            yield from _read(connection, runs)


def _found(connection: Connection[DictRow], run_ids: Sequence[str]) -> list[DictRow]:
    keys = []
    for run_id in run_ids:
        trace_id, _, span_id = run_id.partition("-")
        keys.append((UUID(trace_id), int.from_bytes(bytes.fromhex(span_id), signed=True)))
    runs = connection.execute(query("upkeep/export/runs"), _keys(keys)).fetchall()
    if len(runs) < len(keys):
        there = {_key_of_run(run) for run in runs}
        missing = next(run_id for run_id, key in zip(run_ids, keys, strict=True) if key not in there)
        raise RunNotFound(f"no run {missing} is stored")
    return runs


def _portions(runs: Iterable[DictRow]) -> Iterator[list[DictRow]]:
    """Runs to be read together, as long as they have few rows; or one run with many."""
    portion: list[DictRow] = []
    rows = 0
    for run in runs:
        size = run["lines"] + run["steps"]
        if portion and rows + size > BATCH:
            yield portion
            portion, rows = [], 0
        portion.append(run)
        rows += size
    if portion:
        yield portion


def _read(connection: Connection[DictRow], portion: list[DictRow]) -> Iterator[Iterable[Spoken]]:
    runs = {_key_of_run(row): _Telling(row) for row in portion}
    bounds = _bounds(portion)
    for row in connection.execute(query("upkeep/export/steps"), bounds):
        runs[_key(row)].step(row)
    for row in connection.execute(query("upkeep/export/gaps"), bounds):
        runs[_key(row)].add(gap_of(row))
    for row in connection.execute(query("upkeep/export/samples"), bounds):
        run = runs[_key(row)]
        run.add(sample_of(row, run.row))
    lines = sum(run["lines"] for run in portion)
    if lines > BATCH:
        (run,) = runs.values()
        yield itertools.chain(run.told, _lines(connection, bounds, run.process))
        return
    if lines:
        for row in connection.execute(query("upkeep/export/lines"), bounds):
            runs[_key(row)].add(line_of(row))
    for run in runs.values():
        yield run.told


class _Telling:
    """What is told of a run: by its process, unless a step came from another."""

    def __init__(self, row: DictRow) -> None:
        self.row = row
        self.process = process_of(row)
        self.told: list[Spoken] = []
        if self.process is not None:
            self.add(self.process)
        if row["status"] != RunStatus.PENDING.code:
            self.add(run_of(row))
        elif row["name"]:  # else only what belongs to it is known
            self.add(queued_of(row))
        if (progress := progress_of(row)) is not None:
            self.add(progress)

    def add(self, record: Record) -> None:
        self.told.append((self.process, record))

    def step(self, row: DictRow) -> None:
        own = row["process_id"] is None or row["process_id"] == self.row["process_id"]
        self.told.append((self.process if own else process_of(row), step_of(row)))


def _lines(connection: Connection[DictRow], bounds: dict[str, Any], process: Process | None) -> Iterator[Spoken]:
    with connection.cursor("lines") as lines:
        lines.itersize = BATCH
        for line in lines.execute(query("upkeep/export/lines"), bounds):
            yield process, line_of(line)


def _bounds(runs: Sequence[DictRow]) -> dict[str, Any]:
    """When each run was, and all of them together; None for no bound."""
    times = {name: [run[name] for run in runs] for name in ("first_at", "last_at", "started_at", "ended_at")}
    return {
        **_keys([_key_of_run(run) for run in runs]),
        **times,
        "low": None if None in times["first_at"] else min(times["first_at"]),
        "high": None if None in times["last_at"] else max(times["last_at"]),
        "started_low": min(times["started_at"]),
        "ended_high": None if None in times["ended_at"] else max(times["ended_at"]),
    }


def _keys(keys: Sequence[Key]) -> dict[str, Any]:
    return {"trace_ids": [trace_id for trace_id, _ in keys], "span_ids": [span_id for _, span_id in keys]}


def _key(row: DictRow) -> Key:
    return row["trace_id"], row["run_span_id"]


def _key_of_run(row: DictRow) -> Key:
    return row["trace_id"], row["span_id"]


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
        raise ImportRefused(f"line {number} is not a record of an archive: {error}") from error
    return record


def _value(name: str, value: Any) -> Any:
    if name in _IDS:
        return None if value is None else bytes.fromhex(value)
    if name == "events":
        return [[event["time"], event["name"], event["attributes"]] for event in value]
    if name == "links":
        return [[bytes.fromhex(link["trace_id"]), bytes.fromhex(link["span_id"]), link["attributes"]] for link in value]
    return value
