"""The journal's disk: full, read-only, deleted."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .bench import HANG, Bench, Room, wait_until
from .network import behind_proxy
from .tally import Tally

PATIENT = {"OTEL_JOBLOG_EXIT_TIMEOUT": "30"}  # what lies in memory ends with its process


@contextlib.contextmanager
def small_disk(room: Room) -> Iterator[Path]:
    room.state.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(room.state)]
    subprocess.run(mounting, check=True, stderr=subprocess.PIPE)
    try:
        yield room.state
    finally:
        subprocess.run(["umount", "--lazy", str(room.state)], check=False)


def disk_full(bench: Bench, tally: Tally) -> None:
    """disk full while PostgreSQL is away, which is then back while the job still logs"""
    full(bench, tally, lines=4000, pause=0.002, back_after=0.5)


def disk_full_at_exit(bench: Bench, tally: Tally) -> None:
    """disk full and PostgreSQL away when the job ends; back within the exit budget"""
    full(bench, tally, lines=10_000, pause=0.0, back_after=3.0)


def disk_recovers(bench: Bench, tally: Tally) -> None:
    """disk full and then not, PostgreSQL away until long after the exit"""
    for _ in bench.times(3):
        with behind_proxy(bench, "refuse") as (room, proxy), small_disk(room) as disk:
            occupied = disk / "occupied"
            occupied.write_bytes(bytes(800 * 1024))
            worker = room.work(threads=2, lines=1500, pause=0.0005)
            wait_until(lambda disk=disk: shutil.disk_usage(disk).free < 8192, HANG, "the disk full")
            time.sleep(0.3)
            occupied.unlink()
            worker.end()
            proxy.mode = "pass"
            room.settle(tally, "success")
        tally.times += 1


def full(bench: Bench, tally: Tally, lines: int, pause: float, back_after: float) -> None:
    for _ in bench.times(3):
        with behind_proxy(bench, "refuse") as (room, proxy), small_disk(room) as disk:
            room.environment = PATIENT
            (disk / "occupied").write_bytes(bytes(800 * 1024))
            worker = room.work(threads=2, lines=lines, pause=pause)
            wait_until(lambda disk=disk: shutil.disk_usage(disk).free < 8192, HANG, "the disk full")
            time.sleep(back_after)
            tally.expect(worker.process.poll() is None, "the process was over before PostgreSQL was back")
            proxy.mode = "pass"
            worker.end()
            room.settle(tally, "success")
        tally.times += 1


def disk_read_only(bench: Bench, tally: Tally) -> None:
    """the journal's folder and what lies in it read-only for a while, also for files that are open"""
    for _ in bench.times(3):
        room = bench.room()
        room.environment = PATIENT
        worker = room.work(threads=2, lines=2000, pause=0.001)
        worker.begun(300)
        try:
            done = subprocess.run(["chattr", "-R", "+i", str(room.state)], check=False, capture_output=True, text=True)
            if done.returncode:
                tally.remarks.append(f"skipped: {done.stderr.strip()[:100]}")
                worker.kill()
                worker.end()
                return
            time.sleep(1)
            tally.expect(worker.process.poll() is None, "the process was over while its folder was read-only")
        finally:
            subprocess.run(["chattr", "-R", "-i", str(room.state)], check=False, capture_output=True)
        worker.end()
        room.settle(tally, "success")
        tally.times += 1


def folder_deleted(bench: Bench, tally: Tally) -> None:
    """the state folder deleted under a running process, twice"""
    for _ in bench.times(3):
        room = bench.room()
        room.environment = PATIENT
        worker = room.work(threads=2, lines=3000, pause=0.001)
        for lines in (300, 2500):
            worker.begun(lines)
            shutil.rmtree(room.state, ignore_errors=True)
        worker.end()
        room.settle(tally, "success")
        tally.times += 1


CASES = (disk_full, disk_full_at_exit, disk_recovers, disk_read_only, folder_deleted)
