"""The agent: it ships for the living, lets go when it ends, and nothing is lost or shipped twice over it."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from otel_joblog.errors import StoreUnavailable
from otel_joblog.journal import agent as agents
from otel_joblog.journal import courier as couriers
from otel_joblog.journal import journal as journals
from otel_joblog.journal import locks, shipper
from otel_joblog.journal.agent import Agent
from otel_joblog.journal.courier import run_courier
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.recovery import dead_journals
from otel_joblog.journal.shipper import Shipper
from otel_joblog.journal.standby import agent_at_work, agent_lock
from otel_joblog.records import Process, Record

from .samples import PROCESS, Kept, fill, unlimited, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipper, "LOOK_FOR_AGENT", 0.02)
    monkeypatch.setattr(shipper, "GRACE", 0.05)
    monkeypatch.setattr(shipper, "POLL", 0.01)
    monkeypatch.setattr(agents, "ROUND", 0.01)
    monkeypatch.setattr(agents, "LOOK_FOR_DEAD", 0.02)


class Living:
    """A process that logs: its journal and its own shipper, here in this one."""

    def __init__(self, root: Path, sink: Kept) -> None:
        self.journal = Journal(root, PROCESS, [sink.name])
        self.shipper = Shipper(self.journal, [sink])

    def log(self, numbers: range) -> None:
        fill(self.journal, numbers)
        self.shipper.start()


@pytest.fixture
def own() -> Kept:
    return Kept()


@pytest.fixture
def living(tmp_path: Path, own: Kept) -> Iterator[Living]:
    living = Living(tmp_path, own)
    yield living
    living.shipper.shutdown(5)
    living.journal.remove()


def working(root: Path, sink: Kept) -> Agent:
    return Agent(root, [sink], unlimited(root), lost_after=900)


def test_an_agent_ships_for_a_living_process_which_then_ships_nothing_itself(
    tmp_path: Path, living: Living, own: Kept
) -> None:
    theirs = Kept()
    with working(tmp_path, theirs):
        assert agent_at_work(tmp_path, "kept")
        living.log(range(100))
        until(lambda: theirs.numbers == list(range(100)))
        assert living.shipper.flush(10), "what an agent has shipped counts as shipped"
    assert own.numbers == []
    assert not agent_at_work(tmp_path, "kept")


def test_a_process_goes_on_where_the_agent_stopped(tmp_path: Path, living: Living, own: Kept) -> None:
    theirs = Kept()
    with working(tmp_path, theirs):
        living.log(range(100))
        until(lambda: len(theirs.numbers) == 100)
    living.log(range(100, 150))
    until(lambda: own.numbers == list(range(100, 150)))
    assert own.restored == [b"%d" % len(theirs.records)], "with what the agent's exporter remembered"


def test_when_the_agent_has_gone_another_has_time_to_come_unless_somebody_waits(
    tmp_path: Path, living: Living, own: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper, "GRACE", 1e9)
    sink = Kept()
    with working(tmp_path, sink):
        living.log(range(5))
        until(lambda: sink.numbers == list(range(5)) and living.shipper._lanes[0].standing_by)
    living.log(range(5, 8))
    time.sleep(0.2)
    assert own.numbers == []
    assert living.shipper.flush(10)
    assert own.numbers == [5, 6, 7]


def test_the_agent_takes_over_where_a_process_stopped(tmp_path: Path, living: Living, own: Kept) -> None:
    living.log(range(100))
    until(lambda: own.numbers == list(range(100)))
    theirs = Kept()
    with working(tmp_path, theirs):
        until(lambda: not living.shipper.started or living.shipper._lanes[0].standing_by)
        living.log(range(100, 130))
        until(lambda: theirs.numbers == list(range(100, 130)))
    assert own.numbers == list(range(100))


def test_agents_that_come_and_go_lose_nothing_and_ship_nothing_twice(
    tmp_path: Path, living: Living, own: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 3_000)
    theirs = Kept()
    for start in range(0, 2_000, 200):
        with working(tmp_path, theirs):
            living.log(range(start, start + 100))
            time.sleep(0.03)
        living.log(range(start + 100, start + 200))
        time.sleep(0.03)
    assert living.shipper.flush(20)
    assert sorted(own.numbers + theirs.numbers) == list(range(2_000))
    assert len(theirs.numbers) > 0


def test_the_agent_deletes_segments_that_are_shipped_and_sealed(
    tmp_path: Path, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 1_000)
    theirs = Kept()
    with working(tmp_path, theirs):
        living.log(range(300))
        until(lambda: len(theirs.numbers) == 300)
        folder = living.journal.folder
        assert folder is not None
        until(lambda: len(list(folder.glob("*.seg"))) <= 2)


def test_what_a_process_leaves_the_agent_ships_to_its_end(tmp_path: Path) -> None:
    theirs = Kept()
    with working(tmp_path, theirs):
        process = Living(tmp_path, Kept())
        process.log(range(50))
        assert not process.shipper.shutdown(0.2)
        folder = process.journal.close()
        until(lambda: theirs.numbers == list(range(50)))
        until(lambda: folder is not None and not folder.exists())


def test_of_two_agents_one_ships_and_the_other_takes_over(tmp_path: Path, living: Living) -> None:
    first, second = Kept(), Kept()
    with working(tmp_path, second) as waiting:
        assert waiting._leases[0].holds()
        with working(tmp_path, first) as another:
            living.log(range(10))
            until(lambda: second.numbers == list(range(10)))
            assert not another._leases[0].holds()
    with working(tmp_path, first):
        living.log(range(10, 20))
        until(lambda: first.numbers == list(range(10, 20)))


def test_an_agent_that_leaves_the_living_alone_does(tmp_path: Path, living: Living, own: Kept) -> None:
    theirs = Kept()
    with Agent(tmp_path, [theirs], unlimited(tmp_path), lost_after=900, living=False):
        living.log(range(10))
        until(lambda: own.numbers == list(range(10)))
    assert theirs.numbers == []


def test_an_exporter_that_is_away_is_tried_again_by_the_agent(tmp_path: Path, living: Living) -> None:
    theirs = Kept("kept", StoreUnavailable("away"), StoreUnavailable("still away"))
    with working(tmp_path, theirs):
        living.log(range(10))
        until(lambda: theirs.numbers == list(range(10)))


class Heard(Kept):
    def __init__(self) -> None:
        super().__init__()
        self.beats: set[bytes] = set()
        self.settled: list[float] = []

    def beat(self, process_ids: list[bytes]) -> None:
        self.beats |= set(process_ids)

    def settle(self, lost_after: float) -> None:
        self.settled.append(lost_after)


def test_the_agent_beats_for_all_it_tends_and_settles_what_never_came_back(
    tmp_path: Path, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "BEAT", 0.02)
    theirs = Heard()
    with working(tmp_path, theirs):
        living.log(range(3))
        until(lambda: theirs.beats == {PROCESS.process_id})
        until(lambda: theirs.settled == [900])


def test_what_lies_in_memory_while_an_agent_ships_is_not_lost_at_the_end(tmp_path: Path, own: Kept) -> None:
    theirs = Kept()
    with working(tmp_path, theirs):
        process = Living(tmp_path, own)
        process.log(range(5))
        until(lambda: theirs.numbers == list(range(5)))
        process.journal._rotate(process.journal._file, to_memory=True)  # as a full disk would have it
        process.journal.trouble = "No space left on device"
        process.journal._retry_at = time.monotonic() + 60
        process.log(range(5, 9))
        process.shipper.shutdown(5)
        assert own.numbers == list(range(5, 9))
        process.journal.close()


def test_an_agent_may_open_all_the_files_that_the_host_allows(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        with working(tmp_path, Kept()):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            assert soft == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_courier_may_open_as_many(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        run_courier(tmp_path, [], unlimited(tmp_path), lost_after=60)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_lock_is_free_when_its_agent_is_gone(tmp_path: Path) -> None:
    with working(tmp_path, Kept()), locks.held(agent_lock(tmp_path, "kept"), exclusive=True) as free:
        assert not free
    with locks.held(agent_lock(tmp_path, "kept"), exclusive=True) as free:
        assert free


def test_nothing_of_the_agent_is_logged_when_all_is_well(
    tmp_path: Path, living: Living, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "otel_joblog")
    theirs = Kept()
    with working(tmp_path, theirs):
        living.log(range(3))
        until(lambda: len(theirs.numbers) == 3)
    assert caplog.text == ""
    assert isinstance(PROCESS, Process)


def test_a_courier_stays_for_as_long_as_something_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "PATIENCE", 0.3)

    class Slow(Kept):
        def ship(self, records: Sequence[Record], process: Process | None) -> None:
            time.sleep(0.1)
            super().ship(records, process)

    written = Journal(tmp_path, PROCESS, ["kept"])
    fill(written, range(20_000))  # ten batches
    written.close()
    sink = Slow()
    run_courier(tmp_path, [sink], unlimited(tmp_path), lost_after=900)
    assert sink.numbers == list(range(20_000))
    assert not dead_journals(tmp_path)
