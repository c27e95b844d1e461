"""Whether what we leave running is killed when we end: in a container, and as a service of systemd.

A container ends with its first process, which may be ourselves, or an init or a shell that ends when we do (``docker
run --init``, ``sh -c``). That it waits for us nobody says; that it is there can be seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

__all__ = ["all_end_with_us"]

_OF_THE_HOST = 0xEFFFFFFC  # the inode of a Linux host's own namespace of processes, always
_STAYS = b"systemd"  # as the first process of a container it does not end with any of its services


def all_end_with_us(*, interactive: bool) -> bool:
    """``interactive``: whether we are in the foreground of a terminal, where somebody has other things to do, too."""
    return os.getpid() == 1 or _is_service(interactive=interactive) or _ends_container(interactive=interactive)


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
    try:
        if os.stat("/proc/self/ns/pid").st_ino == _OF_THE_HOST:  # noqa: PTH116  (pathlib costs an import)
            return False
    except OSError:  # a container with next to nothing in it
        return sys.platform == "linux" and os.getppid() <= 1
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
