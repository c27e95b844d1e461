"""Serving on a socket that no other account of the host can open."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import Command


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ojs-") as folder:
        Path(folder).chmod(0o755)  # the socket alone keeps others out
        yield Path(folder) / "viewer.sock"


@contextlib.contextmanager
def serving(environment: dict[str, str], *options: str) -> Iterator[list[str]]:
    """What the viewer says when it starts."""
    command = [sys.executable, "-m", "otel_joblog", "serve", *options]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, umask=0) as process:
        assert process.stdout is not None
        try:
            said = [process.stdout.readline()]
            if "--uds" not in options:
                said.append(process.stdout.readline())
            yield said
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_it_serves_its_own_account_alone(path: Path, environment: dict[str, str]) -> None:
    with serving(environment, "--uds", str(path)) as said:
        assert said == [f"Viewer: unix:{path}  (Ctrl-C stops it)\n"]
        assert path.stat().st_mode & 0o777 == 0o600
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://localhost", timeout=60) as client:
            assert client.get("/healthz").json()["ok"] is True
            assert "Runs" in client.get("/").text
            assert client.post("/v1/traces", content=b"").status_code == 415  # and takes OTLP
        if os.geteuid() == 0:
            asking = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
            done = subprocess.run(
                ["/usr/bin/env", "python3", "-c", asking, str(path)],
                user=65_534, group=65_534, extra_groups=[], capture_output=True, text=True, check=False, cwd="/",
                env={"PATH": "/usr/bin:/bin"},
            )  # fmt: skip
            assert "PermissionError" in done.stderr
    assert not path.exists()


def test_it_replaces_a_socket_that_a_killed_process_left(path: Path, environment: dict[str, str]) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with serving(environment, "--uds", str(path)):
        pass


def test_it_takes_no_path_from_others(path: Path, otel_joblog: Command) -> None:
    path.write_text("a letter")
    refused = otel_joblog("serve", "--uds", str(path), check=False)
    assert (refused.returncode, "is not a socket" in refused.stderr) == (1, True)
    assert path.read_text() == "a letter"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        refused = otel_joblog("serve", "--uds", str(path), check=False)
    assert (refused.returncode, "another process listens" in refused.stderr) == (1, True)
    long = otel_joblog("serve", "--uds", f"{path}{'x' * 200}", check=False)
    assert (long.returncode, "cannot listen on" in long.stderr) == (1, True)


def test_it_listens_in_one_place(path: Path, otel_joblog: Command) -> None:
    refused = otel_joblog("serve", "--uds", str(path), "--port", "8765", check=False)
    assert (refused.returncode, "it listens in one place" in refused.stderr) == (2, True)


def test_on_loopback_it_says_who_can_read(environment: dict[str, str]) -> None:
    with serving(environment, "--port", "0") as said:
        assert said[1] == "Every account of this host can read it. With --uds PATH only yours can.\n"
