"""``OTEL_JOBLOG_FSYNC``: what is on the disk itself, and when."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from otel_joblog.config import Fsync
from otel_joblog.journal import durability
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.shipper import Shipper

from .samples import PROCESS, fill


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The inode and the size of every file at the moment at which it is synced."""
    seen: list[tuple[int, int]] = []
    sync = os.fdatasync

    def spy(descriptor: int) -> None:
        sync(descriptor)
        status = os.fstat(descriptor)
        seen.append((status.st_ino, status.st_size))

    monkeypatch.setattr(os, "fdatasync", spy)
    return seen


def written_to(root: Path, fsync: Fsync) -> Journal:
    return Journal(root, PROCESS, ["kept"], fsync=fsync)


def segment_status(journal: Journal) -> tuple[int, int]:
    assert journal.folder is not None
    status = next(journal.folder.glob("*.seg")).stat()
    return status.st_ino, status.st_size


def test_always_syncs_every_record_before_it_returns(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    written = written_to(tmp_path, "always")
    for number in range(5):
        fill(written, [number])
        assert synced[-1] == segment_status(written)
    written.remove()


def test_always_syncs_the_names_of_new_files_too(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    written = written_to(tmp_path, "always")
    fill(written, [1])
    assert written.folder is not None
    assert {tmp_path.stat().st_ino, written.folder.stat().st_ino} <= {inode for inode, _ in synced}
    written.remove()


def test_interval_syncs_within_a_moment_also_when_nothing_more_comes(
    tmp_path: Path, synced: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "INTERVAL", 0.01)
    written = written_to(tmp_path, "interval")
    shipping = Shipper(written, [])
    fill(written, range(100))
    assert not synced
    shipping.start()
    deadline = time.monotonic() + 10
    while segment_status(written) not in synced and time.monotonic() < deadline:
        time.sleep(0.01)
    assert segment_status(written) in synced
    assert shipping._syncer is not None
    shipping._syncer.end()
    written.remove()


def test_never_leaves_it_to_the_kernel(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    written = written_to(tmp_path, "never")
    fill(written, range(100))
    written.close()
    assert not synced
