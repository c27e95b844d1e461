"""What waits for a destination that nobody ships to any more is told, can be sent elsewhere or given up, and costs the
living nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_joblog.config import OnFull
from otel_joblog.conventions import SpanKind
from otel_joblog.journal import journal as module
from otel_joblog.journal.bindings import adopt, give_up, same_place, send_elsewhere
from otel_joblog.journal.claims import Claim
from otel_joblog.journal.cursors import CursorFile, cursor_names
from otel_joblog.journal.destinations import bound_to, foreign, runs_waiting
from otel_joblog.journal.folders import journal_folders
from otel_joblog.journal.journal import Journal
from otel_joblog.journal.reader import Cursor, JournalReader
from otel_joblog.journal.recovery import ship_all_dead, ship_dead
from otel_joblog.journal.room import Room, taken
from otel_joblog.journal.segments import DiskSegments
from otel_joblog.journal.standby import BATCH, ship_lock
from otel_joblog.records import SpanStarted, encode

from .samples import PROCESS, Kept, fill, journal, lines_dropped, read_all

A, B, BOTH = "postgres-shop@a:5432", "postgres-shop@b:5432", "postgres-shop@a:5432,b:5432"
CAP = 200_000


def run(number: int, name: str = "import") -> bytes:
    span = b"%08d" % number
    return encode(SpanStarted(SpanKind.JOB, b"t" * 16, span, None, span, None, number * 10**9, name, 0, {}))


def dead(root: Path, *exporters: str, number: int = 1, lines: int = 10) -> Path:
    written = journal(root, *exporters)
    written._folders = number - 1  # another name
    written.append(run(number))
    fill(written, range(lines))
    folder = written.close()
    assert folder is not None
    return folder


def test_what_nothing_here_ships_to_is_told_with_its_runs(tmp_path: Path) -> None:
    for number in range(1, 6):
        dead(tmp_path, A if number > 2 else B, number=number)
    (behind,) = foreign(tmp_path, {A})
    assert (behind.exporter, behind.journals) == (B, 2)
    runs, more = runs_waiting(tmp_path, B, 3)
    assert [(one.job, one.run_id[-16:], one.started) for one in runs] == [
        ("import", (b"%08d" % number).hex(), float(number)) for number in (1, 2)
    ]
    assert not more
    assert [one.started for one in runs_waiting(tmp_path, A, 2)[0]] == [3.0, 4.0]
    assert runs_waiting(tmp_path, A, 2)[1]


def test_what_is_sent_elsewhere_arrives_there_whole(tmp_path: Path) -> None:
    folder = dead(tmp_path, A)
    CursorFile(A).save(folder, journal_end(folder), b"kept by the other")
    assert send_elsewhere(folder, A, B)
    assert ship_dead(folder, sink := Kept(B), lambda _seconds: True)
    assert sink.numbers == list(range(10))
    assert sink.restored == [b""]
    assert not folder.exists()


def journal_end(folder: Path) -> Cursor:
    reader = JournalReader(DiskSegments(folder), Cursor())
    while (batch := reader.read()).end != reader.cursor:
        reader.cursor = batch.end
    return reader.cursor


def test_what_is_given_up_stays_for_other_destinations(tmp_path: Path) -> None:
    both, one = dead(tmp_path, A, "otlp-old:4318"), dead(tmp_path, "otlp-old:4318", number=2)
    assert give_up(both, "otlp-old:4318")
    assert give_up(one, "otlp-old:4318")
    assert cursor_names(both) == {A}
    assert not one.exists()
    ship_all_dead(tmp_path, sink := Kept(A), lambda _seconds: True)
    assert sink.numbers == list(range(10))
    assert not both.exists()


def test_what_goes_there_already_is_not_sent_twice(tmp_path: Path) -> None:
    folder = dead(tmp_path, A, B)
    CursorFile(B).save(folder, journal_end(folder), b"")
    assert send_elsewhere(folder, A, B)
    assert cursor_names(folder) == {B}
    assert ship_dead(folder, sink := Kept(B), lambda _seconds: True)
    assert sink.numbers == []


def test_the_living_and_what_somebody_is_at_are_left_alone(tmp_path: Path) -> None:
    living = journal(tmp_path, A)
    living._folders = 5
    fill(living, range(3))
    folder = dead(tmp_path, A)
    assert bound_to(tmp_path, A) == ([folder], 1)
    assert living.folder is not None
    assert not send_elsewhere(living.folder, A, B)
    assert not give_up(living.folder, A)
    claim = Claim.take(ship_lock(folder, A), stale=BATCH)
    assert not send_elsewhere(folder, A, B)
    assert not give_up(folder, A)
    claim.let_go()
    assert cursor_names(folder) == cursor_names(living.folder) == {A}
    living.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (A, BOTH, True),
        (BOTH, B, True),
        (A, B, False),
        (A, "postgres-other@a:5432", False),
        ("otlp-a:4318", "otlp-a:4318,b:4318", False),
        ("postgres-embedded", A, False),
        ("postgres-unreadable", "postgres-embedded", False),
    ],
)
def test_a_host_and_a_list_with_it_are_one_place(one: str, other: str, same: bool) -> None:
    assert same_place(one, other) is same_place(other, one) is same


def test_what_waits_for_another_list_of_the_same_hosts_is_shipped_from_where_it_stands(tmp_path: Path) -> None:
    folder = dead(tmp_path, A)
    first = Kept(A)
    CursorFile(A).save(folder, journal_end(folder), b"7")
    adopt(folder, "postgres-shop@c:5432")
    assert cursor_names(folder) == {A}
    ship_all_dead(tmp_path, sink := Kept(BOTH), lambda _seconds: True)
    assert (first.numbers, sink.numbers, sink.restored) == ([], [], [b"7"])
    assert not folder.exists()


# The cap


@pytest.mark.parametrize("on_full", ["drop_oldest_logs", "drop_new_logs", "block"])
def test_what_no_exporter_here_takes_costs_the_living_no_line(
    tmp_path: Path, on_full: OnFull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)
    debt = dead(tmp_path, "otlp-retired:4318", lines=3_000)
    before = read_all_on_disk(debt)
    assert taken([debt]) > CAP
    written = Journal(tmp_path, PROCESS, [A], Room(tmp_path, CAP, on_full, [A]))
    written._folders = 7
    fill(written, range(1_000))
    assert read_all(written)[0] == list(range(1_000))
    assert lines_dropped(written) == 0
    assert read_all_on_disk(debt) == before, "nor is it given up in silence"
    written.close()


def read_all_on_disk(folder: Path) -> tuple[list[int], int]:
    return read_all(DiskSegments(folder))


def test_starts_and_ends_for_an_exporter_that_is_away_cost_another_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector is configured and has been away for long: what cannot be given up for it has reached the cap."""
    monkeypatch.setattr(module, "RETRY", 0.01)
    written = journal(tmp_path, "otlp-away:4318")
    for number in range(3_000):
        written.append(run(number))
    debt = written.close()
    assert debt is not None
    assert taken([debt]) > CAP
    there = ["otlp-away:4318", A]
    written = Journal(tmp_path, PROCESS, there, Room(tmp_path, CAP, "drop_oldest_logs", there))
    written._folders = 7
    fill(written, range(300))
    assert read_all(written)[0] == list(range(300))
    written.close()


@pytest.mark.parametrize("on_full", ["drop_new_logs", "block"])
def test_for_a_collector_that_is_away_no_line_is_refused_and_nobody_waits(
    tmp_path: Path, on_full: OnFull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)
    debt = dead(tmp_path, "otlp-away:4318", lines=4_000)
    there = ["otlp-away:4318", A]
    written = Journal(tmp_path, PROCESS, there, Room(tmp_path, CAP, on_full, there))
    written._folders = 7
    fill(written, range(300))
    assert read_all(written)[0] == list(range(300))
    assert taken(journal_folders(tmp_path)) < CAP * 1.2
    dropped = lines_dropped(DiskSegments(debt))
    assert dropped > 0
    assert len(read_all_on_disk(debt)[0]) + dropped == 4_000, "each is counted"
    written.close()


def test_where_no_exporter_keeps_up_lines_are_given_up_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)
    room = Room(tmp_path, CAP, "drop_oldest_logs", [A])
    written = Journal(tmp_path, PROCESS, [A], room)
    fill(written, range(6_000), "x" * 50)
    assert taken(journal_folders(tmp_path)) < CAP * 1.2
    assert lines_dropped(written) > 0
    written.close()
