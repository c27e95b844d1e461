"""Whether somebody else on this host ships: looked for by processes that would otherwise do it themselves."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2s
from pathlib import Path

from . import locks

__all__ = ["AGENT_LOCK", "ENTRUSTED", "agent_at_work", "courier_at_work", "courier_lock"]

AGENT_LOCK = "agent.lock"
ENTRUSTED = "entrusted"  # in the folder of a journal whose process leaves its shipping to a courier


def agent_at_work(root: Path) -> bool:
    """Whether an agent ships the journals below ``root``."""
    return _is_held(root / AGENT_LOCK)


def courier_at_work(root: Path, exporters: Iterable[str]) -> bool:
    """Whether a courier ships to these exporters what is entrusted to it below ``root``, and what the dead left."""
    return _is_held(courier_lock(root, exporters))


def courier_lock(root: Path, exporters: Iterable[str]) -> Path:
    """Of the courier that ships to exactly these exporters; one with others knows nothing of their database."""
    mark = blake2s(" ".join(sorted(exporters)).encode(), digest_size=4).hexdigest()
    return root / f"courier-{mark}.lock"


def _is_held(lock: Path) -> bool:
    """False where that cannot be seen, with too many open files: who ships goes on with it."""
    try:
        return lock.exists() and locks.is_held(lock)
    except OSError:
        return False
