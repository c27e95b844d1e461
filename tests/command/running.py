"""Commands for real: through ``otel-joblog run``, and as they are."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from otel_joblog.records import Record, SpanEnded
from tests.processes import environment, journaled

RUN = [sys.executable, "-m", "otel_joblog", "run"]
UNSHARE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
PATIENCE = 30.0  # seconds; these machines have other things to do, too


def until(true: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
    return found


def may_be_first() -> bool:
    """Whether a command can be the first process of a namespace here."""
    return shutil.which("unshare") is not None and subprocess.run([*UNSHARE, "true"], check=False).returncode == 0


class Running:
    """Runs commands in ``folder``; their state folder is ``folder / "state"``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self, *command: str, options: tuple[str, ...] = (), stdin: bytes = b"", **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end through the wrapper."""
        return self._run([*RUN, *options, "--", *command], stdin, variables)

    def directly(self, *command: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run it as it is; the exit status is what a shell would make of it."""
        done = self._run([*command], stdin, variables)
        if done.returncode < 0:
            done.returncode = 128 - done.returncode
        return done

    def start(
        self, *command: str, options: tuple[str, ...] = (), wrapped: bool = True, fifo: bool = False, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Begin to run it, with a ``fifo`` in its folder if it is to wait for one."""
        if fifo:
            os.mkfifo(self.folder / "fifo")
        program = [*RUN, *options, "--", *command] if wrapped else [*command]
        return subprocess.Popen(
            program,
            env=environment(self.folder / "state", **variables),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _run(self, program: list[str], stdin: bytes, variables: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            program,
            env=environment(self.folder / "state", **variables),
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    def records(self, runs: int = 1) -> list[Record]:
        """What was recorded, once so many runs have ended."""

        def ended() -> list[Record]:
            found = journaled(self.folder)
            return found if sum(isinstance(record, SpanEnded) for record in found) >= runs else []

        found: list[Record] = until(ended)
        return found

    def wrappers(self) -> list[psutil.Process]:
        """Those of this folder, and what goes on in their place."""
        return [one for one in psutil.process_iter() if self._is_wrapper(one)]

    def _is_wrapper(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            state = process.environ().get("OTEL_JOBLOG_STATE_DIR", "")
            return state.startswith(str(self.folder)) and process.cmdline()[1:4] == RUN[1:4]
        return False

    def scribes(self) -> list[psutil.Process]:
        """Scribes that are at work on runs of this folder."""
        return self.background("scribe")

    def background(self, module: str = "") -> list[psutil.Process]:
        """Scribes and couriers of this folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            told = process.info
            if f"otel_joblog.command.{module}" in " ".join(told["cmdline"] or ()):
                state = (told["environ"] or {}).get("OTEL_JOBLOG_STATE_DIR", "")
                if state.startswith(str(self.folder)):
                    found.append(process)
        return found

    def ended(self) -> SpanEnded:
        """The end of the only run."""
        (found,) = (record for record in self.records() if isinstance(record, SpanEnded))
        return found
