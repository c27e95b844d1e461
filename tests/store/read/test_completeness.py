"""What is said of lines that are missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from otel_joblog.errors import RecordRefused
from otel_joblog.records import Dropped, Line, Record
from otel_joblog.store.read.models import RunSummary
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.write.writer import Writer
from otel_joblog.web import format as words
from tests.store.samples import NOW, PROCESS, SECOND, ended, line, run_id, span, started, trace

Told = Callable[..., RunSummary]

LONG_AGO = {"start": NOW - 7200 * SECOND, "end": NOW - 3600 * SECOND}
CHILD = 7 << 32


@pytest.fixture
def told(dsn: str) -> Told:
    """The run as the list and its page have it, after these records were written twice."""

    def tell(*records: Record) -> RunSummary:
        with closing(Writer(dsn)) as writer:
            for _ in range(2):
                writer.write(records, PROCESS)

        async def main() -> tuple[RunSummary, RunSummary]:
            async with Reader(dsn) as reader:
                return (await reader.runs()).items[0], (await reader.run(run_id())).run

        in_list, alone = asyncio.run(main())
        assert in_list == alone
        return in_list

    return tell


def dropped(lines: int, reason: str = "dropped at the journal's cap", at: int = 0) -> Dropped:
    return Dropped(trace(1), span(1), NOW + at, lines, reason)


def test_a_whole_run_misses_nothing(told: Told) -> None:
    run = told(started(), line(1), line(2), ended(lines=2))
    assert (run.missing, words.lines(run)) == (None, "2 of 2 lines")


def test_an_open_run_has_its_lines_so_far(told: Told) -> None:
    run = told(started(), line(1))
    assert (run.missing, words.lines(run)) == (None, "1 line so far")


def test_lines_that_were_given_up_are_told_while_the_run_is_open(told: Told) -> None:
    run = told(started(), line(1), dropped(3000), dropped(1000, at=1))
    assert run.missing == "4,000 lines missing: dropped at the journal's cap"


def test_lines_on_their_way_are_told_from_lines_that_did_not_arrive(told: Told) -> None:
    assert told(line(1), ended(lines=121, end=time.time_ns())).missing == "120 lines have not arrived yet"


def test_lines_that_did_not_arrive_may_be_where_they_were_written(told: Told) -> None:
    run = told(line(1), ended(lines=2, **LONG_AGO))
    assert run.missing == "1 line missing: not arrived; the journal of its host may still hold it"
    assert words.lines(run) == "1 of 2 lines"


def test_each_reason_has_its_number(told: Told) -> None:
    whole = [line(1), ended(lines=4121, **LONG_AGO)]
    assert told(*whole, dropped(4000)).missing == (
        "4,120 lines missing: dropped at the journal's cap (4,000); 120 not arrived"
    )
    assert told(dropped(100, "memory full")).missing == (
        "4,120 lines missing: memory full (100); dropped at the journal's cap (4,000); 20 not arrived"
    )
    assert told(dropped(20, "memory full", at=1)).missing == (
        "4,120 lines missing: memory full (120); dropped at the journal's cap (4,000)"
    )


def test_lines_of_other_processes_make_no_run_more_than_whole_and_hide_no_gap(told: Told) -> None:
    run = told(started(), line(1), line(2), *(line(CHILD + seq) for seq in range(50)), ended(lines=2))
    assert (run.lines, run.lines_elsewhere, run.lines_emitted, run.missing) == (52, 50, 2, None)
    assert words.lines(run) == "52 lines, 50 of them by other processes"


def test_a_gap_is_not_filled_by_lines_of_other_processes(told: Told) -> None:
    run = told(line(1), *(line(CHILD + seq) for seq in range(50)), ended(lines=3, **LONG_AGO))
    assert run.missing == "2 lines missing: not arrived; the journal of its host may still hold them"


def late(number: int) -> Line:
    """The one of this number, from 0, that was emitted after the end."""
    return line((1 << 32) + number, time=NOW - 600 * SECOND)


def test_lines_after_its_end_are_told_and_missed_as_others_are(told: Told) -> None:
    run = told(line(1), ended(lines=1, **LONG_AGO), late(0), late(1))
    assert (run.lines, run.lines_after_end, run.lines_emitted, run.missing) == (3, 2, 3, None)
    assert words.lines(run) == "3 of 3 lines, 2 after its end"


def test_a_line_after_its_end_fills_no_gap_before_it(told: Told) -> None:
    run = told(late(0), ended(lines=1, **LONG_AGO))
    assert run.missing == "1 line missing: not arrived; the journal of its host may still hold it"
    assert words.lines(run) == "1 of 2 lines, 1 after its end"


def test_a_gap_among_the_lines_after_its_end_is_missing(told: Told) -> None:
    run = told(line(1), ended(lines=1, **LONG_AGO), late(2), late(0))
    assert run.missing == "1 line missing: not arrived; the journal of its host may still hold it"
    assert words.lines(run) == "3 of 4 lines, 2 after its end"


def test_lines_after_its_end_and_of_other_processes_are_both_told(told: Told) -> None:
    run = told(line(1), line(CHILD), ended(lines=1), late(0))
    assert (run.missing, words.lines(run)) == (None, "3 lines, 1 of them by other processes, 1 after its end")


def test_a_foreign_run_that_counts_nothing_shows_what_there_is(told: Told) -> None:
    run = told(line(1), line(2), ended())
    assert (run.missing, words.lines(run)) == (None, "2 lines")


def test_a_gap_that_no_column_can_take_is_refused(dsn: str) -> None:
    with closing(Writer(dsn)) as writer, pytest.raises(RecordRefused):
        writer.write([dropped(2**70)])
