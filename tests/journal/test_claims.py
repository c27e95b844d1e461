"""Who ships what: an agent for its own exporters alone, and nobody who is stopped."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_joblog import descriptors
from otel_joblog.journal import agent as agents
from otel_joblog.journal import claims, shipper
from otel_joblog.journal.agent import Agent
from otel_joblog.journal.claims import FROZEN, Claim
from otel_joblog.journal.courier import run_courier
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.recovery import ship_dead
from otel_joblog.journal.shipper import Shipper
from otel_joblog.journal.standby import BATCH, ENTRUSTED, agent_at_work, agent_lock, courier_lock, served, ship_lock
from otel_joblog.records import Process, Record

from .samples import PROCESS, Kept, fill, journal, unlimited, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipper, "LOOK_FOR_AGENT", 0.02)
    monkeypatch.setattr(shipper, "GRACE", 0.05)
    monkeypatch.setattr(shipper, "POLL", 0.01)
    monkeypatch.setattr(agents, "ROUND", 0.01)
    monkeypatch.setattr(agents, "LOOK_FOR_DEAD", 0.02)
    monkeypatch.setattr(claims, "MOMENT", 0.0)


def working(root: Path, *sinks: Kept) -> Agent:
    return Agent(root, sinks, unlimited(root), lost_after=900)


def stop(path: Path, seconds: float = 1e6) -> None:
    """Make whoever holds this claim look like one that was stopped so long ago."""
    times = path.stat().st_mtime - seconds
    os.utime(path, (times, times))


def ended(shipping: Shipper, written: Journal) -> None:
    assert shipping.shutdown(10)
    written.remove()


# For that exporter


def test_an_agent_without_the_exporter_leaves_the_shipping_to_the_process(tmp_path: Path) -> None:
    own = Kept("otlp")
    with working(tmp_path, Kept("postgres")):
        written = journal(tmp_path, "otlp")
        shipping = Shipper(written, [own])
        fill(written, range(10))
        shipping.start()
        until(lambda: own.numbers == list(range(10)))
        ended(shipping, written)


def test_each_exporter_is_shipped_to_by_whoever_has_it(tmp_path: Path) -> None:
    mine, theirs = [Kept("postgres"), Kept("otlp")], Kept("postgres")
    with working(tmp_path, theirs):
        written = journal(tmp_path, "postgres", "otlp")
        shipping = Shipper(written, mine)
        fill(written, range(10))
        shipping.start()
        until(lambda: theirs.numbers == mine[1].numbers == list(range(10)))
        assert mine[0].numbers == []
        assert shipping.flush(10)
        shipping.shutdown(1)
        written.close()


def test_agents_of_two_databases_both_ship_for_the_living(tmp_path: Path) -> None:
    one, two = Kept("one"), Kept("two")
    with working(tmp_path, one), working(tmp_path, two):
        assert served(tmp_path) == {"one", "two"}
        first, second = journal(tmp_path, "one"), journal(tmp_path / "other", "two")
        fill(first, range(5))
        fill(second, range(5, 9))
        assert second.folder is not None
        second.folder = second.folder.rename(tmp_path / "20231114221320-4712-000102030405")
        until(lambda: (one.numbers, two.numbers) == (list(range(5)), list(range(5, 9))))
        first.close()
        second.close()


def test_a_courier_goes_on_for_what_no_agent_ships(tmp_path: Path) -> None:
    postgres, otlp = Kept("postgres"), Kept("otlp")
    written = journal(tmp_path, "postgres", "otlp")
    fill(written, range(5))
    assert written.folder is not None
    (written.folder / ENTRUSTED).touch()
    with working(tmp_path, theirs := Kept("postgres")):
        until(lambda: theirs.numbers == list(range(5)))
        courier = threading.Thread(
            target=run_courier, args=(tmp_path, [postgres, otlp], unlimited(tmp_path)), kwargs={"lost_after": 900}
        )
        courier.start()
        until(lambda: otlp.numbers == list(range(5)))
        written.close()
        courier.join(30)
        assert not courier.is_alive()
    assert postgres.numbers == []


# Nobody who is stopped


def test_a_claim_is_taken_away_from_who_shows_no_life_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    first = Claim.take(path, stale=FROZEN)
    with pytest.raises(BlockingIOError):
        Claim.take(path, stale=FROZEN)
    stop(path, FROZEN + 1)
    assert first.holds()
    with pytest.raises(BlockingIOError):  # it has just shown life
        Claim.take(path, stale=FROZEN)
    stop(path, FROZEN + 1)
    second = Claim.take(path, stale=FROZEN)
    assert not first.holds()
    assert second.holds()
    first.let_go()
    with pytest.raises(BlockingIOError):
        Claim.take(path, stale=FROZEN)
    second.let_go()
    Claim.take(path, stale=FROZEN).let_go()


def test_a_clock_that_was_set_back_does_not_keep_a_claim_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    first = Claim.take(path, stale=FROZEN)
    stop(path, -86_400)
    second = Claim.take(path, stale=FROZEN)
    assert not first.holds()
    first.let_go()
    second.let_go()


def test_a_claim_that_cannot_be_touched_any_more_still_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    claim = Claim.take(tmp_path / "claim", stale=FROZEN)
    with monkeypatch.context() as disk:
        disk.setattr(claims.os, "utime", read_only)
        assert claim.holds()
    claim.let_go()


def test_a_lock_whose_file_is_put_in_place_anew_as_it_is_opened_is_taken_on_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new = tmp_path / "claim", tmp_path / "new"
    path.touch()
    new.touch()
    opening = descriptors.Kept.open

    def late(*arguments: Any, **options: Any) -> descriptors.Kept:
        monkeypatch.setattr(descriptors.Kept, "open", opening)
        descriptor = os.open(path, os.O_RDWR)
        new.replace(path)
        return descriptors.Kept(descriptor, path)

    monkeypatch.setattr(descriptors.Kept, "open", late)
    claim = Claim.take(path, stale=FROZEN)
    assert claim.holds()
    claim.let_go()


def test_of_many_that_take_it_away_one_has_it(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    first = Claim.take(path, stale=FROZEN)
    stop(path)
    together, taken = threading.Barrier(8), []

    def take() -> None:
        together.wait()
        with contextlib.suppress(BlockingIOError):
            taken.append(Claim.take(path, stale=FROZEN))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (only,) = taken
    assert only.holds()
    for claim in (first, only):
        claim.let_go()


def test_a_stopped_agent_holds_no_process_off(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    assert written.folder is not None
    agent = Claim.take(agent_lock(tmp_path, "kept"), stale=FROZEN)
    shipped = Claim.take(ship_lock(written.folder, "kept"), stale=BATCH)
    for path in (agent_lock(tmp_path, "kept"), ship_lock(written.folder, "kept")):
        stop(path, FROZEN + 1)
    assert not agent_at_work(tmp_path, "kept")
    shipping = Shipper(written, [own := Kept()])
    shipping.start()
    until(lambda: own.numbers == list(range(10)))
    assert not shipped.holds(), "when it goes on, it finds out"
    ended(shipping, written)
    agent.let_go()
    shipped.let_go()


def test_an_agent_that_goes_on_after_a_stop_ships_nothing_that_was_taken_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "PULSE", 1e9)
    monkeypatch.setattr(claims, "LOOK", 1e9)  # it shows life no more
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    assert written.folder is not None
    with working(tmp_path, theirs := Kept()):
        until(lambda: theirs.numbers == list(range(10)))
        for path in (agent_lock(tmp_path, "kept"), ship_lock(written.folder, "kept")):
            stop(path)
        shipping = Shipper(written, [own := Kept()])
        shipping.start()
        until(lambda: shipping._lanes[0]._ship_lock is not None)
        fill(written, range(10, 20))
        until(lambda: own.numbers == list(range(10, 20)))
        assert theirs.numbers == list(range(10))
        ended(shipping, written)


def test_a_second_agent_takes_over_from_one_that_is_stopped(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    assert written.folder is not None
    first = Claim.take(agent_lock(tmp_path, "kept"), stale=FROZEN)
    shipped = Claim.take(ship_lock(written.folder, "kept"), stale=BATCH)
    for path in (agent_lock(tmp_path, "kept"), ship_lock(written.folder, "kept")):
        stop(path)
    with working(tmp_path, theirs := Kept()):
        until(lambda: theirs.numbers == list(range(10)))
        assert agent_at_work(tmp_path, "kept")
    first.let_go()
    shipped.let_go()
    written.close()


def test_what_a_stopped_process_was_to_recover_another_does(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    folder = written.close()
    assert folder is not None
    stopped = Claim.take(ship_lock(folder, "kept"), stale=BATCH)
    sink = Kept()
    assert not ship_dead(folder, sink, lambda _seconds: True), "a batch may take a while"
    stop(ship_lock(folder, "kept"), BATCH + 1)
    assert ship_dead(folder, sink, lambda _seconds: True)
    assert sink.numbers == list(range(10))
    stopped.let_go()


def test_a_recoverer_that_goes_on_after_a_stop_leaves_the_journal_to_the_other(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    folder = written.close()
    assert folder is not None
    other: list[Claim] = []

    class Stopped(Kept):
        def ship(self, records: Sequence[Record], process: Process | None) -> None:
            stop(ship_lock(folder, "kept"))
            other.append(Claim.take(ship_lock(folder, "kept"), stale=BATCH))

    assert not ship_dead(folder, Stopped(), lambda _seconds: True)
    assert other[0].holds()
    other[0].let_go()
    assert ship_dead(folder, sink := Kept(), lambda _seconds: True), "its cursor has not moved"
    assert sink.numbers == list(range(10))


def test_a_stopped_courier_holds_no_other_off(tmp_path: Path) -> None:
    written = journal(tmp_path, "kept")
    fill(written, range(10))
    written.close()
    stopped = Claim.take(courier_lock(tmp_path, {"kept"}), stale=FROZEN)
    stop(courier_lock(tmp_path, {"kept"}))
    run_courier(tmp_path, [sink := Kept()], unlimited(tmp_path), lost_after=900)
    assert sink.numbers == list(range(10))
    stopped.let_go()


# Everybody has a turn


def test_a_process_that_writes_without_end_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "TURN", 0.0)

    class Fed(Kept):
        """Has more to ship from the first journal whenever it is asked, until it gets something of the second."""

        def ship(self, records: Sequence[Record], process: Process | None) -> None:
            super().ship(records, process)
            if 9 not in self.numbers:
                fill(chatty, [len(self.numbers) + 100])

    chatty, other = journal(tmp_path, "kept"), journal(tmp_path, "kept")
    other._folders = 1  # another name
    fill(chatty, [100])
    fill(other, [9])
    with working(tmp_path, sink := Fed()):
        until(lambda: 9 in sink.numbers)
    chatty.close()
    other.close()


def test_what_the_dead_left_keeps_the_living_waiting_for_no_more_than_a_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "TURN", 0.0)
    dead = journal(tmp_path, "kept")
    fill(dead, range(10_000))
    dead.close()
    living = Journal(tmp_path, PROCESS, ["kept"])
    living._folders = 1

    class Told(Kept):
        def ship(self, records: Sequence[Record], process: Process | None) -> None:
            super().ship(records, process)
            if not living.folder:
                fill(living, [77_777])

    with working(tmp_path, sink := Told()):
        until(lambda: len(sink.numbers) == 10_001)
    assert sink.numbers.index(77_777) < 9_000
    living.close()
