"""Whether somebody else on this host ships to an exporter: looked for by processes that would otherwise do it
themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import blake2s
from pathlib import Path

from ..interruption import foreign
from . import locks
from .claims import FROZEN, Claim, silent

__all__ = [
    "ENTRUSTED",
    "agent_at_work",
    "agent_lock",
    "claim_journal",
    "courier_at_work",
    "courier_lock",
    "served",
    "ship_lock",
    "stopped",
]

ENTRUSTED = "entrusted"  # in the folder of a journal whose process leaves its shipping to a courier
BATCH = 120.0  # seconds that whoever ships a journal may take for a batch; who takes longer is stopped

_AGENT, _LOCK = "agent-", ".lock"


def agent_lock(root: Path, exporter: str) -> Path:
    return root / f"{_AGENT}{exporter}{_LOCK}"


def agent_at_work(root: Path, exporter: str) -> bool:
    """Whether an agent ships the journals below ``root`` to this exporter. One that is stopped does not."""
    return _at_work(agent_lock(root, exporter))


def served(root: Path) -> set[str]:
    """The exporters that agents ship to. OSError where that cannot be seen."""
    return {exporter for exporter, lock in _agent_locks(root).items() if _at_work(lock)}


def stopped(root: Path) -> set[str]:
    """The exporters whose agent holds its lock and shows no life."""
    return {exporter for exporter, lock in _agent_locks(root).items() if _is_held(lock) and silent(lock, FROZEN)}


def _agent_locks(root: Path) -> dict[str, Path]:
    paths = list(root.iterdir()) if root.exists() else []
    return {
        path.name[len(_AGENT) : -len(_LOCK)]: path
        for path in paths
        if path.name.startswith(_AGENT) and path.name.endswith(_LOCK)
    }


def courier_at_work(root: Path, exporters: Iterable[str]) -> bool:
    """Whether a courier ships to these exporters what is entrusted to it below ``root``, and what the dead left."""
    return _at_work(courier_lock(root, exporters))


def courier_lock(root: Path, exporters: Iterable[str]) -> Path:
    """Of the courier that ships to exactly these exporters; one with others knows nothing of their database."""
    mark = blake2s(" ".join(sorted(exporters)).encode(), digest_size=4).hexdigest()
    return root / f"courier-{mark}.lock"


def ship_lock(folder: Path, exporter: str) -> Path:
    return folder / f"{exporter}.ship"


def claim_journal(folder: Path, exporter: str) -> Claim:
    """Claim the shipping of a journal. BlockingIOError where somebody else is at it; OSError where there is no room.

    Of an agent that is stopped it is taken away at once: it may have been in no batch for hours.
    """
    agent = agent_lock(folder.parent, exporter)
    stopped = _is_held(agent) and silent(agent, FROZEN)
    return Claim.take(ship_lock(folder, exporter), stale=FROZEN if stopped else BATCH)


def _at_work(lock: Path) -> bool:
    return _is_held(lock) and not silent(lock, FROZEN)


def _is_held(lock: Path) -> bool:
    """False where that cannot be seen, with too many open files: who ships goes on with it."""
    try:
        return os.access(lock, os.F_OK) and locks.is_held(lock)
    except OSError as error:
        if foreign(error):
            raise
        return False
