"""``otel-joblog export`` and ``import``: runs out of the store, and back into another."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import click

from ..config import Settings
from ..conventions import Severity, Stream
from ..export.otlp_json import otlp_lines
from ..ingest import files as otlp_files
from ..records import Line, SpanEnded, SpanStarted, format_run_id
from ..redaction import make_redactor
from ..store.columns import bigint, instant
from ..store.read.places import NOWHERE, SpanKey, place_of
from ..store.read.reader import Reader
from ..store.server.embedded import resolve_dsn, resolve_reader_dsn
from ..store.upkeep.archive import Spoken, dump, load, read_runs, reading
from ..store.upkeep.holds import Holds
from ..store.upkeep.retention import Retention
from ..store.write.rows import step_row
from ..store.write.writer import Writer
from ..web import format as words
from .common import read, told_plainly
from .options import run_filters
from .printing.say import say
from .printing.terminal import TerminalBytes
from .printing.times import time_zone_options

__all__ = ["export_runs", "import_files"]

PAGE = 200
_EVER = datetime(9999, 12, 31, tzinfo=UTC)  # a time is asked for, so that runs of a wrong clock are there, too
_COLUMNS = ("time", "run_id", "job", "level", "stream", "logger", "message", "span_id", "seq", "stage", "task_id")


@click.command("export")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--all", "everything", is_flag=True, help="All runs.")
@run_filters
@time_zone_options
@click.option(
    "--format",
    "as_format",
    type=click.Choice(["jsonl", "csv", "otlp"]),
    default="jsonl",
    show_default=True,
    help="jsonl is what `import` takes back; csv the lines; otlp what the file exporter of a collector writes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write; .gz compresses it. Only you can read a new one. Default: stdout.",
)
def export_runs(
    *, runs: tuple[str, ...], everything: bool, as_format: str, output: Path | None, **filters: Any
) -> None:
    """Write runs to a file, with their steps and all their lines.

    RUN is a run's id or the first characters of it. Without it, the options choose the runs. Newest first.
    """
    if not (runs or everything or any(filters.values())):
        raise click.UsageError("choose runs: give an id, an option such as --job or --since, or --all")
    filters["until"] = filters["until"] or _EVER

    async def chosen(reader: Reader) -> list[str]:
        if runs:
            return [(await reader.run(run, step_limit=1)).run.run_id for run in runs]
        found: list[str] = []
        after = None
        while True:
            page = await reader.runs(limit=PAGE, after=after, **filters)
            found += [run.run_id for run in page.items]
            after = page.next
            if after is None:
                return found

    run_ids = read(chosen)
    if not run_ids:
        say("No runs match.", err=True)
    write = {"jsonl": _as_records, "csv": _as_csv, "otlp": _as_otlp}[as_format]
    with (
        told_plainly(),
        reading(resolve_reader_dsn(Settings.from_environment())) as connection,
        _opened(output) as file,
    ):
        file.writelines(write(read_runs(connection, run_ids)))


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_files(*, files: tuple[Path, ...]) -> None:
    """Store the runs of files that `export` (jsonl, otlp) or a collector's file exporter wrote, also if compressed.

    Runs that are stored already stay as they are, so a file may be imported twice. Runs that are past their
    retention stay for one retention more, from today.
    """
    settings = Settings.from_environment()
    writer = Writer(resolve_dsn(settings), application_name="otel_joblog import")
    holds = Holds(writer, Retention.of(settings))
    with told_plainly(), contextlib.closing(writer):
        for path in files:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                say(f"{path}: {_taken_in(file, writer, holds, settings)}")
    if holds.runs:
        say(f"{words.count(holds.runs, 'run')} past the retention: kept until {holds.until}, then cleaned up again.")


def _taken_in(file: Iterable[bytes], writer: Writer, holds: Holds, settings: Settings) -> str:
    """What a file held, in words. Its first line tells which of the two forms it has."""
    lines = iter(file)
    first = next(lines, b"")
    lines = itertools.chain([first], lines)
    if not otlp_files.is_otlp(first):
        return f"{load(lines, writer, before=holds.cover):,} records"
    loaded = otlp_files.load(lines, writer, make_redactor(settings).record, before=holds.cover)
    said = [f"{loaded.records:,} records"]
    if loaded.rejected:
        said.append(f"{loaded.rejected:,} cannot be kept: {loaded.reason}")
    if loaded.mended:
        said.append(f"what is not Unicode was escaped, in {words.count(loaded.mended, 'place')}")
    return "; ".join(said)


def _as_records(runs: Iterable[Iterable[Spoken]]) -> Iterator[bytes]:
    return dump(spoken for run in runs for spoken in run)


def _as_otlp(runs: Iterable[Iterable[Spoken]]) -> Iterator[bytes]:
    for run in runs:
        yield from otlp_lines(run)


def _as_csv(runs: Iterable[Iterable[Spoken]]) -> Iterator[bytes]:
    yield _row(_COLUMNS)
    for run in runs:
        job = ""
        steps: dict[SpanKey, dict[str, object]] = {}
        for _, record in run:
            if isinstance(record, SpanStarted | SpanEnded) and record.span_id == record.run:
                job = record.name
            elif isinstance(record, SpanStarted | SpanEnded):
                steps[UUID(bytes=record.trace_id), bigint(record.span_id) or 0] = step_row(record, None)
            elif isinstance(record, Line):
                span = UUID(bytes=record.trace_id), bigint(record.span_id) or 0
                place = place_of(span, steps) if span in steps else NOWHERE
                yield _row(
                    (
                        instant(record.time).isoformat(),
                        format_run_id(record.trace_id, record.run),
                        job,
                        Severity.label(record.severity),
                        Stream(record.stream).name.lower(),
                        record.logger,
                        record.message,
                        record.span_id.hex(),
                        record.seq,
                        place.stage or "",
                        place.task_id or "",
                    )
                )


def _row(values: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue().encode("utf-8", "backslashreplace")


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        buffer = sys.stdout.buffer
        yield TerminalBytes(buffer) if sys.stdout.isatty() else buffer  # type: ignore[misc]
        buffer.flush()
        return
    with _made(output) as file:
        if output.suffix == ".gz":
            with gzip.GzipFile(fileobj=file, mode="wb") as compressed:
                yield compressed  # type: ignore[misc]
        else:
            yield file


def _made(path: Path) -> IO[bytes]:
    """A new file is this user's only: logs tell a lot. One that is there keeps its mode."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")
