"""A hot standby: what it can serve, and what it knows when it takes over."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from otel_joblog.cli.serving.viewer import database
from otel_joblog.config import Settings
from otel_joblog.errors import StoreUnavailable
from otel_joblog.store.read.models import RunDetail
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.schema.may import May, login_may
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.server import programs
from otel_joblog.store.server.embedded import MARKER, EmbeddedServer
from otel_joblog.store.write.writer import Writer
from tests.store.samples import PROCESS, line, run_id, started

FOLDER = programs.found(
    Path(os.environ["OTEL_JOBLOG_TEST_PG_BIN"]) if "OTEL_JOBLOG_TEST_PG_BIN" in os.environ else None
)

pytestmark = pytest.mark.skipif(not (FOLDER / "pg_basebackup").exists(), reason="no pg_basebackup here")

REPLICATING = """
alter system set wal_level = 'replica';
alter system set max_wal_senders = 4;
alter system set fsync = off;
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[EmbeddedServer, EmbeddedServer]]:
    """A primary with our schema, and its standby."""
    with tempfile.TemporaryDirectory(prefix="ojt-", ignore_cleanup_errors=True) as folder:
        primary, standby = (EmbeddedServer(Path(folder) / name, FOLDER) for name in ("primary", "standby"))
        primary.start()
        with psycopg.connect(primary.dsn, autocommit=True) as connection:
            for statement in REPLICATING.strip().splitlines():
                connection.execute(statement)
        primary.stop()
        primary.start()
        migrate(primary.dsn)
        standby.folder.mkdir(mode=0o700)
        (standby.folder / MARKER).touch(0o600)
        shutil.copy(primary.folder / "password", standby.folder)
        copy(primary, standby)
        standby.start()
        try:
            yield primary, standby
        finally:
            standby.stop()
            primary.stop()


def copy(primary: EmbeddedServer, standby: EmbeddedServer) -> None:
    parts = urlsplit(primary.dsn)
    where = f"host={parse_qs(parts.query)['host'][0]} port=5432 user={parts.username} password={parts.password}"
    arguments = ("--pgdata=data", "--checkpoint=fast", "--write-recovery-conf", "--no-sync")
    programs.Programs(FOLDER).run("pg_basebackup", f"--dbname={where}", *arguments, cwd=standby.folder)


def caught_up(primary: EmbeddedServer, standby: EmbeddedServer) -> None:
    with psycopg.connect(primary.dsn) as connection:
        (place,) = connection.execute("select pg_current_wal_flush_lsn()::text").fetchall()
    deadline = time.monotonic() + 60
    with psycopg.connect(standby.dsn, autocommit=True) as connection:
        while connection.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", place).fetchone() != (True,):
            assert time.monotonic() < deadline
            time.sleep(0.02)


async def look(dsn: str) -> RunDetail:
    async with Reader(dsn) as reader:
        await reader.health()
        assert len((await reader.runs()).items) == 1
        assert len((await reader.lines(run_id())).items) == 3
        assert len((await reader.search("line")).items) == 3
        assert len((await reader.jobs()).items) == 1
        await reader.statistics()
        await reader.errors()
        return await reader.run(run_id())


def test_a_standby_serves_the_viewer_and_knows_who_lives_when_it_takes_over(
    servers: tuple[EmbeddedServer, EmbeddedServer], tmp_path: Path
) -> None:
    primary, standby = servers
    with closing(Writer(primary.dsn)) as writer:
        writer.write([started(), *(line(seq) for seq in range(3))], PROCESS)
        writer.beat([PROCESS.process_id])
    caught_up(primary, standby)
    assert asyncio.run(look(standby.dsn)).run.lines == 3
    with psycopg.connect(standby.dsn) as connection:
        assert connection.execute("select unresponsive from joblog.active_jobs").fetchall() == [(False,)]
        beats = connection.execute("select beat_at from joblog.job_live").fetchall()
    assert len(beats) == 1
    assert login_may(standby.dsn) is May.READ
    with database(Settings(dsn=standby.dsn, state_dir=tmp_path)) as using:
        assert using.remark is not None
    with closing(Writer(standby.dsn)) as writer, pytest.raises(StoreUnavailable, match="read-only"):
        writer.beat([PROCESS.process_id])

    primary.stop()
    with psycopg.connect(standby.dsn, autocommit=True) as connection:
        assert connection.execute("select pg_promote()").fetchone() == (True,)
        assert connection.execute("select beat_at from joblog.job_live").fetchall() == beats
    assert login_may(standby.dsn) is May.OWN
    with closing(Writer(standby.dsn)) as writer:
        assert writer.settle(3600) == 0
        writer.write([line(3)])
