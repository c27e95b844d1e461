"""What goes through the pipe from wrapper to scribe."""

from __future__ import annotations

import io
import itertools
import os
import struct
import threading
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_joblog.command.messages import FACTS, Message, messages, send

STDOUT, STDERR = 1, 2
Told = tuple[int, int, bytes]  # kind, time, data


def received(told: Iterable[Told], cut: int = 0) -> list[Message]:
    """What is read of these, the last ``cut`` bytes of which are missing."""
    written = b"".join(struct.pack("<BIQ", kind, len(data), at) + data for kind, at, data in told)
    reading, writing = os.pipe()
    with io.FileIO(reading) as file:
        writer = threading.Thread(target=write_all, args=(writing, written[: len(written) - cut]))
        writer.start()
        found = list(messages(file))
        writer.join()
    return found


def write_all(descriptor: int, data: bytes) -> None:
    with io.FileIO(descriptor, "w") as file:
        while data:
            data = data[file.write(data) :]


sizes = st.integers(0, 300) | st.sampled_from([4096, 65_536, 70_000, 300_000])
said = st.builds(lambda size, filling: (filling * size)[:size], sizes, st.binary(min_size=1, max_size=3))
times = st.lists(st.integers(0, 800_000), max_size=12).map(lambda steps: list(itertools.accumulate(steps)))


@given(times.flatmap(lambda at: st.tuples(*(st.tuples(st.sampled_from([0, 1, 2]), st.just(one), said) for one in at))))
@settings(max_examples=60, deadline=None)
def test_everything_that_was_said_is_read_once_and_in_order(told: tuple[Told, ...]) -> None:
    found = received(told)
    assert in_runs((one.kind, one.data) for one in found) == in_runs((kind, data) for kind, _, data in told)
    assert {one.time for one in found} <= {at for _, at, _ in told}
    facts = [data for kind, _, data in told if kind == FACTS]
    assert [one.data for one in found if one.kind == FACTS] == facts


def in_runs(told: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """What one stream said until another came."""
    runs = itertools.groupby(told, key=lambda one: one[0])
    return [(kind, b"".join(data for _, data in group)) for kind, group in runs]


def test_what_a_stream_said_within_a_millisecond_comes_as_one() -> None:
    found = received([
        (STDOUT, 0, b"a"), (STDOUT, 1_000_000, b"b"), (STDOUT, 1_000_001, b"c"), (STDERR, 1_000_001, b"d"),
        (FACTS, 1_000_001, b"e"), (FACTS, 1_000_001, b"f"),
    ])  # fmt: skip
    assert [(one.kind, one.time, one.data) for one in found] == [
        (STDOUT, 0, b"ab"), (STDOUT, 1_000_001, b"c"), (STDERR, 1_000_001, b"d"),
        (FACTS, 1_000_001, b"e"), (FACTS, 1_000_001, b"f"),
    ]  # fmt: skip


def test_a_message_that_is_not_whole_is_left_out() -> None:
    told = [(STDOUT, 0, b"whole"), (STDERR, 0, b"cut")]
    for cut in range(1, 16):
        assert [one.data for one in received(told, cut)] == [b"whole"]


def test_what_is_sent_is_read() -> None:
    reading, writing = os.pipe()
    send(writing, FACTS, {"pid": 1, "command": ["x" * 30_000]}, None)
    send(writing, STDERR, b"said", None)
    os.close(writing)
    with io.FileIO(reading) as file:
        facts, data = messages(file)
    assert facts.facts == {"pid": 1, "command": ["x" * 30_000]}
    assert (data.kind, data.data) == (STDERR, b"said")
