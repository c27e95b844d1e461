"""The embedded PostgreSQL of the state folder: made on first use, private to its user.

The folder (``settings.postgres_dir``, mode 0700)::

    otel-joblog.lock    marks the folder as ours; flocked while a server is created, started or stopped
    server.lock         flocked by the server's own processes: free when, and only when, the last of them is gone
    password            of the database user ``joblog``; mode 0600
    otel_joblog.conf    our PostgreSQL settings, written anew at every start
    data/  log/  run/   cluster, log files, Unix socket
    home                only for root without user namespaces: link to the folder that holds the four above

There is no TCP port. Where ``run/`` makes no good path for a socket, it is in ``/tmp/otel-joblog-<uid>-<hash>``.
That place follows from the folder alone, never from the environment: cron jobs, services and shells of one user see
different ``XDG_RUNTIME_DIR`` and ``TMPDIR``.

This module is all that a job process needs to find the server; setting one up is in ``cluster.py``, the programs and
as whom they run in ``programs.py``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from ...errors import EmbeddedError, StoreNotStarted, StoreUnavailable
from .names import DATABASE, PORT, SOCKET, USER

if TYPE_CHECKING:
    from ...config import Settings
    from .programs import Programs

__all__ = ["EmbeddedServer", "EmbeddedStatus", "resolve_dsn", "resolve_reader_dsn"]

SOCKET_PATH_MAX = 103  # bytes on macOS; Linux takes 107
START_TIMEOUT = 300  # seconds; recovery after a crash can take minutes
STOP_TIMEOUT = 60  # seconds

MARKER = "otel-joblog.lock"


class EmbeddedStatus(msgspec.Struct, frozen=True):
    """What ``otel-joblog db status`` tells. ``size`` is that of the cluster's files in bytes."""

    running: bool
    pid: int | None
    version: str | None
    size: int
    folder: str
    socket: str
    remark: str | None = None


