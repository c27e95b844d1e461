"""Processes for test_upgrade.py: ``write DSN N`` writes runs of its own until stdin ends; ``migrate DSN`` migrates."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from otel_joblog.store.schema.migrate import Migration, migrate, shipped
from otel_joblog.store.write.writer import Writer
from tests.store.samples import PROCESS, ended, line, started, step

TEAMS = Path(__file__).parent / "migrations" / "0002_teams.sql"
STEPS = (*shipped(), Migration("0002_teams", TEAMS.read_bytes()))
LINES = 20


def write(dsn: str, first: int) -> None:
    """Says how many runs it has written after each; a line is counted only once the writer has taken it."""
    told_to_stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), told_to_stop.set()), daemon=True).start()
    writer = Writer(dsn)
    number = first
    while not told_to_stop.is_set():
        writer.write([started(number), started(number, **step(1))], PROCESS)
        writer.write([line(seq, number) for seq in range(LINES)])
        writer.write([line(seq, number) for seq in range(LINES - 5, LINES)])  # again: staged
        writer.write([ended(number, **step(1)), ended(number)], PROCESS)
        number += 1
        print(number - first, flush=True)
    writer.close()


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]))
    else:
        print(*migrate(sys.argv[2], STEPS))
