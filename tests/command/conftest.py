"""A state folder in which an agent seems to be at work: what is recorded stays in the journal, to be looked at."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_joblog.export.targets import EMBEDDED
from otel_joblog.journal.claims import Lease
from otel_joblog.journal.folders import make_root
from otel_joblog.journal.standby import agent_lock
from tests.command.running import Running


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    journals = tmp_path / "state" / "journal"
    make_root(journals)
    lease, over = Lease(agent_lock(journals, EMBEDDED)), threading.Event()

    def show_life() -> None:
        while lease.holds() and not over.wait(1.0):
            pass

    assert lease.holds()
    living = threading.Thread(target=show_life)
    living.start()
    yield Running(tmp_path)
    over.set()
    living.join()
    lease.let_go()


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
