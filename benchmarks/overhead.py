"""What a job, a step and a log line cost, beside the bare OpenTelemetry SDK in the same run.

The peer: ``start_as_current_span`` behind a ``BatchSpanProcessor``, and OTel's ``LoggingHandler`` behind a
``BatchLogRecordProcessor``; their exporters drop what they get. Ours: everything a user gets, journal and shipper
thread included; its exporter drops what it gets, too. All on one CPU, and what is measured is the CPU time of the whole
process: background threads count, and what else the machine does counts less. Every figure is the median of several
rounds, the two sides taking turns.

    python benchmarks/overhead.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import io
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

BOUNDS = {"step": 1.25, "log line": 0.40, "redacted line": 1.10, "the same as a job": 1.02}

# Lines as jobs write them, without a secret among them.
ORDINARY = [
    "processed order %d for customer 42 of the eastern warehouse in three small batches today",
    "GET https://api.example.org/v2/orders?page=%d&limit=100 took 0.35 s and gave 100 rows",
    "request done method=GET path=/orders/17 status=200 duration_ms=35 user_id=%d bytes=10822",
    "batch 3f2504e0-4f89-41d3-9a0c-0305e82c3301 begun at 2026-11-03 10:00:00,123 with %d rows",
]


def pin() -> str:
    try:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    except (AttributeError, OSError):
        return "not pinned (the platform does not say how)"
    return f"pinned to CPU {max(os.sched_getaffinity(0))}"


class Peer:
    """The bare SDK."""

    def __init__(self) -> None:
        from opentelemetry.instrumentation.logging.handler import LoggingHandler
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

        class DropSpans(SpanExporter):
            def export(self, spans):
                return SpanExportResult.SUCCESS

        class DropLogs(LogRecordExporter):
            def export(self, batch):
                return LogRecordExportResult.SUCCESS

            def shutdown(self):
                pass

            def force_flush(self, timeout_millis=0):
                return True

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(DropSpans()))
        self.tracer = provider.get_tracer("peer")
        logs = LoggerProvider()
        logs.add_log_record_processor(BatchLogRecordProcessor(DropLogs()))
        self.logger = logging.getLogger("peer")
        self.logger.setLevel(logging.INFO)
        self.logger.propagate = False
        self.logger.addHandler(LoggingHandler(logger_provider=logs))

    def span(self, count: int) -> None:
        start = self.tracer.start_as_current_span
        for _ in range(count):
            with start("work"):
                pass

    def step(self, count: int) -> None:
        with self.tracer.start_as_current_span("root"):
            self.span(count)

    def line(self, count: int) -> None:
        info = self.logger.info
        with self.tracer.start_as_current_span("root"):
            for number in range(count):
                info("processed order %d for customer %d", number, 42)


class Ours:
    """What a user of otel_joblog has."""

    def __init__(self, state_dir: str) -> None:
        import otel_joblog
        from otel_joblog import setup

        class Drop:
            name = "drop"

            def prepare(self):
                pass

            def ship(self, records, process):
                pass

            def snapshot(self):
                return b""

            def restore(self, snapshot):
                pass

            def fresh(self):
                return self

            def beat(self, process_ids):
                pass

            def forget(self, process_ids):
                pass

            def settle(self, lost_after):
                pass

            def close(self):
                pass

        setup.make_sinks = lambda settings, *, otlp_by_default: [Drop()]
        otel_joblog.configure(state_dir=state_dir)
        self.job, self.step_ = otel_joblog.job, otel_joblog.step
        self.logger = logging.getLogger("ours")
        self.logger.setLevel(logging.INFO)
        self.logger.propagate = False
        self.logger.addHandler(logging.NullHandler())

    def run(self, count: int) -> None:
        @self.job
        def work() -> None:
            pass

        for _ in range(count):
            work()

    def step(self, count: int) -> None:
        step = self.step_
        with self.job("root"):
            for _ in range(count):
                with step("work"):
                    pass

    def line(self, count: int) -> None:
        info = self.logger.info
        with self.job("root"):
            for number in range(count):
                info("processed order %d for customer %d", number, 42)

    def ordinary(self, count: int) -> None:
        info = self.logger.info
        with self.job("root"):
            for number in range(count // len(ORDINARY)):
                for line in ORDINARY:
                    info(line, number)

    def unredacted(self, count: int) -> None:
        from otel_joblog import setup
        from otel_joblog.redaction import Unredacted

        runtime = setup.runtime()
        redactor, runtime.redactor = runtime.redactor, Unredacted()
        try:
            self.ordinary(count)
        finally:
            runtime.redactor = redactor

    def printed(self, count: int) -> None:
        with self.job("root"):
            for number in range(count):
                print("processed order", number)

    def real(self, count: int) -> None:
        step, info = self.step_, self.logger.info
        for _ in range(count):
            with self.job("real"):
                for _ in range(STEPS):
                    with step("part"):
                        for number in range(LINES):
                            compute()
                            info("processed order %d for customer %d", number, 42)


def floor(count: int) -> None:
    logger = logging.getLogger("floor")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [logging.NullHandler()]
    info = logger.info
    for number in range(count):
        info("processed order %d for customer %d", number, 42)


STEPS, LINES = 10, 10  # of a real job: lines a step
_order = {f"field-{number}": f"value {number}" * 3 for number in range(300)}


_orders = 4  # to a millisecond, on this machine


def compute() -> None:
    """A millisecond of work: orders are read, summed up and written."""
    for _ in range(_orders):
        text = json.dumps(_order)
        hashlib.sha256(text.encode()).hexdigest()
        json.loads(text)


def calibrate() -> None:
    global _orders
    took = min(micros(lambda count: [compute() for _ in range(count)], 50) for _ in range(5))
    _orders = max(1, round(_orders * 1000 / took))


def real(count: int) -> None:
    logger = logging.getLogger("floor")
    for _ in range(count):
        for _ in range(STEPS):
            for number in range(LINES):
                compute()
                logger.info("processed order %d for customer %d", number, 42)


def bare_print(count: int) -> None:
    for number in range(count):
        print("processed order", number)


def micros(work: Callable[[int], None], count: int) -> float:
    gc.collect()
    began = time.process_time_ns()
    work(count)
    return (time.process_time_ns() - began) / count / 1e3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    where = pin()
    calibrate()
    real_stdout, sys.stdout = sys.stdout, io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        peer, ours = Peer(), Ours(folder)
        measured: dict[str, tuple[Callable[[int], None], int]] = {
            "bare span": (peer.step, 2_000),
            "OTel log line": (peer.line, 5_000),
            "logging to nowhere": (floor, 5_000),
            "print to nowhere": (bare_print, 5_000),
            "100 ms of work": (real, 3),
            "the same as a job": (ours.real, 3),
            "job": (ours.run, 1_000),
            "step": (ours.step, 2_000),
            "log line": (ours.line, 5_000),
            "printed line": (ours.printed, 5_000),
            "unredacted line": (ours.unredacted, 5_000),
            "redacted line": (ours.ordinary, 5_000),
        }
        times: dict[str, list[float]] = {name: [] for name in measured}
        for turn in range(rounds + 1):
            for name, (work, count) in measured.items():
                taken = micros(work, count)
                if turn:  # the first round warms up
                    times[name].append(taken)
            sys.stdout.seek(0)
            sys.stdout.truncate()
        import otel_joblog

        otel_joblog.shutdown()
    sys.stdout = real_stdout
    median = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"{where}; medians of {rounds} rounds, microseconds of CPU")
    for name, value in median.items():
        print(f"  {name:20} {value:8.1f}")
    failed = False
    for name, base in (
        ("job", "bare span"),
        ("step", "bare span"),
        ("log line", "OTel log line"),
        ("redacted line", "unredacted line"),
        ("the same as a job", "100 ms of work"),
    ):
        ratio = statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))
        bound = BOUNDS.get(name)
        verdict = "" if bound is None else f"  (bound {bound:.2f}: {'met' if ratio <= bound else 'MISSED'})"
        failed |= bound is not None and ratio > bound
        print(f"  {name} / {base}: {ratio:.3f}{verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
