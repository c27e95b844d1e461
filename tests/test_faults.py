"""The shortest way through ``make faults``: the harness itself works, and a few faults of every kind cost nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHORT = ("sigkill_eight_threads", "fork", "journal_bit_flipped")


@pytest.mark.timeout(600)  # a server and a dozen processes
def test_a_short_set_of_faults_loses_nothing_and_stores_nothing_twice() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--scale", "0.01", *SHORT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split()[:6] for line in done.stdout.splitlines() if line.startswith(SHORT)]
    assert [row[0] for row in rows] == list(SHORT)
    for _, times, emitted, stored, twice, lost in rows:
        assert int(times) > 0
        assert int(stored) >= int(emitted) > 0
        assert (twice, lost) == ("0", "0")
