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
    from typing import Any, NoReturn

    from .signals import Inherited

__all__ = ["become", "open_descriptors", "spawn_command", "spawn_ours"]

# Python ignores these two; a command expects them as they were.
_RESTORED = [number for name in ("SIGPIPE", "SIGXFSZ") if (number := getattr(signal, name, None)) is not None]

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


def spawn_command(
    command: list[str],
    environ: Mapping[str, str],
    outputs: Mapping[int, int],
    *,
    own_group: bool,
    cwd: str | None,
    inherited: Inherited,
) -> int:
    """Start a command, with the writing end of a pipe for each of its ``outputs``; returns its pid.

    Raises OSError where it cannot be started. A script without ``#!`` is given to ``/bin/sh``, as shells do.
    """

    def spawn(arguments: list[str]) -> int:
        if inherited.ignored:
            return _fork(arguments, environ, outputs, inherited, own_group=own_group)
        group: dict[str, Any] = {"setpgroup": 0} if own_group else {}
        actions = [(os.POSIX_SPAWN_DUP2, pipe, stream) for stream, pipe in outputs.items()]
        return os.posix_spawnp(
            arguments[0], arguments, environ,
            file_actions=actions, setsigdef=_RESTORED, setsigmask=inherited.blocked, **group,
        )  # fmt: skip

    with _in_folder(cwd):
        try:
            return spawn(command)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return spawn(_for_shell(command))


def _fork(
    arguments: list[str],
    environ: Mapping[str, str],
    outputs: Mapping[int, int],
    inherited: Inherited,
    *,
    own_group: bool,
) -> int:
    """The same of a command that is to ignore signals which we do not: ``posix_spawn`` cannot have that."""
    import subprocess

    def prepare() -> None:
        for number in inherited.ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, inherited.blocked)

    process = subprocess.Popen(
        arguments,
        env=environ,
        stdout=outputs.get(1),
        stderr=outputs.get(2),
        close_fds=False,
        preexec_fn=prepare,  # noqa: PLW1509  (there is one thread)
        process_group=0 if own_group else None,
    )
    process.returncode = 0  # it is for us to wait for it
    return process.pid


def become(command: list[str], environ: Mapping[str, str], cwd: str | None) -> NoReturn:
    """Run the command in our place. Raises OSError where it cannot be."""
    for number in _RESTORED:
        signal.signal(number, signal.SIG_DFL)
    if cwd is not None:
        os.chdir(cwd)
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        command = _for_shell(command)
        os.execve(command[0], command, environ)  # noqa: S606


def _for_shell(command: list[str]) -> list[str]:
    import shutil

    return ["/bin/sh", shutil.which(command[0]) or command[0], *command[1:]]


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


def open_descriptors() -> list[int]:
    """Those beyond the first three, and the one by which they were listed, which is closed by then."""
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208  (pathlib costs an import here)
    except OSError:
        return []
    return [number for number in numbers if number > 2]


def _inheritable() -> list[int]:
    """Descriptors beyond the first three that whoever started us left open for all."""
    found = []
    for number in open_descriptors():
        with contextlib.suppress(OSError):
            if os.get_inheritable(number):
                found.append(number)
    return found


@contextlib.contextmanager
def _in_folder(path: str | None) -> Iterator[None]:
    if path is None:
        yield
        return
    here = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(path)
        yield
    finally:
        os.fchdir(here)
        os.close(here)
