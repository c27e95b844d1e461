"""What a request holds is told from its wire as the parser would tell it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_joblog.errors import ImportRefused
from otel_joblog.ingest.answers import Refusal
from otel_joblog.ingest.counting import EVENTS, check_protobuf
from otel_joblog.ingest.otlp import Decoder

from . import fuzz, messages
from .messages import as_json, job, span, traces


def holds(request: Any) -> tuple[int, int]:
    """The most of resources, scopes and spans or log records; and of events and links."""
    if isinstance(request, ExportLogsServiceRequest):
        scopes = [scoped for one in request.resource_logs for scoped in one.scope_logs]
        return max(len(request.resource_logs), len(scopes), sum(len(one.log_records) for one in scopes)), 0
    scopes = [scoped for one in request.resource_spans for scoped in one.scope_spans]
    spans = [one for scoped in scopes for one in scoped.spans]
    events = sum(len(one.events) + len(one.links) for one in spans)
    return max(len(request.resource_spans), len(scopes), len(spans)), events


def refused(signal: Any, body: bytes, most: int) -> bool:
    try:
        check_protobuf(signal, body, most)
    except Refusal:
        return True
    return False


@given(st.integers(0, 2**32))
def test_the_walk_agrees_with_the_parser_on_whatever_comes(seed: int) -> None:
    rng = random.Random(seed)
    path, headers, body = fuzz.request(rng)
    while headers != {"Content-Type": fuzz.PROTOBUF}:
        path, headers, body = fuzz.request(rng)
    signal = path.removeprefix("/v1/")
    kind = ExportTraceServiceRequest if signal == "traces" else ExportLogsServiceRequest
    try:
        items, events = holds(kind.FromString(body))
    except DecodeError:
        return
    for most in range(12):
        assert refused(signal, body, most) == (items > most or events > most * EVENTS)


@pytest.mark.parametrize(
    "wire",
    [
        b"\x0a\x00",
        b"\x8a\x80\x80\x80\x00\x00",  # padded number
        b"\x0a\x80\x80\x80\x80\x00",  # padded length
        b"\x0b\x0a\x00\x0c\x0a\x00",  # a group that nobody knows, and what is in it
        b"\x0b\x13\x0a\x00\x14\x0c",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x0d\x01\x02\x03\x04\x09" + bytes(8),
        b"",
    ],
)
def test_the_wire_is_read_in_all_its_forms(wire: bytes) -> None:
    items, _ = holds(ExportTraceServiceRequest.FromString(wire * 5))
    assert refused("traces", wire * 5, items) is False
    assert not items or refused("traces", wire * 5, items - 1)


@pytest.mark.parametrize("wire", [b"\x0a\x05", b"\x0a", b"\x0b", b"\x0b\x14", b"\x0c", b"\x0e", b"\x08" + b"\xff" * 11])
def test_what_is_no_protobuf_is_refused_as_by_the_parser(wire: bytes) -> None:
    with pytest.raises(DecodeError):
        ExportTraceServiceRequest.FromString(wire)
    with pytest.raises(ImportRefused):
        Decoder(most=0).traces(wire)


def test_millions_of_empty_messages_are_refused_before_they_are_any() -> None:
    million = 2**20
    head = job(1).SerializeToString()

    def nested(inside: bytes, *numbers: int) -> bytes:
        for number in reversed(numbers):
            size = len(inside)
            inside = bytes([number << 3 | 2, *(size >> shift & 0x7F | 0x80 for shift in (0, 7, 14, 21)), 0]) + inside
        return inside

    for body in (
        b"\x0a\x00" * million,
        nested(b"\x12\x00" * million, 1),
        nested(b"\x12\x00" * million, 1, 2),
        nested(head + b"\x5a\x00" * million, 1, 2, 2),
        nested(head + b"\x6a\x00" * million, 1, 2, 2),
        nested(b"".join(b"\x12\x02\x5a\x00" for _ in range(40_000)) + b"\x12\x00" * 20_000, 1, 2),
    ):
        assert ExportTraceServiceRequest.FromString(body)
        with pytest.raises(Refusal):
            Decoder(most=50_000).traces(body)
    with pytest.raises(Refusal):
        Decoder(most=50_000).traces(b'{"resourceSpans": [{}' + b",{}" * 60_000 + b"]}", json=True)


def test_as_much_as_may_be_is_taken_and_without_a_bound_everything() -> None:
    request = traces([job(1), *(span(number, 1) for number in range(2, 2_001))])
    request.resource_spans.append(messages.resource_spans([]))
    for body, json in ((request.SerializeToString(), False), (as_json(request), True)):
        assert Decoder(most=2_000).traces(body, json=json).items == 2_000
        assert Decoder().traces(body, json=json).items == 2_000
        with pytest.raises(Refusal, match="more than 1,999 spans"):
            Decoder(most=1_999).traces(body, json=json)
