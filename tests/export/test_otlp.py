"""OTLP: what a real receiver gets of a run, over HTTP and gRPC, also where it refuses or is away for a while."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import random
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest

from otel_joblog import Skip, job, step
from otel_joblog.errors import ExportUnavailable, RecordRefused
from otel_joblog.export.otlp import OtlpSink, spare_global_random
from otel_joblog.export.targets import Endpoint, endpoint
from otel_joblog.records import Line, Process, Record, SpanEnded
from otel_joblog.testing import recording

from . import receiver

PROCESS = Process(bytes(16), 0, 1, "host", "boot", "service", {"service.name": "orders", "host.name": "host"})


@pytest.fixture
def sink_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OtlpSink]]:
    with contextlib.ExitStack() as stack:

        def make(url: str, *, grpc: bool = False) -> OtlpSink:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            # Of two seconds, gRPC's exporter uses one to wait before it asks again, and then has none for a third time.
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2" if grpc else "1")
            sink = OtlpSink(Endpoint(url, grpc))
            stack.callback(sink.close)
            return sink

        yield make


def records_of_a_run() -> list[Record]:
    with recording() as recorded, job("nightly", attributes={"mixed": [1, "a"], "map": {"a": 1}}):
        logging.getLogger("app").info("begun", extra={"rows": 3})
        with step("load"):
            logging.getLogger("app").warning("slow")
            print("printed")
        with step("check"):
            raise Skip("nothing to check")
    return recorded.records


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_a_run_is_one_trace_with_its_steps_and_its_lines_as_events(
    transport: str, sink_to: Callable[..., OtlpSink]
) -> None:
    serve: Any = receiver.http if transport == "http" else receiver.over_grpc
    with serve() as received:
        sink_to(received.url, grpc=transport == "grpc").ship(records_of_a_run(), PROCESS)
    spans = {span.name: span for span in received.spans}
    assert set(spans) == {"nightly", "load", "check"}
    root = spans["nightly"]
    assert not root.parent_span_id
    assert {spans[name].parent_span_id for name in ("load", "check")} == {root.span_id}
    assert len({span.trace_id for span in spans.values()}) == 1
    assert root.status.code == root.status.STATUS_CODE_OK
    told = receiver.attributes(root)
    assert (told["joblog.kind"], told["joblog.status"], told["mixed"]) == ("job", "success", "[1, 'a']")
    assert receiver.attributes(spans["check"])["joblog.status"] == "skipped"
    (begun,) = root.events
    assert begun.name == "log"
    assert receiver.attributes(begun) == {
        "log.severity": "INFO", "log.message": "begun", "log.logger": "app", "joblog.seq": 1, "rows": 3,
    }  # fmt: skip
    slow, printed = (receiver.attributes(event) for event in spans["load"].events)
    assert (slow["log.severity"], slow["log.message"]) == ("WARN", "slow")
    assert (printed["log.iostream"], printed["log.message"]) == ("stdout", "printed")
    (resource,) = {tuple(receiver.attributes(each.resource).items()) for each in received.requests[0].resource_spans}
    assert ("service.name", "orders") in resource


def test_a_failed_run_has_the_error_status_and_an_exception_event(sink_to: Callable[..., OtlpSink]) -> None:
    with recording() as recorded, contextlib.suppress(ValueError), job("failing"):
        raise ValueError("bad row")
    with receiver.http() as received:
        sink_to(received.url).ship(recorded.records, PROCESS)
    (span,) = received.spans
    assert (span.status.code, span.status.message) == (span.status.STATUS_CODE_ERROR, "ValueError: bad row")
    (event,) = span.events
    assert receiver.attributes(event)["exception.type"] == "ValueError"


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_refused_is_told_from_what_is_not_taken_now(status: int, sink_to: Callable[..., OtlpSink]) -> None:
    records = records_of_a_run()
    with receiver.http(status) as received:
        sink = sink_to(received.url)
        with pytest.raises(RecordRefused, match=str(status)):
            sink.ship(records, PROCESS)
        sink.ship(records, PROCESS)
    assert len(received.spans) == 3


def test_the_same_records_come_whole_after_an_outage(sink_to: Callable[..., OtlpSink]) -> None:
    records = records_of_a_run()
    with receiver.http(401) as received:
        sink = sink_to(received.url)
        with pytest.raises(ExportUnavailable, match="401"):
            sink.ship(records, PROCESS)
        sink.ship(records, PROCESS)
    (root,) = (span for span in received.spans if span.name == "nightly")
    assert len(root.events) == 1


def test_busy_receivers_are_asked_again(sink_to: Callable[..., OtlpSink], monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver.http(503) as received:
        sink = sink_to(received.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "10")
        sink.ship(records_of_a_run(), PROCESS)
    assert len(received.spans) == 3


def test_a_connection_that_the_job_closed_is_made_anew_out_of_its_way(sink_to: Callable[..., OtlpSink]) -> None:
    with receiver.http() as received:
        sink = sink_to(received.url)
        sink.ship(records_of_a_run(), PROCESS)
        numbers = connections_to(received.url)
        assert min(numbers) >= min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        for number in numbers:
            os.close(number)
        sink.ship(records_of_a_run(), PROCESS)
    assert len(received.spans) == 6


def connections_to(url: str) -> list[int]:
    port = int(url.rpartition(":")[2])
    found = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as peer:
            if peer.getpeername()[1] == port:
                found.append(int(path.name))
    return found


def test_nobody_there_is_an_outage(sink_to: Callable[..., OtlpSink]) -> None:
    with receiver.http() as received:
        pass
    with pytest.raises(ExportUnavailable, match="does not answer"):
        sink_to(received.url).ship(records_of_a_run(), PROCESS)


@pytest.mark.parametrize(
    ("code", "details", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "no such field", RecordRefused),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "received message larger than max (5 vs. 4)", RecordRefused),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota", ExportUnavailable),
        (grpc.StatusCode.UNAUTHENTICATED, "who are you", ExportUnavailable),
    ],
)
def test_grpc_says_which_spans_it_refuses_for_ever(
    code: grpc.StatusCode, details: str, error: type[Exception], sink_to: Callable[..., OtlpSink]
) -> None:
    with receiver.over_grpc(*[(code, details)] * 10) as received:
        sink = sink_to(received.url, grpc=True)
        with pytest.raises(error, match=code.name):
            sink.ship(records_of_a_run(), PROCESS)


def test_a_deadline_that_runs_out_while_it_asks_again_hides_no_answer(
    sink_to: Callable[..., OtlpSink],
) -> None:
    too_large = (grpc.StatusCode.RESOURCE_EXHAUSTED, "received message larger than max (5 vs. 4)")
    with receiver.over_grpc(too_large, (grpc.StatusCode.DEADLINE_EXCEEDED, "too slow")) as received:
        with pytest.raises(RecordRefused, match="larger than max"):
            sink_to(received.url, grpc=True).ship(records_of_a_run(), PROCESS)
        assert not received.answers


def test_lines_wait_for_their_span_across_batches_and_processes(sink_to: Callable[..., OtlpSink]) -> None:
    records = records_of_a_run()
    lines = [record for record in records if isinstance(record, Line)]
    ends = [record for record in records if isinstance(record, SpanEnded)]
    with receiver.http() as received:
        sink = sink_to(received.url)
        sink.ship(lines, PROCESS)
        other = sink.fresh()
        other.restore(sink.snapshot())
        other.ship(ends, PROCESS)
    assert sum(len(span.events) for span in received.spans) == len(lines)
    fresh = sink.fresh().snapshot()
    assert other.snapshot() == fresh
    assert sink.snapshot() != fresh


def test_lines_after_the_end_of_their_run_are_left_out_unless_their_step_goes_on(
    sink_to: Callable[..., OtlpSink],
) -> None:
    long = step("long")
    with recording() as recorded:
        with job("nightly"):
            carried, in_step = contextvars.copy_context(), contextvars.copy_context()
            in_step.run(long.__enter__)
        carried.run(print, "after the run")
        in_step.run(print, "in the step")
        in_step.run(long.__exit__, None, None, None)
    with receiver.http() as received:
        sink = sink_to(received.url)
        sink.ship(recorded.records, PROCESS)
    spans = {span.name: span for span in received.spans}
    assert [receiver.attributes(event)["log.message"] for event in spans["long"].events] == ["in the step"]
    assert list(spans["nightly"].events) == []
    assert msgspec.msgpack.decode(sink.snapshot()) == {}


def test_a_span_refused_alone_is_not_remembered(sink_to: Callable[..., OtlpSink]) -> None:
    records = records_of_a_run()
    with receiver.http(400) as received:
        sink = sink_to(received.url)
        nothing = sink.snapshot()
        (end,) = (record for record in records if isinstance(record, SpanEnded) and record.name == "nightly")
        sink.ship([record for record in records if isinstance(record, Line) and record.span_id == end.span_id], PROCESS)
        with pytest.raises(RecordRefused):
            sink.ship([end], PROCESS)
    assert sink.snapshot() == nothing


def test_an_unsampled_run_is_not_sent(sink_to: Callable[..., OtlpSink]) -> None:
    records = [
        msgspec.structs.replace(record, sampled=False) if isinstance(record, SpanEnded) else record
        for record in records_of_a_run()
    ]
    with receiver.http() as received:
        sink_to(received.url).ship(records, PROCESS)
    assert not received.requests


def test_the_stock_exporters_take_no_random_numbers_from_the_job() -> None:
    import opentelemetry.exporter.otlp.proto.grpc.exporter as module

    spare_global_random()
    random.seed(42)
    expected = random.random()
    random.seed(42)
    module.random.uniform(0.8, 1.2)
    assert random.random() == expected
    assert not [
        name
        for name, module in sys.modules.items()
        if name.startswith("opentelemetry.exporter.otlp.") and getattr(module, "random", None) is random
    ]


@pytest.mark.parametrize(
    ("variables", "required", "expected"),
    [
        ({}, False, None),
        ({}, True, Endpoint("http://localhost:4318", False)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317"}, False, Endpoint("http://a:4317", True)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318"}, False, Endpoint("http://a:4318", False)),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            False,
            Endpoint("http://a:4317", False),
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_TRACES_EXPORTER": "none"}, True, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_SDK_DISABLED": "true"}, True, None),
    ],
)
def test_the_endpoint_is_that_of_the_standard_variables(
    variables: dict[str, str], required: bool, expected: Endpoint | None
) -> None:
    assert endpoint(variables, required=required) == expected
