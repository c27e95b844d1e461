"""Bytes into lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_joblog.command.lines import LONGEST, LineCutter

PIECES = st.lists(st.binary(max_size=6) | st.sampled_from([b"\n", b"\r", b"\r\n", b"a\rb", b"line\n"]), max_size=20)


def cut(pieces: list[bytes]) -> list[bytes]:
    cutter = LineCutter()
    found = [*map(cutter.feed, pieces), cutter.finish()]
    return [line for lines in found if lines is not None for line in lines.split(b"\n")]


@given(PIECES)
def test_lines_do_not_depend_on_the_pieces_in_which_they_come(pieces: list[bytes]) -> None:
    *whole, rest = b"".join(pieces).split(b"\n")
    expected = [line.rstrip(b"\r").rpartition(b"\r")[2] for line in (*whole, *([rest] if rest else []))]
    assert cut(pieces) == expected


def test_redraws_take_no_memory() -> None:
    cutter = LineCutter()
    for number in range(200_000):
        assert cutter.feed(b"%d%%\r" % number) is None
    assert sum(map(len, cutter._pieces)) < 20
    assert cutter.finish() == b"199999%"


def test_a_line_without_end_goes_on_in_further_lines() -> None:
    piece = b"x" * 1_000_000
    found = cut([piece] * 40)
    assert b"".join(found) == piece * 40
    assert max(map(len, found)) <= LONGEST + len(piece)
