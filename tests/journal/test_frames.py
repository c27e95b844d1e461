"""Frames: what is undamaged is found again, in order, whatever happened to the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_joblog.journal.frames import HEADER_SIZE, SYNC, frame, scan

payloads = st.lists(st.binary(max_size=60), max_size=12)
ENDLESS = 1_000_000


def test_a_payload_comes_back() -> None:
    assert scan(frame(b"one") + frame(b"") + frame(b"three"), final=False, limit=ENDLESS).payloads == [
        b"one",
        b"",
        b"three",
    ]


def test_the_limit_leaves_the_rest_for_the_next_scan() -> None:
    data = frame(b"one") + frame(b"two")
    first = scan(data, final=True, limit=1)
    assert (first.payloads, first.wanted) == ([b"one"], 0)
    assert scan(data[first.consumed :], final=True, limit=1).payloads == [b"two"]


@given(payloads, st.data())
def test_a_cut_loses_only_what_lies_behind_it(written: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(frame, written))
    cut = data.draw(st.integers(0, len(whole)))
    kept: list[bytes] = []
    size = 0
    for payload in written:
        size += HEADER_SIZE + len(payload)
        if size <= cut:
            kept.append(payload)
    found = scan(whole[:cut], final=True, limit=ENDLESS)
    assert found.payloads == kept
    assert found.consumed == cut
    assert (found.damaged, found.cut) == (0, cut - sum(HEADER_SIZE + len(payload) for payload in kept))


@given(payloads.filter(bool), st.data())
def test_a_flipped_bit_costs_one_frame(written: list[bytes], data: st.DataObject) -> None:
    hit = data.draw(st.integers(0, len(written) - 1))
    broken = bytearray(frame(written[hit]))
    bit = data.draw(st.integers(0, len(broken) * 8 - 1))
    broken[bit // 8] ^= 1 << bit % 8
    frames = [frame(payload) for payload in written]
    frames[hit] = bytes(broken)
    found = scan(b"".join(frames), final=True, limit=ENDLESS)
    assert found.payloads == written[:hit] + written[hit + 1 :]
    assert found.damaged + found.cut == len(broken)


@given(payloads, st.lists(st.binary(max_size=40), min_size=13, max_size=13))
def test_rubbish_between_frames_is_passed_over(written: list[bytes], rubbish: list[bytes]) -> None:
    rubbish = [piece.replace(bytes([SYNC]), b"") for piece in rubbish]
    data = rubbish[-1] + b"".join(frame(payload) + piece for payload, piece in zip(written, rubbish, strict=False))
    found = scan(data, final=True, limit=ENDLESS)
    assert found.payloads == written
    assert found.damaged + found.cut == len(data) - sum(HEADER_SIZE + len(payload) for payload in written)


@given(payloads, st.data())
def test_a_file_read_while_it_grows_gives_every_payload_once(written: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(frame, written))
    seen = sorted({*data.draw(st.lists(st.integers(0, len(whole)), max_size=8)), len(whole)})
    found: list[bytes] = []
    at = 0
    for size in seen:
        part = scan(whole[at:size], final=False, limit=ENDLESS)
        assert not part.damaged
        found += part.payloads
        at += part.consumed
    assert found == written


def test_a_frame_inside_of_one_that_is_still_being_written_is_not_taken_for_a_record() -> None:
    forged = frame(b"forged")
    growing = frame(b"a large message that quotes " + forged + b" and goes on for long")
    part = growing[: growing.index(forged) + len(forged)]
    assert scan(part, final=False, limit=ENDLESS).payloads == []
    assert scan(growing, final=False, limit=ENDLESS).payloads == [growing[HEADER_SIZE:]]
