"""Everything the store does works behind PgBouncer in transaction mode: no session is ours for longer than that."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from otel_joblog.store.read.reader import Reader
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.upkeep.maintenance import maintain
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, run_id, started, step

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no pgbouncer here")

CONFIGURATION = """
[databases]
* = {server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
logfile = {folder}/log
pidfile = {folder}/pid
"""


@pytest.fixture
def pooled(empty_dsn: str, tmp_path: Path) -> Iterator[str]:
    """The DSN of an empty database behind a PgBouncer with three connections."""
    given = conninfo_to_dict(empty_dsn)
    server = " ".join(f"{key}='{given[key]}'" for key in ("host", "port", "user", "password") if given.get(key))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "ini").write_text(CONFIGURATION.format(server=server, port=port, folder=tmp_path))
    # It refuses to be root, and another user could not enter the folder of the server's socket.
    as_somebody = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
    dsn = make_conninfo(f"host=127.0.0.1 port={port} dbname={given['dbname']} user=anybody")
    with subprocess.Popen(
        [*as_somebody, str(PROGRAM), "-q", str(tmp_path / "ini")], stderr=subprocess.DEVNULL
    ) as process:
        wait_for(dsn, process)
        yield dsn
        process.terminate()


def wait_for(dsn: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(dsn).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, "pgbouncer ended"
            assert time.monotonic() < deadline, "pgbouncer does not answer"
            time.sleep(0.05)


def test_everything_works_behind_a_pool_of_transactions(pooled: str) -> None:
    threads = [threading.Thread(target=migrate, args=[pooled]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def write(number: int) -> None:
        writer = Writer(pooled)
        for _ in range(2):  # the second time staged
            lines = [line(seq, number, message=f"order {seq}", time=NOW - seq * 86_400 * SECOND) for seq in range(20)]
            writer.write([started(number), started(number, **step(1)), *lines], PROCESS)
            writer.beat([PROCESS.process_id])
        writer.write([ended(number)], PROCESS)
        writer.settle(1000)
        writer.close()

    writers = [threading.Thread(target=write, args=[number]) for number in range(6)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert maintain(pooled)

    async def read() -> None:
        async with Reader(pooled) as reader:
            answers = await asyncio.gather(
                *(reader.lines(run_id(number)) for number in range(6)),
                *(reader.search("order 17", since=None) for _ in range(10)),
                *(reader.runs() for _ in range(10)),
            )
            assert [len(page.items) for page in answers] == [20] * 6 + [6] * 10 + [6] * 10
            (job,) = (await reader.jobs()).items
            assert (job.runs, job.failures) == (6, 0)
            assert (await reader.statistics()).total.successes == 6

    asyncio.run(read())
