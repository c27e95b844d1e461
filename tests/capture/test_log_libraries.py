"""Other log libraries: what works unchanged, and what the one line of the documents makes work."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from loguru import logger as loguru

from otel_joblog import job, step
from otel_joblog.testing import Recorded, recording

log = logging.getLogger("tests.libraries")


@pytest.fixture(autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


@pytest.fixture
def structured() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("structured")
def test_structlog_through_logging_works_unchanged(recorded: Recorded) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    with job("x"), step("s") as part:
        structlog.get_logger("tests.structured").warning("odd", rows=3)
    (line,) = recorded.lines
    assert (line.message, line.logger, line.severity, line.span_id) == (
        '{"event": "odd", "level": "warning", "rows": 3}',
        "tests.structured",
        13,
        part._active.span_id,
    )


@pytest.mark.usefixtures("structured")
def test_structlogs_fields_become_attributes_by_one_processor(recorded: Recorded) -> None:
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    with job("x"):
        structlog.get_logger("tests.structured").info("odd", rows=3)
    (line,) = recorded.lines
    assert (line.message, line.attributes) == ("odd", {"rows": 3})


@pytest.mark.usefixtures("structured")
def test_structlog_as_it_comes_prints_and_is_kept_as_output(recorded: Recorded) -> None:
    with job("x"):
        structlog.configure(cache_logger_on_first_use=False)
        structlog.get_logger().info("odd", rows=3)
    (line,) = recorded.lines
    assert line.stream == 1
    assert "odd" in line.message
    assert "rows" in line.message


def test_loguru_as_it_comes_prints_and_is_kept_as_output(recorded: Recorded) -> None:
    with job("x"):
        sink = loguru.add(sys.stderr, format="{level} {message}", colorize=False)
        try:
            loguru.warning("odd {}", 3)
        finally:
            loguru.remove(sink)
    (line,) = recorded.lines
    assert (line.stream, line.message) == (2, "WARNING odd 3")


def test_loguru_is_kept_with_levels_by_a_sink_that_hands_on_to_logging(recorded: Recorded) -> None:
    class ToLogging(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logging.getLogger(record.name).handle(record)

    sink = loguru.add(ToLogging(), format="{message}")
    try:
        with job("x"), step("s") as part:
            loguru.bind(rows=3).error("odd")
    finally:
        loguru.remove(sink)
    (line,) = recorded.lines
    assert (line.message, line.severity, line.span_id) == ("odd", 17, part._active.span_id)
    assert line.attributes is not None
    assert line.attributes["extra"] == {"rows": 3}


def test_trace_ids_come_into_the_applications_own_format(recorded: Recorded) -> None:
    from opentelemetry.instrumentation.logging import LoggingInstrumentor

    instrumentor: Any = LoggingInstrumentor()
    instrumentor.instrument(inject_trace_context=True, enable_log_auto_instrumentation=False)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(otelTraceID)s %(otelSpanID)s %(message)s"))
    log.addHandler(handler)
    try:
        with job("x"), step("s") as part:
            log.warning("odd")
    finally:
        log.removeHandler(handler)
        instrumentor.uninstrument()
    assert written.getvalue() == f"{part._active.trace_id.hex()} {part._active.span_id.hex()} odd\n"
    (line,) = recorded.lines
    assert line.message == "odd"
    assert not [name for name in line.attributes or {} if name.startswith("otel")], "the line has its ids already"


def test_otel_log_records_carry_the_ids_of_the_step(recorded: Recorded) -> None:
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

    exported = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exported))
    handler = LoggingHandler(logger_provider=provider)
    log.addHandler(handler)
    try:
        with job("x"), step("s") as part:
            log.warning("odd", extra={"rows": 3})
    finally:
        log.removeHandler(handler)
        provider.shutdown()
    (sent,) = exported.get_finished_logs()
    assert sent.log_record.trace_id == int.from_bytes(part._active.trace_id, "big")
    assert sent.log_record.span_id == int.from_bytes(part._active.span_id, "big")
    assert sent.log_record.body == "odd"
    assert recorded.messages == ["odd"]