class EmbeddedServer:
    """The PostgreSQL of one folder. Making the object touches nothing; any number of processes may do so."""

    def __init__(self, folder: Path, pg_bin: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.pg_bin = pg_bin

    @property
    def home(self) -> Path:
        """Where the cluster lies: in the folder, or where root put it for an account that may not enter."""
        try:
            return (self.folder / "home").readlink()
        except OSError:
            return self.folder

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket: ``run``, or one in /tmp where that path is too long or libpq cannot say it."""
        run = self.home / "run"
        if len(os.fsencode(run / SOCKET)) <= SOCKET_PATH_MAX and "," not in str(run):  # to libpq a list of hosts
            return run
        import hashlib

        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(f"/tmp/otel-joblog-{os.geteuid()}-{digest}")  # noqa: S108 (its owner and mode are verified)

    @property
    def exists(self) -> bool:
        """Whether a cluster was set up here."""
        try:
            return (self.home / "data" / "PG_VERSION").is_file()
        except OSError:  # another user's
            return False

    @property
    def dsn(self) -> str:
        """The libpq URI with the password, for psycopg and psql, whether or not the server runs.

        Raises EmbeddedError where no server was set up yet, or where folder or socket are not this user's.
        """
        if not self.exists:
            raise EmbeddedError(f"no PostgreSQL is set up in {self.folder}: run `otel-joblog db start`")
        self._verify_owner()
        self._verify_socket_dir()
        password = (self.folder / "password").read_text("ascii").strip()
        host = quote(os.fsencode(self.socket_dir), safe="")
        return f"postgresql://{USER}:{password}@/{DATABASE}?host={host}&port={PORT}"

    uri = dsn

    def is_running(self) -> bool:
        """Whether a server answers on the socket and has finished its start. Costs it one short connection."""
        state = self._postmaster()
        return state is not None and state[1] in {"ready", "standby"} and self._listener() is not None

    def reachable_hint(self) -> bool:
        """Whether a server seems to be there: a few stat calls, nothing is connected, started or imported.

        True for a server that was killed a moment ago, too: its socket file is still there.
        """
        try:
            self._verify_owner()
            self._verify_socket_dir()
            return (self.socket_dir / SOCKET).is_socket()
        except (EmbeddedError, OSError):
            return False

    def start(self) -> bool:
        """Set the server up if need be and start it; True when this call started it, False when it runs already.

        Returns once it takes connections, usually 0.2 s (1.5 s the first time) and at most 300 s for a recovery.
        Raises EmbeddedError with the end of PostgreSQL's own log where it does not start.
        """
        if self.is_running():
            return False
        from . import cluster, programs

        binaries = programs.found(self.pg_bin)
        with self._exclusive():
            if self.is_running():
                return False
            commands = programs.for_this_user(binaries, self.folder, self.home, in_use=self.exists)
            cluster.check_version(commands, self.home / "data")
            self._make_folders(commands)
            cluster.configure(commands, self.home, self.socket_dir)
            if not self.exists:
                cluster.create(commands, self.folder, self.home)
            return self._launch(commands)

    def stop(self) -> bool:
        """End all sessions and stop the server; True when this call stopped it, False when none ran.

        Raises EmbeddedError where it has not ended after 60 s.
        """
        if not self.exists:
            return False
        self._verify_owner()
        import signal

        with self._exclusive():
            listener = self._listener()
            if listener is None:
                return False
            if listener == 0:  # and a signal to process 0 would hit ourselves
                raise EmbeddedError(f"the server of {self.folder} runs in another container: stop it there")
            os.kill(listener, signal.SIGINT)  # PostgreSQL's "fast" shutdown: what pg_ctl stop does, without programs
            deadline = time.monotonic() + STOP_TIMEOUT
            while self._listener() is not None or ((state := self._postmaster()) and _alive(state[0])):
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"PostgreSQL (process {listener}) is still shutting down after {STOP_TIMEOUT} s; "
                        f"its log is in {self.home / 'log'}"
                    )
                time.sleep(0.02)
            return True

    def status(self) -> EmbeddedStatus:
        """What is known of the server; starts nothing, and needs no programs."""
        running = self.is_running()
        remark = None
        if (home := self.home) != self.folder:
            from .programs import account_remark

            remark = account_remark(home)
        return EmbeddedStatus(
            running=running,
            pid=self._listener() if running else None,
            version=(home / "data" / "PG_VERSION").read_text("ascii").strip() if self.exists else None,
            size=sum(_sizes(home / "data")),
            folder=str(self.folder),
            socket=str(self.socket_dir / SOCKET),
            remark=remark,
        )

    # What is there

    def _postmaster(self) -> tuple[int, str] | None:
        """Process id and state ("starting", "ready", …) by postmaster.pid; the file outlives a killed server."""
        try:
            lines = (self.home / "data" / "postmaster.pid").read_text("utf-8", errors="replace").splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting"
        except (OSError, ValueError, IndexError):
            return None

    def _listener(self) -> int | None:
        """The process that listens on the socket, as the kernel tells; None where nobody does.

        A process id in a file may have come round again, or be of another container that shares the folder.
        """
        if not self.reachable_hint():
            return None
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(os.fsencode(self.socket_dir / SOCKET))
            except OSError:
                return None
            option = getattr(socket, "SO_PEERCRED", None)
            if option is not None:
                return int(struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, option, 12))[0])
        state = self._postmaster()  # macOS
        return state[0] if state else 0

    def _verify_owner(self) -> None:
        owner = self.folder.stat().st_uid
        if owner != os.geteuid():
            raise EmbeddedError(f"{self.folder} belongs to uid {owner}, not to this user (uid {os.geteuid()})")

    def _verify_socket_dir(self) -> None:
        """Refuse a folder in /tmp that somebody else put there to catch our password."""
        if (place := self.socket_dir).parent == self.home:  # in a private folder whose owner was verified
            return
        try:
            status = place.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise EmbeddedError(
                f"{place} is not a private folder of this user (owner uid {status.st_uid}, "
                f"{stat.filemode(status.st_mode)}): remove it, or give OTEL_JOBLOG_STATE_DIR a shorter path"
            )

    # Setting up and starting

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Claim the folder and hold its lock, so that of several starters one starts and the others find it done."""
        import fcntl

        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._verify_owner()
            names = {path.name for path in self.folder.iterdir()}
            if names and MARKER not in names:
                raise EmbeddedError(f"{self.folder} holds files that are not otel_joblog's: it is left as it is")
            self.folder.chmod(0o700)
            lock = os.open(self.folder / MARKER, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise EmbeddedError(f"{self.folder} cannot be used: {error}; set OTEL_JOBLOG_STATE_DIR") from error

    def _make_folders(self, commands: Programs) -> None:
        if commands.uid is None:  # an account's were made with its home
            for private in (self.socket_dir, self.home / "log"):
                private.mkdir(mode=0o700, exist_ok=True)
            self._verify_socket_dir()

    def _launch(self, commands: Programs) -> bool:
        from .cluster import end_of_log

        begun = time.time()
        lifetime = os.open(self.folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not self._wait_for_predecessor(lifetime):
                return False
            self._remove_leftovers()
            # Relative paths, because pg_ctl puts them on the command line of a shell.
            commands.run(
                *("pg_ctl", "start", "--pgdata=data", "--log=log/startup.log", "--wait", f"--timeout={START_TIMEOUT}"),
                cwd=self.home,
                pass_fds=(lifetime,),
            )
        except EmbeddedError as error:
            logs = self.home / "log"
            raise EmbeddedError(f"{error}; PostgreSQL's log in {logs} ends: {end_of_log(logs, begun)}") from error
        finally:
            os.close(lifetime)  # closed, not unlocked: the server inherited the lock and keeps it
        return True

    def _wait_for_predecessor(self, lifetime: int) -> bool:
        """Wait until no process of an earlier server is left (True), or until one of it takes connections (False)."""
        import fcntl

        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lifetime, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._listener() is None:
                    return True
            if self.is_running():
                return False
            if time.monotonic() > deadline:
                raise EmbeddedError(f"processes of an earlier server still use {self.folder}")
            time.sleep(0.02)

    def _remove_leftovers(self) -> None:
        """Clear what a killed server left. Called with the server's lock in hand, so no process of it is alive."""
        state = self._postmaster()
        if state is not None and _alive(state[0]):
            # The number came round again, as it does when a container restarts; PostgreSQL would refuse to start.
            (self.home / "data" / "postmaster.pid").unlink()
        for path in (self.socket_dir / SOCKET, self.socket_dir / f"{SOCKET}.lock", self.home / "log" / "startup.log"):
            path.unlink(missing_ok=True)


def resolve_dsn(settings: Settings) -> str:
    """Where to store: ``settings.dsn``, else the embedded server's URI if that server seems to run.

    Cheap enough for every reconnect: a few stat calls. Raises StoreUnavailable where there is no server.
    """
    if settings.dsn:
        return settings.dsn
    server = EmbeddedServer(settings.postgres_dir, settings.pg_bin)
    try:
        if server.exists and server.reachable_hint():
            return server.dsn
    except (EmbeddedError, OSError) as error:
        raise StoreUnavailable(f"no PostgreSQL: {error}") from error
    raise StoreNotStarted(
        f"PostgreSQL does not run in {server.folder}; start it with `otel-joblog db start`, `otel-joblog serve`, "
        "or set OTEL_JOBLOG_DSN"
    )


def resolve_reader_dsn(settings: Settings) -> str:
    """Where to read: ``settings.reader_dsn``, else as :func:`resolve_dsn`. Raises ConfigError for one that is none."""
    if not settings.reader_dsn:
        return resolve_dsn(settings)
    from ..connection import words_of

    words_of(settings.reader_dsn, "OTEL_JOBLOG_READER_DSN")  # from here on nobody knows where it came from
    return settings.reader_dsn


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sizes(folder: Path) -> Iterator[int]:
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # PostgreSQL removes files while we walk
                yield (Path(root) / name).lstat().st_size
