"""``python inside.py REPORT in|out MODULE``: run one module of CPython's own tests, in a job or out of one.

REPORT gets a line a test when it has ended. This is run as a file, not as a module of ours: nothing but the job is to
differ between the two.
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any, TextIO


class Noting(unittest.TextTestResult):
    """Notes what came of each test: ``passed``, ``failed``, ``skipped``."""

    report: TextIO

    def note(self, outcome: str, test: Any, said: str = "") -> None:
        last = said.strip().rpartition("\n")[2]
        self.report.write(f"{outcome}\t{test.id()}\t{last}\n")
        self.report.flush()

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self.note("passed", test)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.note("failed", test, self.errors[-1][1])

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.note("failed", test, self.failures[-1][1])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note("failed", test, str(err[1]))

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self.note("skipped", test)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self.note("passed", test)

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.note("failed", test, "unexpected success")


def run(report: TextIO, module: str) -> None:
    from test import support

    support.use_resources = ["network", "subprocess"]  # not those that take minutes
    Noting.report = report
    suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{module}")
    unittest.TextTestRunner(resultclass=Noting, verbosity=2).run(suite)


if __name__ == "__main__":
    path, where, module = sys.argv[1:]
    with Path(path).open("w") as report:
        if where == "in":
            from otel_joblog import job

            with job("others"):
                run(report, module)
        else:
            run(report, module)
