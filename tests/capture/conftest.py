"""What the tests of capture share: each begins in a process as one that has had no run yet."""

from __future__ import annotations

import sys

import pytest

from otel_joblog.capture import installation, patch


@pytest.fixture(autouse=True)
def _nothing_left_of_earlier_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch, "TURNS", sys.maxsize)  # hundreds of tests in a process are hundreds of turns
    installation._left.clear()
    installation._installed = None  # neither way: so that it is looked at in any case
    installation._sync()
