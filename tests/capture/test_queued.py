"""A run that waits in a queue: told before it starts, and taken up by whoever starts it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_joblog import job, queued, step
from otel_joblog.conventions import Attribute
from otel_joblog.diagnostics import counts
from otel_joblog.errors import ConfigError
from otel_joblog.provider import with_ids
from otel_joblog.records import Queued, format_run_id
from otel_joblog.testing import Recorded, recording


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


def told(recorded: Recorded) -> list[Queued]:
    return [record for record in recorded.records if isinstance(record, Queued)]


def test_a_run_that_was_queued_is_the_one_that_starts(recorded: Recorded) -> None:
    message = json.dumps(queued("send", reference="invoice-7", queue="mail"))
    with job("worker"), step("take"), job("send", queued=json.loads(message)) as run, step("part"):
        pass
    (waits,) = told(recorded)
    end = next(ended for ended in recorded.runs if ended.name == "send")
    assert json.loads(message)["run_id"] == run.run_id == format_run_id(waits.trace_id, waits.run)
    assert (end.trace_id, end.span_id, end.parent_id, end.parent_run) == (waits.trace_id, waits.run, None, None)
    assert (waits.name, waits.service) == ("send", "jobs")
    assert end.attributes.items() >= waits.attributes.items()
    assert waits.attributes == {
        "joblog.kind": "job",
        "joblog.job.name": "send",
        "joblog.job.type": "queue",
        "joblog.trigger": "queue",
        "joblog.queued_at": json.loads(message)["queued_at"],
        "joblog.reference": "invoice-7",
        "messaging.destination.name": "mail",
    }
    part = next(ended for ended in recorded.steps if ended.name == "part")
    assert (part.trace_id, part.run, part.parent_id) == (end.trace_id, end.span_id, end.span_id)


def test_a_queued_run_has_a_link_to_the_span_that_it_was_queued_in(recorded: Recorded) -> None:
    with job("web"), step("order"):
        waiting = queued("send")
    with job("send", queued=waiting):
        pass
    (waits,), (order,) = told(recorded), recorded.steps
    send = recorded.runs[1]
    assert [(link.trace_id, link.span_id) for link in send.links] == [(order.trace_id, order.span_id)]
    assert send.links == waits.links
    assert send.trace_id != order.trace_id
    assert send.attributes["joblog.producer.trace_id"] == order.trace_id.hex()


def test_what_the_job_says_itself_goes_before_what_the_message_says(recorded: Recorded) -> None:
    with job("send", queued=queued("send", reference="a"), reference="b", type="batch", trigger="api"):
        pass
    attributes = recorded.runs[0].attributes
    assert [attributes[key] for key in ("joblog.reference", "joblog.job.type", "joblog.trigger")] == [
        "b",
        "batch",
        "api",
    ]


def test_a_later_attempt_is_a_run_of_its_own_that_did_not_wait(recorded: Recorded) -> None:
    waiting = queued("send", reference="a")
    with pytest.raises(OSError), job("send", queued=waiting, max_attempts=2) as first:
        raise OSError
    with job("send", queued=waiting, attempt=2, max_attempts=2) as second:
        pass
    assert first.run_id == waiting["run_id"] != second.run_id
    end = recorded.runs[1]
    assert Attribute.QUEUED_AT not in end.attributes
    assert end.attributes[Attribute.TRIGGER] == "retry"
    assert end.attributes[Attribute.PREVIOUS_ATTEMPT] == first.run_id


@pytest.mark.parametrize(
    "given", [{"run_id": "x"}, {"run_id": "1" * 32 + "-" + "2" * 16}, {"queued_at": "now"}, "text", 5]
)
def test_what_cannot_be_read_is_reported_and_the_run_is_one_like_any_other(given: object, recorded: Recorded) -> None:
    before = counts["elsewhere"] + counts["queued"]
    with job("send", queued=given):  # type: ignore[arg-type]
        pass
    assert recorded.runs[0].attributes["joblog.job.type"] == "function"
    assert counts["elsewhere"] + counts["queued"] == before + 1


def test_where_nothing_is_recorded_nothing_waits(recorded: Recorded) -> None:
    with job("off", enabled=False):
        waiting = queued("send")
    with job("send", queued=waiting) as run:
        pass
    assert (waiting, told(recorded)) == ({}, [])
    assert run.run_id == format_run_id(recorded.runs[0].trace_id, recorded.runs[0].span_id)


def test_what_can_never_be_is_refused_when_it_is_said() -> None:
    with pytest.raises(ConfigError, match="leave parent or queued out"):
        job("send", queued=queued("send"), parent="1" * 32 + "-" + "2" * 16)
    with pytest.raises(TypeError, match="non-empty string"):
        queued("")


def test_secrets_of_what_waits_are_not_kept(recorded: Recorded) -> None:
    queued("send", reference="password=hunter2hunter2")
    (waits,) = told(recorded)
    assert "hunter2" not in repr(waits)


def test_the_sdks_span_of_a_queued_run_has_its_ids() -> None:
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("t")
    given = bytes(range(1, 17)), bytes(range(1, 9))
    with with_ids(tracer, *given).start_as_current_span("run"), tracer.start_as_current_span("inside"):
        pass
    inside, run = exporter.get_finished_spans()
    assert (run.context.trace_id, run.context.span_id) == tuple(int.from_bytes(one, "big") for one in given)
    assert inside.context.trace_id == run.context.trace_id
    assert inside.context.span_id != run.context.span_id
    with tracer.start_as_current_span("after") as after:
        assert after.get_span_context().trace_id != run.context.trace_id
