"""Spans of other instrumentations, inside and outside of runs, and applications with providers of their own."""

from __future__ import annotations

from pathlib import Path

from opentelemetry import trace

from otel_joblog import job, step
from otel_joblog.records import SpanEnded
from otel_joblog.testing import Recorded, recording
from tests import processes

OWN_PROVIDER = """
import logging
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from otel_joblog import job, step
memory = InMemorySpanExporter()
"""


def others(recorded: Recorded) -> list[SpanEnded]:
    return [record for record in recorded.records if isinstance(record, SpanEnded) and record.kind == "span"]


def test_a_span_inside_a_step_belongs_to_the_run() -> None:
    get = trace.get_tracer("http").start_as_current_span("GET", attributes={"http.route": "/"})
    with recording() as recorded, job("x") as run, step("y"), get as span:
        span.add_event("sent", {"bytes": 5})
    (other,) = others(recorded)
    assert (other.trace_id, other.run, other.parent_id) == (
        run._active.trace_id,
        run._active.span_id,
        recorded.steps[0].span_id,
    )
    assert (other.name, other.scope, other.attributes["http.route"]) == ("GET", "http", "/")
    assert [event.name for event in other.events] == ["sent"]


def test_a_step_inside_another_span_is_its_child() -> None:
    with recording() as recorded, job("x"), trace.get_tracer("http").start_as_current_span("outer"), step("inner"):
        pass
    assert recorded.steps[0].parent_id == others(recorded)[0].span_id


def test_a_span_outside_of_runs_is_left_alone() -> None:
    with recording() as recorded, trace.get_tracer("http").start_as_current_span("alone"):
        pass
    assert not recorded.records


def test_a_run_inside_another_span_belongs_to_its_trace() -> None:
    with recording() as recorded, trace.get_tracer("http").start_as_current_span("request") as span, job("x"):
        pass
    context = span.get_span_context()
    assert recorded.runs[0].trace_id == context.trace_id.to_bytes(16, "big")
    assert recorded.runs[0].parent_id == context.span_id.to_bytes(8, "big")


def test_after_a_recording_spans_go_where_they_went_before() -> None:
    with recording() as outer, job("x"):
        with recording() as inner:
            pass
        with trace.get_tracer("http").start_as_current_span("GET"):
            pass
    assert not others(inner)
    assert len(others(outer)) == 1


def test_the_applications_processors_see_runs_and_steps_once_with_lines_as_events(tmp_path: Path) -> None:
    done = processes.run(
        OWN_PROVIDER
        + """
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(memory))
trace.set_tracer_provider(provider)
with job("x"):
    logging.getLogger("app").warning("careful")
    with step("y"):
        trace.get_current_span().set_attribute("rows", 3)
try:
    with job("fails"):
        raise ValueError("bad")
except ValueError:
    pass
provider.force_flush()
for span in memory.get_finished_spans():
    print(span.name, span.status.status_code.name, span.attributes.get("rows"), [event.name for event in span.events])
""",
        tmp_path,
    )
    assert done.stdout.splitlines() == [
        "y OK 3 []",
        "x OK None ['log']",
        "fails ERROR None ['exception']",
    ]
    ends = [record for record in processes.journaled(tmp_path) if isinstance(record, SpanEnded)]
    assert [record.name for record in ends] == ["y", "x", "fails"]
    assert ends[0].attributes["rows"] == 3
    assert processes.messages(tmp_path) == ["careful"]


def test_the_applications_processors_see_a_queued_run_by_its_ids(tmp_path: Path) -> None:
    done = processes.run(
        OWN_PROVIDER
        + """
from otel_joblog import queued
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
with job("web"):
    waiting = queued("x")
with trace.get_tracer("worker").start_as_current_span("process"), job("x", queued=waiting), step("y"):
    pass
web, y, x, process = memory.get_finished_spans()
context = x.context
ids = f"{context.trace_id:032x}-{context.span_id:016x}"
print(ids == waiting["run_id"], x.parent, y.context.trace_id == context.trace_id)
print([link.context.span_id == web.context.span_id for link in x.links])
""",
        tmp_path,
    )
    assert done.stdout.splitlines() == ["True None True", "[True]"]


def test_a_processor_of_the_applications_that_raises_costs_no_end(tmp_path: Path) -> None:
    done = processes.run(
        OWN_PROVIDER
        + """
class Broken(SimpleSpanProcessor):
    def on_end(self, span):
        raise ValueError("broken")
provider = TracerProvider()
provider.add_span_processor(Broken(memory))
trace.set_tracer_provider(provider)
with job("x"), step("y"):
    print("done")
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "done\n")
    ends = [record for record in processes.journaled(tmp_path) if isinstance(record, SpanEnded)]
    assert [(end.name, end.status) for end in ends] == [("y", "success"), ("x", "success")]


def test_what_is_kept_does_not_depend_on_sampling(tmp_path: Path) -> None:
    done = processes.run(
        OWN_PROVIDER
        + """
provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF))
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
with job("x"):
    logging.getLogger("app").warning("careful")
print(memory.get_finished_spans())
""",
        tmp_path,
    )
    assert done.stdout == "()\n"
    (end,) = (record for record in processes.journaled(tmp_path) if isinstance(record, SpanEnded))
    assert (end.name, end.sampled, end.lines) == ("x", False, 1)


def test_a_sdk_that_is_switched_off_or_a_provider_that_does_nothing_changes_nothing(tmp_path: Path) -> None:
    script = "from otel_joblog import job\nwith job('x'): print('done')\n"
    off, nothing = tmp_path / "off", tmp_path / "nothing"
    off.mkdir()
    nothing.mkdir()
    assert processes.run(script, off, OTEL_SDK_DISABLED="true").stdout == "done\n"
    noop = "from opentelemetry import trace\ntrace.set_tracer_provider(trace.NoOpTracerProvider())\n"
    assert processes.run(noop + script, nothing).stdout == "done\n"
    for folder in (off, nothing):
        (end,) = (record for record in processes.journaled(folder) if isinstance(record, SpanEnded))
        assert (end.name, end.status, end.lines) == ("x", "success", 1)
        assert any(end.trace_id)
