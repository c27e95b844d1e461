"""Whether what we leave running is killed when we end: in a container, and as a service of systemd.

A container ends with its first process, which may be ourselves, or an init or a shell that ends when we do (``docker
run --init``, ``sh -c``). That it waits for us nobody says; that it is there can be seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

__all__ = ["all_end_with_us"]

_STAYS = b"systemd"  # as the first process of a container it does not end with any of its services


def all_end_with_us(*, on_host: bool, interactive: bool) -> bool:
    """Of a process that is not the first of its container.

    ``on_host``: whether it is known to be in none; ``interactive``: whether it is in the foreground of a terminal,
    where somebody has other things to do, too.
    """
    return _is_service(interactive=interactive) or (not on_host and _ends_container(interactive=interactive))


def _is_service(*, interactive: bool) -> bool:
    """Whether systemd started the service as a part of which we run: its main process is us, or waits for us.

    Shells in the windows of a desktop are children of a service as well, which goes on without them.
    """
    main = os.environ.get("SYSTEMD_EXEC_PID", "")
    if not main.isdecimal():
        return False
    pid = int(main)
    return pid == os.getsid(0) or (not interactive and any(each == pid for each, _ in _ancestry()))


def _ends_container(*, interactive: bool) -> bool:
    if not os.path.exists("/proc/self"):  # noqa: PTH110  (pathlib costs an import)
        return sys.platform == "linux" and os.getppid() <= 1  # there is next to nothing in it
    for pid, name in _ancestry():
        if pid == 1:
            return name != _STAYS
    # Our parent is outside: we are the first process of a container that shares its processes with another, or were
    # sent in later (docker exec), as those in a terminal mostly are.
    return not interactive


def _ancestry() -> Iterator[tuple[int, bytes]]:
    """Id and name of us, of our parent, of its parent, and so on, as far as they are in our namespace of processes."""
    depth = 0
    at = "self"
    while status := _status(at):
        # Ids in all namespaces from that of /proc inwards: the last is the one in the process's own.
        ids = status.get(b"NSpid", status.get(b"Pid", b"0")).split()
        if len(ids) < depth:
            return
        depth = len(ids)
        yield int(ids[-1]), status.get(b"Name", b"")
        at = status.get(b"PPid", b"0").decode()


def _status(pid: str) -> dict[bytes, bytes]:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
            return {name: value.strip() for name, _, value in (line.partition(b":") for line in file)}
    except OSError:
        return {}
