"""Out of one store and into another: the same rows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import psycopg
import pytest

from otel_joblog.errors import ImportRefused, RunNotFound
from otel_joblog.records import Sample, format_run_id
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.upkeep import archive
from otel_joblog.store.upkeep.archive import dump, load, read_runs, reading
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import assert_statistics_are_right, contents
from tests.store.samples import NOW, SECOND, progress, span, trace
from tests.store.write.test_idempotence import RECORDS

USAGE = [
    *(Sample(trace(4), span(1), NOW + second * SECOND, second, 1_000 * second, second / 2, NOW) for second in (1, 2)),
    msgspec.structs.replace(progress(40, 4), since=NOW + SECOND, base=10.0),
]


@pytest.fixture
def other(empty_dsn: str) -> str:
    migrate(empty_dsn)
    return empty_dsn


@pytest.fixture
def into(other: str) -> Iterator[Writer]:
    writer = Writer(other)
    yield writer
    writer.close()


def archived(dsn: str) -> list[bytes]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select trace_id, span_id from joblog.job_run").fetchall()
    with reading(dsn) as connection:
        ids = [format_run_id(trace_id.bytes, span_id.to_bytes(8, "big", signed=True)) for trace_id, span_id in rows]
        return list(dump(spoken for run in read_runs(connection, ids) for spoken in run))


def test_an_archive_gives_the_same_rows_in_another_store(dsn: str, other: str, into: Writer) -> None:
    writer = Writer(dsn)
    writer.write([*RECORDS, *USAGE])
    writer.close()
    lines = archived(dsn)
    for _ in range(2):  # the second time changes nothing
        assert load(lines, into) > len(RECORDS) / 2
    with psycopg.connect(dsn) as one, psycopg.connect(other) as two:
        assert contents(two) == contents(one)
        assert_statistics_are_right(two)


def test_runs_are_read_together_or_one_by_one_with_the_same_words(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(dsn)
    writer.write([*RECORDS, *USAGE])
    writer.close()
    together = archived(dsn)
    assert sum(b"SpanEnded" in line or b"SpanStarted" in line for line in together) > 4
    for runs, rows in ((1, 2_000), (2, 5), (200, 1)):
        monkeypatch.setattr(archive, "TOGETHER", runs)
        monkeypatch.setattr(archive, "BATCH", rows)
        assert archived(dsn) == together


def test_each_line_of_an_archive_is_json_that_tells_what_it_is(dsn: str) -> None:
    writer = Writer(dsn)
    writer.write(RECORDS)
    writer.close()
    objects = [json.loads(line) for line in archived(dsn)]
    lines = [found for found in objects if found["record"] == "Line"]
    assert len(lines) == 16
    assert {len(found["trace_id"]) for found in lines} == {32}
    assert {found["record"] for found in objects} == {
        "Process", "SpanStarted", "SpanEnded", "Line", "Progress", "Dropped", "Queued"
    }  # fmt: skip


def test_what_is_no_archive_is_refused_with_its_line(into: Writer) -> None:
    for bad in (b"hello", b"[]", b"{}", b'{"record":"Nothing"}', b'{"record":"Line","trace_id":"xx"}', b"\xff"):
        with pytest.raises(ImportRefused, match="line 2 is not a record"):
            load([b"\n", bad], into)


def test_a_run_that_is_not_there_is_said_not_to_be(dsn: str) -> None:
    with reading(dsn) as connection, pytest.raises(RunNotFound):
        list(read_runs(connection, [f"{'0' * 32}-{'1' * 16}"]))
