"""``make others``: CPython's own tests, in a job and out of one; prints what differs, which should be nothing.

A test that fails by chance is no difference: a module that differs is run again, and what is told differed each time.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INSIDE = Path(__file__).with_name("inside.py")
ROOT = Path(__file__).parents[2]

# Those of threads, processes, signals, streams, logging, exceptions, contexts, generators: what a job has to do with.
MODULES = Path(__file__).with_name("modules.txt").read_text().split()

Outcomes = dict[str, tuple[str, str]]  # by test: what came of it, and why


def main() -> None:
    options = argparse.ArgumentParser(prog="make others", description=__doc__)
    options.add_argument("modules", nargs="*", default=MODULES, help="such as test_logging; default: those that matter")
    options.add_argument("--tries", type=int, default=3, help="how often a difference has to be seen")
    options.add_argument("--timeout", type=float, default=900.0, help="seconds for a module, in a job or out of one")
    given = options.parse_args()
    print(f"Python {platform.python_version()}: {len(given.modules)} modules of its own tests, in a job and out of one")
    began, tests, differ = time.monotonic(), 0, 0
    with ThreadPoolExecutor(2) as pool:
        for module in given.modules:
            count, found = compared(module, given.tries, given.timeout, pool)
            tests += count
            differ += len(found)
            print(f"{module}: {count} tests" + "".join(f"\n  {line}" for line in found), flush=True)
    took = time.monotonic() - began
    print(f"{tests} tests, {differ} differences, {took:.0f} s")
    sys.exit(1 if differ or not tests else 0)


def compared(module: str, tries: int, timeout: float, pool: ThreadPoolExecutor) -> tuple[int, list[str]]:
    """How many tests there are, and what differs each time."""
    always: set[str] | None = None
    for _ in range(tries):
        both = [pool.submit(outcomes, module, where, timeout) for where in ("out", "in")]
        without, within = (future.result() for future in both)
        found = {
            test: f"{test}: {_word(without, test)} without a job, {_word(within, test)} in one"
            for test in without.keys() | within.keys()
            if _outcome(without, test) != _outcome(within, test)
        }
        always = found.keys() if always is None else always & found.keys()
        if not always:
            break
    return len(without), [found[test] for test in sorted(always or ())]


def outcomes(module: str, where: str, timeout: float) -> Outcomes:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    with tempfile.TemporaryDirectory(prefix="oth-", ignore_cleanup_errors=True) as folder:
        report = Path(folder) / "report"
        process = subprocess.Popen(
            [sys.executable, str(INSIDE), str(report), where, module],
            cwd=folder,
            env=kept | {"PYTHONPATH": str(ROOT), "OTEL_JOBLOG_STATE_DIR": f"{folder}/state"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _, said = within(process, timeout)
        found: Outcomes = {}
        for line in report.read_text().splitlines() if report.exists() else []:
            outcome, _, rest = line.partition("\t")
            test, _, why = rest.partition("\t")
            if found.get(test, ("",))[0] != "failed":  # of a test with subtests, one that failed is what counts
                found[test] = (outcome, why)
        last = said.strip().rpartition("\n")[2]
        found[f"{module} as a whole"] = ("ended" if process.returncode == 0 else f"exit {process.returncode}", last)
        return found


def within(process: subprocess.Popen[str], timeout: float) -> tuple[str, str]:
    try:
        return process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return "", "it did not end"
    finally:
        process.kill()
        process.wait()


def _outcome(found: Outcomes, test: str) -> str:
    return found.get(test, ("not run", ""))[0]


def _word(found: Outcomes, test: str) -> str:
    outcome, why = found.get(test, ("not run", ""))
    return f"{outcome} ({why[:160]})" if why and outcome != "passed" else outcome


if __name__ == "__main__":
    main()
