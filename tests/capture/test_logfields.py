"""Run, job and step in the application's own log format."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from otel_joblog import job, step
from otel_joblog.logfields import RunFields
from otel_joblog.testing import recording


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("[%(run_id).6s %(job)s/%(step)s] %(message)s"))
    handler.addFilter(RunFields())
    logging.getLogger("fields").addHandler(handler)
    yield stream
    logging.getLogger("fields").removeHandler(handler)


def test_a_format_may_name_run_job_and_step_and_they_are_empty_outside(printed: io.StringIO) -> None:
    log = logging.getLogger("fields.below")
    with recording() as recorded:
        log.warning("before")
        with job("import") as run:
            log.warning("in the job")
            with step("load"):
                log.warning("in a step")
    assert printed.getvalue().splitlines() == [
        "[ /] before",
        f"[{run.run_id[:6]} import/] in the job",
        f"[{run.run_id[:6]} import/load] in a step",
    ]
    assert all(line.attributes is None or "run_id" not in line.attributes for line in recorded.lines)


def test_a_record_that_has_such_fields_keeps_them(printed: io.StringIO) -> None:
    with recording(), job("import"):
        logging.getLogger("fields").warning("from a queue", extra={"run_id": "abcdef", "job": "other", "step": "s"})
    assert printed.getvalue() == "[abcdef other/s] from a queue\n"
