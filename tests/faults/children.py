"""Processes that make processes."""

from __future__ import annotations

from .bench import Bench
from .tally import Tally


def repeat(bench: Bench, tally: Tally, ending: str) -> None:
    room = bench.room()
    for _ in bench.times(20):
        worker = room.work(ending, lines=200)
        got = worker.end()
        tally.expect(got == 0, f"{worker.name} ended with {got}: {worker.errors.read_text()[-800:]}")
        tally.times += 1
    room.settle(tally, "success")


def fork(bench: Bench, tally: Tally) -> None:
    """os.fork while the parent writes; children end by os._exit and SIGKILL"""
    repeat(bench, tally, "fork")


def pool_fork(bench: Bench, tally: Tally) -> None:
    """ProcessPoolExecutor, fork"""
    repeat(bench, tally, "pool_fork")


def pool_spawn(bench: Bench, tally: Tally) -> None:
    """ProcessPoolExecutor, spawn"""
    repeat(bench, tally, "pool_spawn")


def recycled(bench: Bench, tally: Tally) -> None:
    """a worker recycled by os._exit after each task"""
    repeat(bench, tally, "recycle")


CASES = (fork, pool_fork, pool_spawn, recycled)
