"""Child processes for tests: scripts that use otel_joblog for real, and what their journals hold afterwards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.recovery import dead_journals
from otel_joblog.journal.segments import DiskSegments
from otel_joblog.records import Line, Record

ROOT = Path(__file__).parent.parent


def environment(state: Path, **variables: str) -> dict[str, str]:
    """The variables of a child: its own state folder, nothing of the tester's own OTEL_* settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    quick = {"OTEL_JOBLOG_STATE_DIR": str(state), "OTEL_JOBLOG_EXIT_TIMEOUT": "0.2", "PYTHONHASHSEED": "0"}
    return kept | {"PYTHONPATH": str(ROOT)} | quick | variables


def start(source: str, folder: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    """Start a script; its state folder is ``folder / "state"``."""
    script = folder / "script.py"
    script.write_text(dedent(source))
    return subprocess.Popen(
        [sys.executable, *options, str(script)],
        env=environment(folder / "state", **variables),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(source: str, folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script to its end."""
    with start(source, folder, *options, **variables) as process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()  # one that hangs must not make later tests warn of it
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


# A note has a line of its own. What we report comes at any place, even behind what the script has begun a line with, or
# as a line of the script's own handlers.
OURS = re.compile(r".*otel_joblog: job .*\n|(.*[ :])?otel_joblog: PostgreSQL does not run in .*\n")

Ended = tuple[int, str, str]  # exit status, stdout, stderr


def with_and_without(source: str, folder: Path, *options: str) -> tuple[Ended, Ended]:
    """How a script ends with telemetry, and how with OTEL_JOBLOG_ENABLED=false. Its folder is then ``folder / "y"``.

    Left out is what we say by design: the note on an exception (which job, step and run it comes from) and, to those
    who want INFO, that the store is away (at any time, as soon as that is known).
    """
    there, gone = folder / "x", folder / "y"
    there.mkdir()
    enabled = run(source, there, *options)
    there.rename(gone)
    there.mkdir()
    disabled = run(source, there, *options, OTEL_JOBLOG_ENABLED="false")
    out, err = OURS.sub("", enabled.stdout), OURS.sub("", enabled.stderr)
    return (enabled.returncode, out, err), (disabled.returncode, disabled.stdout, disabled.stderr)


def command(word: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``otel-joblog WORD`` with the state folder of the scripts."""
    return subprocess.run(
        [sys.executable, "-m", "otel_joblog", word],
        env=environment(folder / "state", **variables),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def journaled(folder: Path) -> list[Record]:
    """What dead processes left in the journals below ``folder / "state"``."""
    found: list[Record] = []
    for journal in dead_journals(folder / "state" / "journal"):
        reader = JournalReader(DiskSegments(journal), Cursor())
        while (batch := reader.read()).end != reader.cursor:
            assert not batch.damaged
            found += batch.records
            reader.cursor = batch.end
    return found


def messages(folder: Path) -> list[str]:
    return [record.message for record in journaled(folder) if isinstance(record, Line)]
