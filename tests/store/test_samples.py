"""Samples of what runs use: kept once, thinned out, read as figures."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_joblog.records import Progress, Sample
from otel_joblog.store.read.models import RunDetail
from otel_joblog.store.read.reader import Reader
from otel_joblog.store.samples import EARLIER, EVERY, LATEST, MOST, thinnings
from otel_joblog.store.write.writer import Writer
from tests.store.samples import NOW, SECOND, ended, run_id, span, started, trace


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    writer = Writer(dsn)
    yield writer
    writer.close()


def sample(seq: int, memory: int | None = 1_000_000, cpu: float = 0.0) -> Sample:
    return Sample(trace(1), span(1), NOW + seq * SECOND, seq, memory, cpu, NOW)


def stored(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        return [seq for (seq,) in connection.execute("select seq from joblog.job_sample order by ts, seq")]


def read(dsn: str) -> RunDetail:
    async def ask() -> RunDetail:
        async with Reader(dsn) as reader:
            return await reader.run(run_id())

    return asyncio.run(ask())


def test_a_sample_is_kept_once(writer: Writer, dsn: str) -> None:
    writer.write([started(), sample(1), sample(2)])
    writer.write([sample(1), sample(2), sample(3)])
    assert stored(dsn) == [1, 2, 3]


def test_a_long_run_keeps_its_latest_samples_whole_and_earlier_ones_thinned_out(writer: Writer, dsn: str) -> None:
    writer.write([started()])
    for first in range(1, 3_001, 100):
        writer.write([sample(seq) for seq in range(first, first + 100)])
        assert len(stored(dsn)) <= MOST + 100
    kept = stored(dsn)
    assert len(kept) <= MOST
    assert kept[-LATEST:] == list(range(3_001 - LATEST, 3_001))
    assert {later - earlier for earlier, later in itertools.pairwise(kept[:-LATEST])} == {16}
    assert len(read(dsn).samples) <= MOST


@given(st.integers(1, 10**6))
def test_no_more_samples_stay_than_are_said_to(number: int) -> None:
    seq = number * EVERY
    (found,) = thinnings([sample(seq)]) or [None]
    if found is None:
        assert seq - LATEST <= EARLIER
    else:
        assert found["before"] // found["stride"] <= EARLIER
        assert found["stride"] & (found["stride"] - 1) == 0


def test_cpu_is_read_as_processors_busy_between_two_samples(writer: Writer, dsn: str) -> None:
    writer.write([started(), sample(1, 5_000_000, 0.5), sample(2, None, 2.5), sample(4, 7_000_000, 2.5)])
    writer.write([ended(end=NOW + 4 * SECOND)])
    assert [(each.memory, each.cpu) for each in read(dsn).samples] == [(5_000_000, 0.5), (None, 2.0), (7_000_000, 0.0)]


def progress(current: float, at: float, *, since: float = 0.0, base: float = 0.0, total: float = 100) -> Progress:
    times = (NOW + int(at * SECOND), NOW + int(since * SECOND))
    return Progress(trace(1), span(1), span(1), times[0], current, total, "rows", times[1], base)


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ([progress(20, 2)], 10.0),
        ([progress(20, 2), progress(30, 3, since=2, base=20)], 10.0),
        ([progress(0, 0)], None),
        ([Progress(trace(1), span(1), span(1), NOW + SECOND, 5, 100, "rows")], None),
    ],
)
def test_the_rate_is_that_of_the_count_since_it_began(
    told: Sequence[Progress], rate: float | None, writer: Writer, dsn: str
) -> None:
    writer.write([started(), *told, ended()])
    found = read(dsn).run.progress
    assert found is not None
    assert (found.rate, found.left) == (rate, None)


def test_of_an_open_run_the_rest_is_told_and_grows_while_nothing_moves(writer: Writer, dsn: str) -> None:
    writer.write([started(), progress(50, 10)])  # a minute ago
    first = read(dsn).run.progress
    later = read(dsn).run.progress
    assert first is not None
    assert later is not None
    assert first.rate is not None
    assert first.rate < 5
    assert first.left is not None
    assert later.left is not None
    assert 10 < first.left < later.left
