"""Nothing waits for a lock that its own thread holds: in signal handlers, at any moment, and while the SDK logs.

The SDK's spans hold a lock while they warn through ``logging``, and a signal handler may come in the middle of
anything. Each script has a watchdog, which ends it with a traceback of where it hangs.
"""

from __future__ import annotations

from pathlib import Path

from tests import processes

WATCHED = """
import faulthandler
faulthandler.dump_traceback_later(40, exit=True)
import logging, signal, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode
from otel_joblog import current_run, flush, job, progress, step
log = logging.getLogger("app")
spans = InMemorySpanExporter()
handled = 0
"""

OURS = ""
THE_APPLICATIONS = """
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
"""

WORK = """
def work(number):
    with step("a step"):
        log.info("line %d", number)
        print("output", number)
        progress(number)
        current_run().set_attribute("number", number)
        span = trace.get_current_span()
        span.set_attribute("n", number)
        span.set_attribute("a list", [1, "2"])  # the SDK warns of this, holding the span's lock
        span.set_attribute("an object", object())
        span.add_event("an event", {"an object": object()})
        span.set_status(StatusCode.OK, "a description")  # and of this
"""

SIGNALS = """
def handle(*_):
    global handled
    handled += 1
    log.warning("signal %d", handled)
    print("signal", handled)
    run = current_run()
    if run is not None:
        run.set_attribute("handled", handled)
        progress(handled)
    IN_HANDLER
    if handled < 400:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + handled % 23 / 20_000)  # not before this one is done
signal.signal(signal.SIGALRM, handle)
with job("x"):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    number = 0
    while handled < 400:
        number += 1
        work(number)
"""

UNDER_THE_LOCK = """
class Busy(logging.Handler):
    def emit(self, record):
        global handled
        handled += record.name.startswith("opentelemetry")
        if record.name == "app":
            return
        log.warning("about %s", record.getMessage())
        print("heard", record.name)
        run = current_run()
        if run is not None:
            run.set_attribute("heard", handled)
        progress(handled)
        with step("in the handler"):
            log.info("inside")
logging.getLogger().addHandler(Busy())
with job("x"):
    span = trace.get_current_span()
    span.set_attribute("an object", object())
    span.set_attributes({"a list": [1, "2"]})
    span.add_event("an event", {"an object": object()})
    span.set_status(Status(StatusCode.OK), "a description")
    work(1)
    other = trace.get_tracer("other").start_span("other")
    for number in range(200):  # the SDK keeps 128
        other.set_attribute(f"attribute {number}", number)
    other.set_attribute("an object", object())
    other.end()
    other.set_attribute("after", "its end")
    other.end()
assert handled >= 5
"""

SAID = """
faulthandler.cancel_dump_traceback_later()
(run,) = (span for span in spans.get_finished_spans() if span.name == "x")
print(run.attributes["ATTRIBUTE"] > 0, file=sys.stderr)
"""


def watched(source: str, folder: Path) -> str:
    done = processes.run(WATCHED + source, folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def test_signal_handlers_may_do_anything_at_any_moment(tmp_path: Path) -> None:
    anything = 'with step("in the handler"): trace.get_current_span().set_attribute("k", object())'
    watched(WORK + SIGNALS.replace("IN_HANDLER", anything), tmp_path)


def test_signal_handlers_may_log_and_set_attributes_of_the_run_where_its_span_is_the_sdks(tmp_path: Path) -> None:
    source = THE_APPLICATIONS + WORK + SIGNALS.replace("IN_HANDLER", "") + SAID.replace("ATTRIBUTE", "handled")
    assert watched(source, tmp_path).endswith("True\n")


def test_a_handler_that_hears_the_sdk_while_it_holds_a_spans_lock_may_log_and_set_attributes(tmp_path: Path) -> None:
    source = THE_APPLICATIONS + WORK + UNDER_THE_LOCK + SAID.replace("ATTRIBUTE", "heard")
    assert watched(source, tmp_path).endswith("True\n")


def test_shipping_may_be_waited_for_in_a_signal_handler_also_in_the_middle_of_such_waiting(tmp_path: Path) -> None:
    waiting = 'def work(number):\n    log.info("line")\n    flush(0.001)\n'
    watched(waiting + SIGNALS.replace("IN_HANDLER", "flush(0.001)"), tmp_path)
