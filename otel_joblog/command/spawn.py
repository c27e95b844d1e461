"""Starting processes with ``posix_spawn``: no import, and no copy of ourselves."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Iterator, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["spawn_command", "spawn_ours"]

# Python ignores these two; a command expects them as they were.
_RESTORED = [number for name in ("SIGPIPE", "SIGXFSZ") if (number := getattr(signal, name, None)) is not None]

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


def spawn_command(
    command: list[str], environ: Mapping[str, str], outputs: tuple[int, int], *, own_group: bool, cwd: str | None
) -> int:
    """Start a command with these descriptors as its stdout and stderr; returns its pid.

    Raises OSError where it cannot be started. A script without ``#!`` is given to ``/bin/sh``, as shells do.
    """
    out, err = outputs
    actions = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)]
    group: dict[str, Any] = {"setpgroup": 0} if own_group else {}

    def spawn(arguments: list[str]) -> int:
        return os.posix_spawnp(arguments[0], arguments, environ, file_actions=actions, setsigdef=_RESTORED, **group)

    with _in_folder(cwd):
        try:
            return spawn(command)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            import shutil

            return spawn(["/bin/sh", shutil.which(command[0]) or command[0], *command[1:]])


def spawn_ours(module: str, *, stdin: int | None, stderr: int | None) -> int:
    """Start a module of ours in a session of its own, with nothing open but what it is given: whoever waits for our
    output to end must not wait for it.
    """
    given = {descriptor for descriptor in (stdin, stderr) if descriptor is not None}
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
    for descriptor, source in ((0, stdin), (1, None), (2, stderr)):
        if source is None:
            actions.append((os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, source, descriptor))
    actions += [(os.POSIX_SPAWN_CLOSE, inherited) for inherited in _inheritable() if inherited not in given]
    # Nothing of the command's folder is imported (-P); but a checkout that is not installed is known to us alone.
    code = f"import sys; sys.path.append({_PACKAGES!r}); from {module} import main; main()"
    program = [sys.executable, "-P", "-c", code]
    return os.posix_spawn(
        program[0], program, os.environ, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_RESTORED
    )


def _inheritable() -> list[int]:
    """Descriptors beyond the first three that whoever started us left open for all."""
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208  (pathlib costs an import here)
    except OSError:
        return []
    found = []
    for number in numbers:
        with contextlib.suppress(OSError):
            if number > 2 and os.get_inheritable(number):
                found.append(number)
    return found


@contextlib.contextmanager
def _in_folder(path: str | None) -> Iterator[None]:
    if path is None:
        yield
        return
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(path)
        yield
    finally:
        os.fchdir(here)
        os.close(here)
