"""The bench: a real server, databases, workers in processes of their own, and a watchdog over everything."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from otel_joblog.journal.recovery import dead_journals
from otel_joblog.store.server.embedded import EmbeddedServer

from .tally import Tally
from .worker import READY, Counts

ROOT = Path(__file__).parent.parent.parent
WORKER = Path(__file__).with_name("worker.py")
HANG = (
    240.0  # seconds after which a process that should have ended is called hanging, on a machine that others use, too
)

_numbers = itertools.count(1)
_started: list[subprocess.Popen[bytes]] = []


class Hang(Exception):
    pass


def new_name() -> str:
    """Of a job: each as long as any other."""
    return f"fault{next(_numbers):05d}"


def wait_until(true: Callable[[], Any], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Hang(f"{what} has not come after {seconds:g} s")
        time.sleep(0.005)


class Worker:
    """A worker process and its counts."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], counts: Counts, errors: Path) -> None:
        self.name = name
        self.process = process
        self.counts = counts
        self.errors = errors

    @property
    def lines(self) -> int:
        return sum(self.counts[slot] for slot in range(READY))

    def ready(self) -> None:
        wait_until(lambda: self.counts[READY] or self.process.poll() is not None, HANG, f"the start of {self.name}")

    def begun(self, lines: int = 1) -> None:
        wait_until(lambda: self.lines >= lines or self.process.poll() is not None, HANG, f"line {lines} of {self.name}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def end(self, seconds: float = HANG) -> int:
        """Wait for its end; where it hangs, have it say where and kill it."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGUSR1)
            time.sleep(0.5)
            self.kill()
            self.process.wait()
            raise Hang(f"{self.name} hangs: {self.errors.read_text()[-3000:]}") from None


class Room:
    """A state folder and the DSN of a database; workers, recoverers and agents in it."""

    def __init__(self, folder: Path, dsn: str, direct: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.dsn = dsn  # what workers are given
        self.direct = direct  # what checks go by
        self.environment: dict[str, str] = {}
        self.workers: list[Worker] = []

    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        ours = {"OTEL_JOBLOG_STATE_DIR": str(self.state), "OTEL_JOBLOG_DSN": self.dsn, "PYTHONPATH": str(ROOT)}
        return kept | ours | self.environment

    def work(
        self,
        ending: str = "end",
        *,
        threads: int = 1,
        lines: int = 0,
        pause: float = 0.0,
        under: Sequence[str] = (),
        **env: str,
    ) -> Worker:
        """Start a worker (see worker.py), ``under`` a command that runs another."""
        name = new_name()
        path = self.folder / f"{name}.counts"
        counts, errors = Counts(path), self.folder / f"{name}.err"
        command = [*under, sys.executable, str(WORKER), name, str(path), ending, str(threads), str(lines), str(pause)]
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                command, env=self.variables() | env, cwd=self.folder, stderr=stderr, stdin=subprocess.DEVNULL
            )
        _started.append(process)
        self.workers.append(worker := Worker(name, process, counts, errors))
        return worker

    def command(self, *words: str, under: Sequence[str] = (), **env: str) -> subprocess.Popen[bytes]:
        """Start ``otel-joblog WORDS``, ``under`` a command that runs another."""
        with (self.folder / f"{words[0]}.log").open("ab") as output:
            process = subprocess.Popen(
                [*under, sys.executable, "-m", "otel_joblog", *words],
                env=self.variables() | env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        _started.append(process)
        return process

    def recover(self, seconds: float = HANG) -> None:
        """``otel-joblog recover`` until nothing is left."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                code = self.command("recover").wait(seconds)
            except subprocess.TimeoutExpired:
                raise Hang(f"recover hangs: {(self.folder / 'recover.log').read_text()[-1000:]}") from None
            if code == 0 and not dead_journals(self.state / "journal"):
                return
            if time.monotonic() > deadline:
                raise Hang(f"recover does not come to an end: {(self.folder / 'recover.log').read_text()[-1000:]}")
            time.sleep(0.2)

    def settle(self, tally: Tally, *allowed: str, dsns: tuple[str, ...] = ()) -> None:
        """Recover, and check every worker of this room."""
        for worker in self.workers:
            worker.end()
        self.recover()
        for worker in self.workers:
            tally.count(worker.name, worker.counts, dsns or (self.direct,))
            if worker.lines or worker.process.returncode >= 0:
                tally.judge(worker.name, self.direct, allowed)
        letters = self.state / "journal" / "dead-letters.jsonl"
        tally.expect(not letters.exists(), f"dead letters: {letters.read_text()[:300] if letters.exists() else ''}")
        self.workers.clear()


class Bench:
    """What the cases share: a folder, a server, and how many times each is to run."""

    def __init__(self, folder: Path, scale: float) -> None:
        self.folder = folder
        self.scale = scale
        self.server = EmbeddedServer(folder / "postgres")

    def times(self, count: int) -> range:
        return range(max(1, -int(-count * self.scale // 1)))

    def outage(self) -> float:
        return 30.0 if self.scale >= 1 else 3.0

    def room(self, server: EmbeddedServer | None = None) -> Room:
        """A new state folder with a new, empty database."""
        name = f"faults_{next(_numbers)}"
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        server = server or self.server
        administer(server.dsn, f"create database {name}")
        dsn = make_conninfo(server.dsn, dbname=name)
        return Room(folder, dsn, dsn)


def administer(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@contextlib.contextmanager
def bench(scale: float) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="ojf-", ignore_cleanup_errors=True) as folder:
        made = Bench(Path(folder), scale)
        made.server.start()
        administer(made.server.dsn, "alter system set fsync = off", "select pg_reload_conf()")
        try:
            yield made
        finally:
            end_all()
            made.server.stop()


def end_all() -> None:
    """No process of a case outlives it."""
    for process in _started:
        if process.poll() is None:
            process.kill()
            process.wait()
    _started.clear()
