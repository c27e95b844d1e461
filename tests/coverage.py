"""``make coverage``: branch coverage a package, and of the modules that must not lose a line.

Measured in the process of the tests; what only runs in others (the agent, wrappers, courier) shows as not covered.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

# Of these every branch is to be taken by a test.
WHOLE = [
    "otel_joblog/journal/journal.py",
    "otel_joblog/journal/recovery.py",
    "otel_joblog/journal/shipper.py",
    "otel_joblog/journal/synced.py",
    "otel_joblog/redaction/redactor.py",
    "otel_joblog/store/write/writer.py",
]
FIGURES = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def main(report: Path) -> int:
    files = json.loads(report.read_text())["files"]
    packages: dict[str, Counter[str]] = defaultdict(Counter)
    for name, file in files.items():
        for package in (str(Path(name).parent), "all"):
            packages[package].update({figure: file["summary"][figure] for figure in FIGURES})
    for package, sums in sorted(packages.items()):
        print(row(package, sums))
    print()
    missing = 0
    for name in WHOLE:
        file = files[name]
        print(row(name, file["summary"]))
        for line in file["missing_lines"]:
            print(f"    line {line} is not run")
        for begin, end in file["missing_branches"]:
            if begin not in file["missing_lines"] and end not in file["missing_lines"]:
                print(f"    {begin} never goes on to {'its end' if end < 0 else end}")
        missing += len(file["missing_lines"]) + len(file["missing_branches"])
    return 1 if missing else 0


def row(name: str, sums: Counter[str]) -> str:
    lines = 100 * sums["covered_lines"] / (sums["num_statements"] or 1)
    branches = 100 * sums["covered_branches"] / (sums["num_branches"] or 1)
    statements, ways = sums["num_statements"], sums["num_branches"]
    return f"{name:40} {statements:6} lines {lines:5.1f} %  {ways:5} branches {branches:5.1f} %"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
