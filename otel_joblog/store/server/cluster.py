"""Setting up the cluster of the embedded PostgreSQL: its settings, initdb, the database ``joblog``."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from ...errors import EmbeddedError
from .names import DATABASE, PORT, USER
from .programs import Programs, private_file, tail

__all__ = ["check_version", "configure", "create", "end_of_log"]

OLDEST = 15  # the major version that our DDL is written for

# Bytewise order, which no upgrade of the C library can change; but letters beyond ASCII are letters, or else pg_trgm
# drops them and ILIKE tells their cases apart. Not every platform has that locale: then plain C.
LOCALES = (("--locale=C", "--lc-ctype=C.UTF-8"), ("--no-locale",))

# For an append-mostly log on a small machine that it shares with the jobs. ALTER SYSTEM overrides any of it.
CONFIGURATION = """\
# Written by otel_joblog at every start: change settings by ALTER SYSTEM instead.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = '128MB'
effective_cache_size = '512MB'
maintenance_work_mem = '128MB'      # the text index of a closed day
work_mem = '8MB'
jit = off                           # compiling costs more than our short queries take
synchronous_commit = on
wal_level = minimal                 # no replicas
max_wal_senders = 0
max_logical_replication_workers = 0
min_wal_size = '80MB'
max_wal_size = '1GB'
checkpoint_timeout = '15min'
timezone = 'UTC'
logging_collector = on
log_directory = '{log_dir}'
log_filename = 'postgres-%a.log'    # a week of files, each overwritten a week later
log_file_mode = 0600
log_rotation_age = '1d'
log_truncate_on_rotation = on
log_timezone = 'UTC'
log_checkpoints = off
"""


def check_version(commands: Programs, data: Path) -> None:
    """Refuse programs that are too old for us, or of another major version than the data, if there are data."""
    major = commands.major()
    if major < OLDEST:
        raise EmbeddedError(f"PostgreSQL {OLDEST} or newer is needed; {commands.folder} has version {major}")
    if not (data / "PG_VERSION").exists():
        return
    version = (data / "PG_VERSION").read_text("ascii", errors="replace").strip()
    if version != str(major):
        raise EmbeddedError(
            f"the data in {data} are of PostgreSQL {version}, the programs in {commands.folder} of version {major}: "
            f"set OTEL_JOBLOG_PG_BIN to the programs of PostgreSQL {version}, "
            "or set OTEL_JOBLOG_STATE_DIR to another folder to start again"
        )


def configure(commands: Programs, home: Path, socket_dir: Path) -> None:
    """Write our settings; anew at every start, so that a moved folder and a new version of ours take effect."""
    text = CONFIGURATION.format(port=PORT, socket_dir=_escaped(str(socket_dir)), log_dir=_escaped(str(home / "log")))
    commands.give(private_file(home / "otel_joblog.conf", text))


def create(commands: Programs, folder: Path, home: Path) -> None:
    """Make the cluster beside its place and move it there when complete: an interrupted setup leaves no half of one."""
    draft = home / "data.new"
    password = secrets.token_urlsafe(32)
    password_file = private_file(home / "password.new", password)
    commands.give(password_file)
    try:
        _initdb(commands, draft, password_file)
    finally:
        password_file.unlink()
    with (draft / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("\ninclude '../otel_joblog.conf'\n")
    single = ("--single", "-D", draft.name, "-c", "exit_on_error=on", "postgres")
    commands.run("postgres", *single, cwd=home, stdin=f"CREATE DATABASE {DATABASE}\n")
    private_file(folder / "password", password + "\n")
    draft.rename(home / "data")


def end_of_log(folder: Path, since: float) -> str:
    """The last lines that the server logged since then (seconds since the epoch), as one line.

    It speaks to startup.log until its log collector runs, and to the collector's file from then on.
    """
    files = [(path.stat().st_mtime, path) for path in folder.glob("*.log")]
    said = []
    for modified, path in sorted(files):
        if modified >= since - 1:  # coarse clocks of file systems
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 4096))
                said.append(file.read().decode("utf-8", "replace"))
    return tail("\n".join(said))


def _initdb(commands: Programs, draft: Path, password_file: Path) -> None:
    for locale in LOCALES:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        commands.give(draft)
        try:
            commands.run(
                "initdb",
                *(f"--pgdata={draft.name}", f"--username={USER}", "--auth=scram-sha-256"),
                f"--pwfile={password_file.name}",
                *("--encoding=UTF8", *locale, "--data-checksums", "--no-instructions"),
                cwd=draft.parent,
            )
        except EmbeddedError as error:
            if locale is LOCALES[-1] or "invalid locale" not in str(error):
                raise
        else:
            return


def _escaped(text: str) -> str:
    """For a quoted value of postgresql.conf."""
    return text.replace("\\", "\\\\").replace("'", "''")
