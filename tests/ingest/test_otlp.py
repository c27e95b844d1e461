"""OTLP to records: protobuf and JSON alike, and what our own library sends comes back as it was."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from msgspec.structs import replace

from otel_joblog import Skip, job, step
from otel_joblog.conventions import RunStatus, SpanKind
from otel_joblog.errors import ImportRefused
from otel_joblog.export.otlp import Endpoint, OtlpSink
from otel_joblog.ingest.otlp import Decoder, Received
from otel_joblog.records import NO_RUN, Line, Process, SpanEnded
from otel_joblog.testing import recording
from tests.export import receiver

from . import messages
from .messages import NOW, SECOND, as_json, event, log_event, log_record, logs, span, span_id, trace_id, traces


def spans_of(received: Received) -> dict[str, SpanEnded]:
    return {record.name: record for record in received.records if isinstance(record, SpanEnded)}


def lines_of(received: Received) -> list[Line]:
    return [record for record in received.records if isinstance(record, Line)]


def decoded(*spans: Any, **fields: Any) -> Received:
    return Decoder().traces(traces(spans, **fields).SerializeToString())


EVERYTHING = traces(
    [
        messages.job(
            1,
            attributes={
                "text": "é",
                "flag": False,
                "whole": -5,
                "real": 0.5,
                "empty": "",
                "list": [1, "a", None],
                "map": {"a": {"b": [True]}},
                "bytes": b"\x00\xff",
            },
            failed="no",
            events=[log_event("hello", 5, "WARN", log__logger="app", rows=3), event("other", 6, key="value")],
            links=[messages.Span.Link(trace_id=trace_id(9), span_id=span_id(9))],
        ),
        span(2, 1, name="GET", kind=messages.Span.SPAN_KIND_CLIENT),
    ],
    host__name="box",
    process__pid=7,
)


def test_json_and_protobuf_are_read_alike() -> None:
    assert Decoder().traces(as_json(EVERYTHING), json=True) == Decoder().traces(EVERYTHING.SerializeToString())
    some = logs([log_record("hello", 1, attributes={"a": 1}), log_record({"said": [1]}, 1, at=3, severity_number=17)])
    assert Decoder().logs(as_json(some), json=True) == Decoder().logs(some.SerializeToString())


def test_a_span_is_told_with_its_process_and_its_lines() -> None:
    received = Decoder().traces(EVERYTHING.SerializeToString())
    process, line, run, other = received.records
    assert isinstance(process, Process)
    assert (process.service, process.host, process.pid) == ("shop", "box", 7)
    assert isinstance(line, Line)
    assert (line.message, line.severity, line.logger, line.attributes) == ("hello", 13, "app", {"rows": 3})
    assert (line.trace_id, line.run, line.span_id, line.time) == (trace_id(), span_id(1), span_id(1), NOW + 5)
    assert isinstance(run, SpanEnded)
    assert (run.kind, run.status, run.message, run.start, run.end) == ("job", "error", "no", NOW, NOW + SECOND)
    assert run.attributes == {
        "joblog.kind": "job",
        "text": "é",
        "flag": False,
        "whole": -5,
        "real": 0.5,
        "empty": "",
        "list": [1, "a", None],
        "map": {"a": {"b": [True]}},
        "bytes": b"\x00\xff",
    }
    assert [(one.name, one.time, one.attributes) for one in run.events] == [("other", NOW + 6, {"key": "value"})]
    assert [(link.trace_id, link.span_id) for link in run.links] == [(trace_id(9), span_id(9))]
    assert isinstance(other, SpanEnded)
    assert (other.kind, other.run, other.parent_id, other.otel_kind) == ("span", span_id(1), span_id(1), 2)


def test_json_may_leave_out_and_add_what_it_likes() -> None:
    body = b"""{"resourceSpans": [{"resource": null, "unknown": [1], "scopeSpans": [{"scope": {}, "spans": [
        {"traceId": "%s", "spanId": "%s", "name": null, "startTimeUnixNano": "%d", "kind": 1, "events": null,
         "attributes": [{"key": "a"}, {"key": "b", "value": {}}, {"key": "c", "value": {"intValue": "9"}}]}
    ]}, {}]}, {"scopeSpans": null}]}""" % (trace_id().hex().encode(), span_id(1).hex().encode(), NOW)
    received = Decoder().traces(body, json=True)
    assert received.items == 1
    assert spans_of(received)[""].attributes == {"c": 9}
    assert Decoder().traces(b"{}", json=True) == Received()
    assert Decoder().traces(b"") == Received()


@pytest.mark.parametrize(
    ("body", "json"),
    [
        (b"\xff\xff", False),
        (b"{", True),
        (b"[]", True),
        (b'{"resourceSpans": 1}', True),
        (b'{"resourceSpans": [{"resource": {"attributes": [{"value": {"bytesValue": "x"}}]}}]}', True),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}', True),
        (b'{"x": ' + b"[" * 100_000, True),
        (b'{"resourceSpans": [{"resource": {"attributes": [{"key": "a"}\xff]}}]}', True),
        (b'{"resourceSpans": [{"resource": {"attributes": [{"key": "\xff"]}}]}', True),
        (b"", True),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: bytes, json: bool) -> None:
    with pytest.raises(ImportRefused):
        Decoder().traces(body, json=json)
    with pytest.raises(ImportRefused):
        Decoder().logs(body.replace(b"Spans", b"Logs").replace(b'"spans"', b'"logRecords"'), json=json)


def test_spans_belong_to_the_nearest_run_above_in_whatever_order() -> None:
    received = decoded(
        span(4, 3), span(3, 2), messages.job(2, 1, name="inner"), span(5, 1), messages.job(1, name="outer"), span(6, 77)
    )
    runs = {name: found.run for name, found in spans_of(received).items()}
    assert runs == {
        "span 4": span_id(2),
        "span 3": span_id(2),
        "inner": span_id(2),
        "span 5": span_id(1),
        "outer": span_id(1),
        "span 6": NO_RUN,
    }
    assert spans_of(received)["inner"].parent_run == span_id(1)


def test_spans_that_are_each_others_parents_belong_to_no_run() -> None:
    received = decoded(span(1, 2), span(2, 1), span(3, 3), span(4, 1))
    assert {found.run for found in spans_of(received).values()} == {NO_RUN}


def test_a_chain_of_spans_is_gone_once() -> None:
    """Each span of 20,000 asking its way up alone would take some 200 million steps."""
    chain = [span(number, number + 1) for number in range(1, 20_001)]
    assert {found.run for found in spans_of(decoded(*chain)).values()} == {NO_RUN}
    whole = spans_of(decoded(*chain, messages.job(20_001)))
    assert {found.run for found in whole.values()} == {span_id(20_001)}


def test_what_cannot_be_kept_is_counted_and_the_rest_is_kept() -> None:
    good = messages.job(1)
    no_id, no_trace, no_start = messages.job(2), messages.job(3), messages.job(4)
    no_id.span_id = b"short"
    no_trace.trace_id = bytes(16)
    no_start.start_time_unix_nano = 0
    received = decoded(no_id, good, no_trace, no_start)
    assert (received.items, received.rejected) == (1, 3)
    assert received.reason == "a span without valid times"


def test_a_log_record_is_a_line_of_its_span() -> None:
    received = Decoder().logs(
        logs(
            [
                log_record("one", 1, attributes={"rows": 3}),
                log_record({"key": ["value", 1]}, 1, at=1, severity_number=0, severity_text="Warning"),
                log_record("printed", 1, at=2, attributes={"log.iostream": "stderr"}),
                log_record("said", 1, at=3, attributes={"joblog.run_id": f"{trace_id().hex()}-{span_id(5).hex()}"}),
                messages.LogRecord(body=messages.any_value("of no run"), time_unix_nano=NOW),
            ]
        ).SerializeToString()
    )
    assert [(line.message, line.severity, line.stream, line.run, line.logger) for line in lines_of(received)] == [
        ("one", 9, 0, NO_RUN, "app"),
        ('{"key":["value",1]}', 13, 0, NO_RUN, "app"),
        ("printed", 9, 2, NO_RUN, "app"),
        ("said", 9, 0, span_id(5), "app"),
    ]
    assert (received.items, received.rejected) == (4, 1)
    assert "belongs to no run" in received.reason


def test_lines_that_say_no_place_have_one_by_what_they_are() -> None:
    body = [log_event("same", 5), log_event("same", 5)]
    first, again = (lines_of(decoded(messages.job(1, events=body))) for _ in range(2))
    assert first == again
    assert first[0].seq < first[1].seq, "two events of a span at one moment are two lines, in their order"
    records = [log_record("a", 1, at=1), log_record("b", 1, at=1), log_record("a", 2, at=1), log_record("z", 1)]
    numbers = [line.seq for line in lines_of(Decoder().logs(logs(records).SerializeToString()))]
    assert len(set(numbers)) == 4
    assert numbers[3] == min(numbers), "within a microsecond they are in the order of their time"


def test_values_are_whole_up_to_a_bound_and_then_say_so() -> None:
    deep: Any = "bottom"
    for _ in range(20):
        deep = [deep]
    many = {f"key {number}": number for number in range(1_500)}
    received = decoded(
        messages.job(1, attributes={"long": "x" * 70_000, "deep": deep, "raw": bytes(70_000), "list": [1] * 2_000}),
        span(2, 1, attributes=many | {"joblog.kind": "step"}, name="many"),
    )
    run, other = spans_of(received)["job"], spans_of(received)["many"]
    assert run.attributes["long"] == "x" * 65_536 + "… (70,000 characters)"
    assert run.attributes["raw"] == "… (70,000 bytes)"
    assert run.attributes["list"][-1] == "… (2,000 items)"
    assert "nested deeper than is kept" in str(run.attributes["deep"])
    assert other.kind is SpanKind.STEP
    assert other.attributes["joblog.attributes_left_out"] == 501
    message = "y" * 100_000
    assert lines_of(decoded(messages.job(1, events=[log_event(message)])))[0].message == message, "no line is cut"
    assert lines_of(Decoder().logs(logs([log_record(message, 1)]).SerializeToString()))[0].message == message


def test_what_is_said_wrongly_does_no_harm() -> None:
    run_id = f"{trace_id(2).hex()}-{span_id(9).hex()}"  # of another trace
    received = decoded(
        messages.job(1, attributes={"joblog.seq": "many", "joblog.lines": 1e300, "joblog.status": ["x"]}, end=-5),
        span(2, attributes={"joblog.run_id": run_id, "joblog.seq": float("nan")}),
        span(3, attributes={"joblog.run_id": 7, "joblog.kind": {"a": 1}}),
    )
    run = spans_of(received)["job"]
    assert (run.seq, run.status, run.end) == (0, RunStatus.SUCCESS, run.start)
    assert {found.run for name, found in spans_of(received).items() if name != "job"} == {NO_RUN}


def test_what_our_library_sends_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording() as recorded, job("nightly", type="batch", reference="r-1"):
        log = logging.getLogger("app")
        log.info("begun", extra={"rows": 3})
        log.log(25, "between the levels")
        with step("load", task_id="orders"):
            log.warning("slow")
            print("printed")
        with step("check"):
            raise Skip("nothing to check")
    process = Process(b"p" * 16, 5, 4711, "box", "boot", "shop", {"service.name": "shop", "process.pid": 4711})
    with receiver.http() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        sink = OtlpSink(Endpoint(received.url, grpc=False))
        sink.ship(recorded.records, process)
        sink.close()
    came = Decoder().traces(received.requests[0].SerializeToString()).records
    (speaker,) = (record for record in came if isinstance(record, Process))
    assert (speaker.process_id, speaker.service, speaker.resource) == (b"p" * 16, "shop", process.resource)
    ends = {record.span_id: record for record in recorded.records if isinstance(record, SpanEnded)}
    # For lines and steps only a run's count.
    sent = {record.span_id: record for record in came if isinstance(record, SpanEnded)}
    assert {key: replace(end, parent_run=None) for key, end in sent.items()} == ends
    lines = [record for record in recorded.records if isinstance(record, Line)]
    assert sorted((record for record in came if isinstance(record, Line)), key=lambda line: line.seq) == lines
