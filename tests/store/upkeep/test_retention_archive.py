"""What goes is written to files before, and an import brings back the same rows."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.store.upkeep import retention as module
from otel_joblog.store.upkeep.archive import load
from otel_joblog.store.upkeep.holds import Holds
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.upkeep.retention import Retention
from otel_joblog.store.write.writer import Writer
from tests.store.agreement import contents
from tests.store.history import told
from tests.store.samples import line
from tests.store.upkeep.test_retention import RETENTION, clean, plan, runs, write

TODAY = datetime.now(UTC).date()
STATISTICS = ("job", "job_day", "job_hour", "job_duration", "job_error_day")


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def retention(tmp_path: Path) -> Retention:
    return replace(RETENTION, archive=tmp_path / "archive")


def name(days_ago: int, number: str = "") -> str:
    return f"joblog-{TODAY - timedelta(days=days_ago)}{number}.jsonl.gz"


def files(retention: Retention) -> list[str]:
    assert retention.archive is not None
    return sorted(path.name for path in retention.archive.iterdir())


def imported(dsn: str, retention: Retention) -> Holds:
    writer = Writer(dsn)
    holds = Holds(writer, retention)
    for path in sorted(retention.archive.iterdir() if retention.archive else ()):
        with gzip.open(path) as file:
            load(file, writer, before=holds.cover)
    writer.close()
    return holds


def everything(connection: psycopg.Connection) -> object:
    statistics = {
        table: connection.execute(f"select * from joblog.{table} order by 1, 2").fetchall() for table in STATISTICS
    }
    return contents(connection), statistics


def test_an_import_of_the_archive_puts_back_the_same_rows(
    connection: psycopg.Connection, dsn: str, retention: Retention
) -> None:
    write(dsn, told(1, 1), told(2, 100), told(3, 100), told(4, 101, RunStatus.ERROR), told(5, 200, RunStatus.LOST))
    write(dsn, told(6, 150, None), [line(1, 7, time=0)])
    before = everything(connection)
    clean(dsn, retention)
    assert runs(connection) == [1, 4]
    assert files(retention) == sorted([name(100), name(150), name(200), "joblog-1970-01-01.jsonl.gz"])
    imported(dsn, retention)
    assert everything(connection) == before


def test_what_was_imported_stays_for_one_retention_more(
    connection: psycopg.Connection, dsn: str, retention: Retention
) -> None:
    write(dsn, told(1, 1), told(2, 100), told(3, 500), told(4, 200, RunStatus.LOST))
    before = contents(connection)
    clean(dsn, retention)
    holds = imported(dsn, retention)
    assert (holds.runs, holds.until) == (3, TODAY + timedelta(days=90))
    connection.execute("delete from joblog.job_cleanup")
    assert maintain(dsn, retention)  # strays are brought home as well
    assert contents(connection) == before
    connection.execute("update joblog.job_hold set until = current_date")
    clean(dsn, retention)
    assert runs(connection) == [1]
    assert connection.execute("select * from joblog.job_hold").fetchall() == []


def test_an_archive_is_for_its_user_only_and_the_same_every_time(
    dsn: str, retention: Retention, tmp_path: Path
) -> None:
    write(dsn, told(1, 100))
    clean(dsn, retention)
    assert retention.archive is not None
    (path,) = retention.archive.iterdir()
    assert (retention.archive.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    first = path.read_bytes()
    imported(dsn, replace(retention, runs=0))
    path.unlink()
    clean(dsn, retention)
    assert path.read_bytes() == first


def test_what_comes_later_for_a_day_gets_a_file_of_its_own(dsn: str, retention: Retention) -> None:
    write(dsn, told(1, 100))
    clean(dsn, retention)
    write(dsn, told(2, 100))
    clean(dsn, retention)
    assert files(retention) == [name(100, "-2"), name(100)]


def test_nothing_is_deleted_that_could_not_be_archived(
    connection: psycopg.Connection, dsn: str, retention: Retention
) -> None:
    write(dsn, told(1, 100))
    assert retention.archive is not None
    retention.archive.write_text("a file in its place")
    assert maintain(dsn, retention)
    assert runs(connection) == [1]
    with pytest.raises(OSError):
        clean(dsn, retention)
    retention.archive.unlink()
    clean(dsn, retention)
    assert (runs(connection), files(retention)) == ([], [name(100)])


def test_what_was_planned_without_an_archive_goes_to_the_one_of_the_next_clean_up(
    connection: psycopg.Connection, dsn: str, retention: Retention
) -> None:
    write(dsn, told(1, 100))
    plan(connection, RETENTION)
    clean(dsn, retention)
    assert (runs(connection), files(retention)) == ([], [name(100)])


def test_a_run_that_gains_a_line_after_it_was_archived_stays_for_another_time(
    connection: psycopg.Connection, dsn: str, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = module.write_whole

    def write_and_be_late(path: Path, lines: Iterator[bytes]) -> None:
        written(path, lines)
        monkeypatch.setattr(module, "write_whole", written)
        write(dsn, [line(99, 1, time=told(1, 100)[1].start)])  # type: ignore[union-attr]

    monkeypatch.setattr(module, "write_whole", write_and_be_late)
    write(dsn, told(1, 100), told(2, 100))
    before = contents(connection)
    clean(dsn, retention)
    assert runs(connection) == []
    assert files(retention) == [name(100, "-2"), name(100)]
    imported(dsn, retention)
    after = contents(connection)
    assert len(after["job_log"]) == len(before["job_log"]) + 1
