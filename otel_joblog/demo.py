"""The jobs of ``otel-joblog demo``: real work on real input, as a user would write it.

``python -m otel_joblog.demo audit | versions | watch`` runs one of them.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import shutil
import sys
import time
from collections import Counter
from importlib.metadata import Distribution, distributions
from pathlib import Path

from otel_joblog import Skip, current_run, job, progress, step

__all__ = ["audit", "audit_versions", "main", "watch_disk"]

log = logging.getLogger("audit")


# 1. Compare every installed file with the hash that its distribution's RECORD states.


@job("package-audit", type="batch", owner="platform@example.org", reference=sys.prefix)
def audit() -> Counter[str]:
    """Hash all files of all installed distributions and compare them with what their RECORDs say."""
    found = collect()
    totals: Counter[str] = Counter()
    for done, distribution in enumerate(found):
        progress(done, len(found), "packages")
        with step("hash", stage="audit", task_id=distribution.name):
            totals += check_files(distribution)
    progress(len(found), len(found), "packages")
    report(totals)
    audit_licences(found)
    return totals


@step
def collect() -> list[Distribution]:
    found = sorted({distribution.name: distribution for distribution in distributions()}.values(), key=lambda d: d.name)
    log.info("%d distributions are installed below %s", len(found), sys.prefix)
    return found


def check_files(distribution: Distribution) -> Counter[str]:
    files = distribution.files
    if not files:
        raise Skip("it has no RECORD to compare with")
    counts: Counter[str] = Counter()
    for file in files:
        verdict = check_file(file.locate(), file.hash.mode if file.hash else "", file.hash.value if file.hash else "")
        counts[verdict] += 1
        if verdict == "missing":
            log.warning("%s is missing", file, extra={"package": distribution.name})
        elif verdict == "differs":
            log.warning("%s differs from its RECORD", file, extra={"package": distribution.name})
        else:
            log.info("%s %s", file, verdict)
    return counts


def check_file(path: os.PathLike[str], mode: str, expected: str) -> str:
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return "missing"
    if not expected:
        return "has no hash"
    digest = base64.urlsafe_b64encode(hashlib.new(mode, content).digest()).rstrip(b"=").decode()
    return "ok" if digest == expected else "differs"


@step
def report(totals: Counter[str]) -> None:
    for verdict, number in totals.most_common():
        print(f"{number:>7,} {verdict}")
    run = current_run()
    if run is not None:
        run.set_attribute("audit.differs", totals["differs"])


@job("licence-summary")
def audit_licences(found: list[Distribution]) -> None:
    """A job of its own, called by another: a child run in the same trace."""
    licences: Counter[str] = Counter()
    for distribution in found:
        metadata = distribution.metadata.json
        licence = str(metadata.get("license_expression") or metadata.get("license") or "not stated")
        licences[licence.partition("\n")[0][:60]] += 1
    for licence, number in licences.most_common():
        log.info("%4d  %s", number, licence)


# 2. A job that fails in its second step, as real data makes jobs fail: not every version is made of numbers.


@job("version-report", type="cron", trigger="schedule", schedule="0 3 * * *", owner="platform@example.org")
def audit_versions() -> None:
    """Find the oldest and newest major versions; it trips over the first pre-release that it meets."""
    with step("collect"):
        versions = {distribution.name: distribution.version for distribution in distributions()}
        log.info("read the versions of %d distributions", len(versions))
    with step("compare"):
        numbers = {name: parse_version(name, version) for name, version in sorted(versions.items())}
    with step("report"):
        log.info("newest: %s", max(numbers, key=lambda name: numbers[name]))


def parse_version(name: str, version: str) -> tuple[int, ...]:
    log.info("%s has version %s", name, version)
    return tuple(int(part) for part in version.split("."))


# 3. A job that takes its time, to be watched while it runs.


@job("disk-watch", trigger="manual")
def watch_disk(seconds: int) -> None:
    """Look at disk and load once a second."""
    for second in range(seconds):
        progress(second, seconds, "s")
        with step("sample", task_id=str(second + 1)):
            usage = shutil.disk_usage(sys.prefix)
            load = os.getloadavg()[0]
            log.info("disk %.1f %% full, load %.2f", 100 * usage.used / usage.total, load)
            if load > 2 * (os.cpu_count() or 1):
                log.warning("the machine is busy: load %.2f on %s processors", load, os.cpu_count())
        time.sleep(1)
    progress(seconds, seconds, "s")


def main(name: str, seconds: str = "120") -> None:
    if name == "audit":
        audit()
    elif name == "versions":
        audit_versions()
    elif name == "watch":
        watch_disk(int(seconds))
    else:
        sys.exit(f"there is no demo job {name!r}; there are audit, versions and watch")


if __name__ == "__main__":
    main(*sys.argv[1:])
