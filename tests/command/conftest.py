"""A state folder in which an agent seems to be at work: what is recorded stays in the journal, to be looked at."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running

from otel_joblog.journal import locks
from otel_joblog.journal.folders import make_root
from otel_joblog.journal.standby import AGENT_LOCK


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    journals = tmp_path / "state" / "journal"
    make_root(journals)
    with locks.held(journals / AGENT_LOCK, exclusive=True):
        yield Running(tmp_path)


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal() -> Iterator[None]:
    """A command inherits what whoever started the tests ignores: nohup SIGHUP, a shell in the background SIGINT."""
    ignored = [
        number
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
