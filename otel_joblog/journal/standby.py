"""Whether somebody else on this host ships: looked for by processes that would otherwise do it themselves."""

from __future__ import annotations

from pathlib import Path

from . import locks

__all__ = ["AGENT_LOCK", "COURIER_LOCK", "ENTRUSTED", "agent_at_work", "courier_at_work"]

AGENT_LOCK = "agent.lock"
COURIER_LOCK = "courier.lock"
ENTRUSTED = "entrusted"  # in the folder of a journal whose process leaves its shipping to a courier


def agent_at_work(root: Path) -> bool:
    """Whether an agent ships the journals below ``root``."""
    return _is_held(root / AGENT_LOCK)


def courier_at_work(root: Path) -> bool:
    """Whether a courier ships the journals below ``root`` that are entrusted to it, and those of the dead."""
    return _is_held(root / COURIER_LOCK)


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with locks.held(lock, exclusive=False) as free:
        return not free
