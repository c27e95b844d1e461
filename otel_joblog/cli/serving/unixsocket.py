"""A Unix socket to listen on, which no other account of the host can open."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import click

__all__ = ["unix_socket"]


@contextlib.contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """It is there, with mode 0600, while the block runs. One that a killed process left is replaced.

    Raises :class:`click.ClickException` where somebody listens on it, or something else is there.
    """
    _make_way(path)
    with socket.socket(socket.AF_UNIX) as bound:
        mask = os.umask(0o177)  # so that there is no moment at which others may connect
        try:
            bound.bind(str(path))
        except OSError as error:
            raise click.ClickException(f"cannot listen on {path}: {error.strerror or error}") from error
        finally:
            os.umask(mask)
        bound.listen()
        try:
            yield bound
        finally:
            path.unlink(missing_ok=True)


def _make_way(path: Path) -> None:
    try:
        found = path.lstat()
    except OSError:
        return  # nothing there; bind() says what else is wrong
    if not stat.S_ISSOCK(found.st_mode):
        raise click.ClickException(f"{path} exists and is not a socket: give another path")
    with socket.socket(socket.AF_UNIX) as asking:
        if asking.connect_ex(str(path)) == 0:
            raise click.ClickException(f"another process listens on {path}: give another path, or stop that one first")
    path.unlink()
