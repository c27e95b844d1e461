"""Strings that are not Unicode: the rows are those of a request that has them escaped."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import EntityRef

from otel_joblog.ingest.mending import mended_protobuf
from otel_joblog.ingest.otlp import Decoder, Received

from .messages import Span, as_json, event, job, log_event, log_record, logs, span, span_id, trace_id, traces

ATTRIBUTES: dict[str, Any] = {"a": "text", "b": ["in a list", {"deep": "down"}], "c": b"\xff", "d": 1}


def every_kind() -> list[Message]:
    """Requests with a string wherever one can stand."""
    first = job(1, attributes=ATTRIBUTES, failed="no", events=[log_event("hello", rows="3"), event("other", key="v")])
    first.links.append(Span.Link(trace_id=trace_id(9), span_id=span_id(9), trace_state="k=v"))
    first.trace_state = "k=v"
    spans = traces([first, span(2, 1, attributes={"joblog.kind": "step"})], host__name="box", process__tags=["x", "y"])
    spans.resource_spans[0].schema_url = "https://example.org/1"
    spans.resource_spans[0].resource.entity_refs.append(EntityRef(type="host", id_keys=["host.id", "host.name"]))
    lines = [log_record("hello", 1, attributes=ATTRIBUTES, severity_text="INFO"), log_record({"said": ["so"]}, 1, at=1)]
    return [spans, logs(lines)]


def strings(message: Message) -> list[tuple[Any, Any]]:
    """Where they stand: of a message the name of its field, of a repeated field the place."""
    found: list[tuple[Any, Any]] = []
    for field, value in message.ListFields():
        single = isinstance(value, str | Message)
        if field.message_type is not None:
            for one in (value,) if single else value:
                found += strings(one)
        elif field.type == FieldDescriptor.TYPE_STRING:
            found += [(message, field.name)] if single else [(value, place) for place in range(len(value))]
    return found


def put(where: tuple[Any, Any], text: str) -> None:
    holder, place = where
    if isinstance(holder, Message):
        setattr(holder, place, text)
    else:
        holder[place] = text


def decoded(body: bytes, number: int, *, json: bool = False) -> Received:
    return (Decoder().logs if number else Decoder().traces)(body, json=json)


@pytest.mark.parametrize("number", [0, 1])
@given(data=st.data())
def test_random_bytes_in_strings_give_the_rows_of_escaped_ones(number: int, data: st.DataObject) -> None:
    raw, escaped = every_kind()[number], every_kind()[number]
    places = st.lists(st.integers(0, len(strings(raw)) - 1), min_size=1, max_size=5, unique=True)
    garbage = {place: data.draw(st.binary(min_size=12, max_size=40)) for place in data.draw(places)}
    for place, text in garbage.items():
        put(strings(raw)[place], f"<{place:02}{'>' * (len(text) - 3)}")  # to be overwritten where it was written
        put(strings(escaped)[place], text.decode("utf-8", "backslashreplace"))
    body = raw.SerializeToString()
    for place, text in garbage.items():
        body = body.replace(f"<{place:02}{'>' * (len(text) - 3)}".encode(), text)
    expected = decoded(escaped.SerializeToString(), number)
    expected.mended = sum(text.decode("utf-8", "replace").encode() != text for text in garbage.values())
    assert decoded(body, number) == expected


@pytest.mark.parametrize("number", [0, 1])
@given(data=st.data())
def test_in_json_too_also_halves_of_pairs(number: int, data: st.DataObject) -> None:
    """JavaScript cuts a text between the two halves of a character and writes what is left as an escape."""
    raw, escaped = every_kind()[number], every_kind()[number]
    place = data.draw(st.integers(0, len(strings(raw)) - 1))
    pieces = data.draw(
        st.lists(
            st.sampled_from(
                [
                    (rb"\ud83d", r"\ud83d"),
                    (rb"\ude00", r"\ude00"),
                    (rb"\ud83d\ude00", "😀"),
                    (rb"\\", "\\"),
                    (rb"\\ud83d", r"\ud83d"),
                    (rb"\n", "\n"),
                    (rb"\u0041", "A"),
                    (rb"\"", '"'),
                    (b"\xff", r"\xff"),
                    (b"\xf0\x9f\x98", r"\xf0\x9f\x98"),
                    ("é".encode(), "é"),
                    (b"-", "-"),
                ]
            ).map(lambda piece: (piece[0] + b".", piece[1] + ".")),
            min_size=1,
        )
    )
    put(strings(raw)[place], "<here>")
    put(strings(escaped)[place], "".join(text for _, text in pieces))
    body = as_json(raw).replace(b"<here>", b"".join(text for text, _ in pieces))
    received = decoded(body, number, json=True)
    wrong = {rb"\ud83d.": 1, rb"\ude00.": 1, b"\xff.": 1, b"\xf0\x9f\x98.": 3}
    # Nothing is mended where nobody reads: the parser passes over what it does not know.
    assert received.mended in {0, sum(wrong.get(text, 0) for text, _ in pieces)}
    received.mended = 0
    assert received == decoded(as_json(escaped), number, json=True)


def test_what_is_malformed_otherwise_stays_refused() -> None:
    body = every_kind()[0].SerializeToString().replace(b"hello", b"h\xe9llo")
    for cut in range(1, len(body) - 1, 7):
        with pytest.raises(DecodeError):
            mended_protobuf(ExportTraceServiceRequest, body[:cut])
