"""What came of the lines: emitted by the workers' own counts, stored by SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psycopg

from .worker import READY, Counts

STATUSES = ("pending", "running", "success", "skipped", "cancelled", "error", "timeout", "lost")

UNTOUCHED = "select to_regclass('joblog.job_log') is null"
LINES = "select message, count(*) from joblog.job_log where logger = 'fault' and message like %s group by message"
RUNS = (
    "select name, status, coalesce(status_message, ''), exit_code from joblog.job_run where name = %s or name like %s"
)


@dataclass
class Tally:
    """The row of one case."""

    case: str
    times: int = 0
    emitted: int = 0
    stored: int = 0
    duplicated: int = 0
    lost: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return not (self.lost or self.duplicated or self.problems)

    def expect(self, true: bool, problem: str) -> None:
        if not true:
            self.problems.append(problem)

    def count(self, name: str, counts: Counts, dsns: Sequence[str]) -> None:
        """Compare what a worker counted with what lies in the databases, of which one holds each line."""
        stored: set[str] = set()
        for dsn in dsns:
            with psycopg.connect(dsn) as connection:
                if connection.execute(UNTOUCHED).fetchone() == (True,):  # all were killed before they had said a word
                    continue
                for message, copies in connection.execute(LINES, [f"{name} %"]):
                    stored.add(message)
                    self.duplicated += copies - 1
        self.stored += len(stored)
        slots = {slot: counts[slot] for slot in range(READY)}
        self.emitted += sum(slots.values())
        wanted = {f"{name} {slot} {number}" for slot, last in slots.items() for number in range(1, last + 1)}
        if missing := wanted - stored:
            self.lost += len(missing)
            some = sorted(missing, key=lambda message: tuple(map(int, message.split()[1:])))
            self.problems.append(f"{len(missing)} of {len(wanted)} lines lost: {some[0]} … {some[-1]}")
        # The line whose call had not returned when the process died may be there; one more than that may not.
        surplus = stored - wanted - {f"{name} {slot} {last + 1}" for slot, last in slots.items()}
        self.expect(not surplus, f"{len(surplus)} lines that nobody emitted: {sorted(surplus)[:3]}")

    def judge(self, name: str, dsn: str, allowed: Iterable[str]) -> None:
        """Compare the runs' status, words and exit status with what is allowed: beginnings of ``status · words``."""
        with psycopg.connect(dsn) as connection:
            runs = connection.execute(RUNS, [name, f"{name}-%"]).fetchall()
        for run, status, words, exit_code in runs:
            said = STATUSES[status] + (f" ({exit_code})" if exit_code else "") + (f" · {words}" if words else "")
            self.verdicts[said] += 1
            self.expect(any(said.startswith(start) for start in allowed), f"run {run} is {said!r}")
        self.expect(bool(runs), f"no run of {name} is stored")
