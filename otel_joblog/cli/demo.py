"""``otel-joblog demo``: everything at once, on this machine, with real jobs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec

from ..config import Settings
from .common import told_plainly
from .printing.say import say, say_whether
from .serving.stopping import until_told_to_stop
from .serving.viewer import DEFAULT_PORT, Viewer, database, listening_socket

__all__ = ["demo"]

PATIENCE = 60.0  # seconds for what must come true in a self-check


@click.command()
@click.option("--once", is_flag=True, help="Run the jobs, check everything over HTTP, and exit.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port."
)
def demo(*, once: bool, port: int) -> None:
    """Start a database and the viewer, and run jobs to look at. Runs until Ctrl-C, which stops all that it started."""
    settings = Settings.from_environment()
    with told_plainly(), until_told_to_stop() as wait:
        say("Starting PostgreSQL …" if settings.dsn is None else "Preparing the database …")
        bound = listening_socket("127.0.0.1", port, or_another=True)
        with database(settings) as using, Viewer(settings, using, bound) as viewer, _jobs() as run_job:
            if once:
                watching = run_job("watch", "3")
                _run_and_wait(run_job)
                watching.wait()
                _check(viewer.url)
                return
            run_job("watch", "300")
            _run_and_wait(run_job)
            _invite(viewer.url, settings)
            wait()
            say("\nStopping …")


@contextlib.contextmanager
def _jobs() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start jobs as processes of their own, as cron would; they are stopped at the end of the block."""
    started: list[subprocess.Popen[bytes]] = []

    def run_job(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "otel_joblog.demo", name, *arguments],
            env=os.environ | {"OTEL_SERVICE_NAME": "demo"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: we stop them in order
        )
        started.append(process)
        return process

    try:
        yield run_job
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _run_and_wait(run_job: Callable[..., subprocess.Popen[bytes]]) -> None:
    for name, what in (("audit", "package-audit"), ("versions", "version-report, which fails")):
        say(f"Running {what} …")
        run_job(name).wait()


def _invite(url: str, settings: Settings) -> None:
    program = os.path.relpath(sys.argv[0]) if os.sep in sys.argv[0] else sys.argv[0]
    where = os.environ.get("OTEL_JOBLOG_STATE_DIR")
    if where and settings.dsn is None:
        program = f"OTEL_JOBLOG_STATE_DIR={where} {program}"
    say(f"\nViewer: {url}\n\nTry, in another terminal:")
    for command in ("list", "list --status failed", "show RUN   (an ID from the list)", "doctor"):
        say(f"  {program} {command}")
    say(f'  psql "$({program} db uri)"')
    say("\nCtrl-C stops everything.")


def _check(url: str) -> None:
    """Look at what the jobs left, over HTTP, as a user's program would."""
    expected = {
        "package-audit": "success",
        "licence-summary": "success",
        "version-report": "error",
        "disk-watch": "success",
    }
    runs = _until(
        lambda: _latest(url), lambda found: {name: found.get(name, {}).get("status") for name in expected} == expected
    )
    for name in expected:
        run = runs.get(name, {})
        emitted, stored = run.get("lines_emitted"), run.get("lines")
        _expect(run.get("status") == expected[name], f"{name} ended as {expected[name]}")
        _expect(bool(stored) and stored == emitted, f"{name}: {stored:,} of {emitted or 0:,} lines are in the store")
    failed = _json(f"{url}/api/v1/runs/{runs['version-report']['run_id']}")
    _expect("invalid literal for int()" in failed["error"]["stacktrace"], "version-report has its traceback")
    _expect(
        [step["status"] for step in failed["steps"]] == ["success", "error"], "its second step is the one that failed"
    )
    _expect(runs["licence-summary"]["parent_run"] == runs["package-audit"]["run_id"], "licence-summary is a child run")
    page = _get(f"{url}/runs/{failed['run_id']}")
    _expect("invalid literal for int()" in page, "its page shows why")
    _expect(bool(_json(f"{url}/healthz")), "the viewer is healthy")  # anything but 200 raises


def _latest(url: str) -> dict[str, dict[str, Any]]:
    return {run["job"]: run for run in reversed(_json(f"{url}/api/v1/runs?limit=50")["items"])}


def _until(ask: Callable[[], dict[str, Any]], good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask again until the answer is good or patience ends; the last answer either way."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while True:
        try:
            answer = ask()
        except urllib.error.URLError:
            answer = {}
        if good(answer) or time.monotonic() > deadline:
            return answer
        pause.wait(0.2)


def _expect(true: bool, what: str) -> None:
    say_whether(true, what)
    if not true:
        raise click.ClickException("the demo did not come out as it should")


def _json(url: str) -> Any:
    return msgspec.json.decode(_get(url))


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  (our own server on loopback)
        return str(answer.read().decode())
