"""Under a Celery worker ``sys.stdout`` writes to a logger; what a task prints is kept once all the same."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from celery import Celery

from otel_joblog import job
from otel_joblog.testing import recording


@contextlib.contextmanager
def redirected() -> Iterator[logging.Logger]:
    before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    logger = logging.getLogger("celery.redirected")
    Celery("tests").log.redirect_stdouts_to_logger(logger, loglevel=logging.WARNING)
    try:
        yield logger
    finally:
        sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = before  # type: ignore[misc]


class Handled(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def test_what_a_task_prints_is_kept_once_as_output() -> None:
    handler = Handled()
    with redirected() as logger:
        logger.addHandler(handler)
        with recording() as recorded, job("task"):
            print("printed")
            print("complained", file=sys.stderr)
            logger.info("logged")
        logger.removeHandler(handler)
    assert [(line.message, line.stream, line.severity) for line in recorded.lines] == [
        ("printed", 1, 9),
        ("complained", 2, 9),
        ("logged", 0, 9),
    ]
    assert [message for message in handler.messages if message] == ["printed", "complained"]  # as without us
