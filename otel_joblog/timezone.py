"""The time zone of this host, by name: what a cron line that names none means by three o'clock."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .diagnostics import report

__all__ = ["local_timezone"]

_LINK = Path("/etc/localtime")
_NAME = Path("/etc/timezone")  # where the link is none
_DATABASE = "zoneinfo/"
_SYSTEM = tuple(map(Path, ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")))
_NO_ZONES = ("localtime", "posixrules")  # files among the zones that are called by no zone's name
_LARGEST = 100_000  # bytes of a zone's file; the longest have 4,000


@functools.cache
def local_timezone() -> str:
    """Such as ``Europe/Berlin``: what ``CRON_TZ`` or ``TZ`` says, else that of ``/etc/localtime``, else ``UTC``.

    Asked only where a schedule was given, and once a process. A variable counts where it names a zone that is known
    here, be it by a path. Where ``/etc/localtime`` leads, or ``/etc/timezone`` says, counts where the file goes by the
    same rule: in a container it may be the host's. Else it is a zone with the same rule.
    """
    told = os.environ.get("CRON_TZ", os.environ.get("TZ"))  # cronie hands on the zone of its table
    if told is not None:
        name = _in_database(told.removeprefix(":"))
        if not name:
            return "UTC"
        if _rule_of(name) is not None:
            return name
    return _of_host()


def _of_host() -> str:
    rule = _rule(_LINK)
    names = [name for name in (_linked(), _written()) if name]
    if not rule:
        return names[0] if names else "UTC"
    return next((name for name in names if _rule_of(name) == rule), "") or _alike(rule) or _by_offset()


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


def _rule_of(name: str) -> bytes | None:
    """The rule of the zone of that name; None where none is called so."""
    if name in _NO_ZONES or name.startswith("/") or ".." in name:
        return None
    return next((rule for folder in _folders() if (rule := _rule(folder / name)) is not None), None)


def _rule(path: Path) -> bytes | None:
    """What a zone goes by from its last change on, such as ``CET-1CEST,M3.5.0,M10.5.0/3``: its file ends with it.

    Releases and flavours of the database differ in what lies before. Empty in files of the first version (RFC 9636).
    """
    content = _content(path)
    if content[:4] != b"TZif":
        return None
    return content[:-1].rpartition(b"\n")[2] if content[4:5] >= b"2" else b""


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except (OSError, ValueError):
        return b""


@functools.cache
def _folders() -> tuple[Path, ...]:
    """Where zones are, our own first: a file that was mounted at ``/etc/localtime`` may lie in the system's."""
    ours = find_spec("tzdata")
    places = (ours and ours.submodule_search_locations) or []
    return (*(Path(place) / "zoneinfo" for place in places), *(folder for folder in _SYSTEM if folder.is_dir()))


def _alike(rule: bytes) -> str:
    """The zone with the very file that is at ``/etc/localtime``, else the first one with its rule, if any."""
    content = _content(_LINK)
    alike = ""
    for name in _principal_zones():
        files = [folder / name for folder in _folders()]
        if any(_content(file) == content and not file.samefile(_LINK) for file in files):
            return name
        if not alike and _rule_of(name) == rule:
            alike = name
    return alike


def _principal_zones() -> Iterator[str]:
    """One name of each zone; some 300."""
    yield "Etc/UTC"
    table = next(filter(None, (_content(folder / "zone1970.tab") for folder in _folders())), b"")
    for line in table.decode("utf-8", "replace").splitlines():
        columns = line.split("\t")
        if len(columns) > 2 and not line.startswith("#"):
            yield columns[2]


def _by_offset() -> str:
    import time

    hours = round(time.localtime().tm_gmtoff / 3_600)
    name = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    report(
        "timezone",
        "no time zone has the rules of %s: schedules are read in %s. Set TZ to name another one",
        _LINK,
        name,
    )
    return name
