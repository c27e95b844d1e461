"""The time zone of this host, by name: what a cron line that names none means by three o'clock."""

from __future__ import annotations

import functools
import os
from pathlib import Path

__all__ = ["local_timezone"]

_LINK = Path("/etc/localtime")
_NAME = Path("/etc/timezone")  # where the link is none, as in containers that are given the host's file
_DATABASE = "zoneinfo/"


@functools.cache
def local_timezone() -> str:
    """Such as ``Europe/Berlin``: what ``CRON_TZ`` or ``TZ`` says, else where ``/etc/localtime`` leads, else ``UTC``.

    Asked only where a schedule was given, and once a process. What a variable says is passed on unchecked.
    """
    told = os.environ.get("CRON_TZ", os.environ.get("TZ"))  # cronie hands on the zone of its table
    if told is not None:
        return _in_database(told.removeprefix(":")) or "UTC"
    return _linked() or _written() or "UTC"


def _linked() -> str:
    try:
        path = str(_LINK.readlink())
    except OSError:
        return ""
    return _in_database(path) if _DATABASE in path else ""


def _written() -> str:
    try:
        with _NAME.open(encoding="ascii") as file:
            return file.readline(100).strip()
    except (OSError, ValueError):
        return ""


def _in_database(path: str) -> str:
    name = path.rpartition(_DATABASE)[2]
    return name.removeprefix("posix/").removeprefix("right/")
