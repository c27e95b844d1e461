"""PostgreSQL stopped, killed, not there, and emptied, while jobs log."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from otel_joblog.store.server.embedded import EmbeddedServer

from .bench import HANG, Bench, Room, Worker, administer, wait_until
from .tally import Tally

PAUSE = 0.001  # between two lines of a thread: some hundred a second
LOAD = 600  # lines a second of a thread, about


@contextlib.contextmanager
def own_server(bench: Bench) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(Path(tempfile.mkdtemp(dir=bench.folder)) / "postgres")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def under_load(room: Room, seconds: float) -> list[Worker]:
    """Two jobs that log for about so many seconds. The second is left to end by itself, the first with the budget."""
    lines = int(seconds * LOAD)
    workers = [room.work(threads=2, lines=lines, pause=PAUSE) for _ in range(2)]
    for worker in workers:
        worker.begun(200)
    return workers


def stopped(bench: Bench, tally: Tally, stop: Callable[[EmbeddedServer], object]) -> None:
    with own_server(bench) as server:
        for _ in bench.times(5):
            room = bench.room(server)
            under_load(room, bench.outage() + 3)
            stop(server)
            time.sleep(bench.outage())
            server.start()
            room.settle(tally, "success")
            tally.times += 1


def postmaster(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid
    return pid


def postgres_fast(bench: Bench, tally: Tally) -> None:
    """PostgreSQL stopped: fast"""
    stopped(bench, tally, lambda server: server.stop())


def postgres_immediate(bench: Bench, tally: Tally) -> None:
    """PostgreSQL stopped: immediate"""
    stopped(bench, tally, lambda server: os.kill(postmaster(server), signal.SIGQUIT))


def postgres_killed(bench: Bench, tally: Tally) -> None:
    """PostgreSQL stopped: SIGKILL of the postmaster"""
    stopped(bench, tally, lambda server: os.kill(postmaster(server), signal.SIGKILL))


def postgres_never_there(bench: Bench, tally: Tally) -> None:
    """PostgreSQL not there from the start to the end of a job"""
    with own_server(bench) as server:
        for _ in bench.times(5):
            room = bench.room(server)
            server.stop()
            for worker in under_load(room, bench.outage()):
                worker.end()
            server.start()
            room.settle(tally, "success")
            tally.times += 1


def database_recreated(bench: Bench, tally: Tally) -> None:
    """the database dropped and recreated; what it held before is kept aside to be counted"""
    for _ in bench.times(5):
        room = bench.room()
        under_load(room, bench.outage() + 3)
        name = str(conninfo_to_dict(room.direct)["dbname"])
        aside = f"{name}_aside"
        wait_until(lambda dsn=room.direct: lines_of(dsn), HANG, "a line stored")
        put_aside(bench.server.dsn, name, aside)
        time.sleep(bench.outage())
        administer(bench.server.dsn, f"create database {name}")
        room.settle(tally, "success", dsns=(room.direct, make_conninfo(room.direct, dbname=aside)))
        tally.expect(lines_of(room.direct) > 0, "the new database has no lines")
        tally.times += 1


def lines_of(dsn: str) -> int:
    with psycopg.connect(dsn) as connection, contextlib.suppress(psycopg.errors.UndefinedTable):
        row = connection.execute("select count(*) from joblog.job_log").fetchone()
        return int(row[0]) if row else 0
    return 0


def put_aside(dsn: str, name: str, aside: str) -> None:
    """To whoever is connected, a database renamed is a database dropped."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(name)))
        for _ in range(100):
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            with contextlib.suppress(psycopg.errors.ObjectInUse):
                connection.execute(
                    sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(aside))
                )
                break
            time.sleep(0.05)
        connection.execute(sql.SQL("alter database {} allow_connections true").format(sql.Identifier(aside)))


CASES = (postgres_fast, postgres_immediate, postgres_killed, postgres_never_there, database_recreated)
