"""otel_joblog: what a job did, line by line, even when it was killed.

Wrap what runs in ``job``, its parts in ``step``; log and print as ever::

    from otel_joblog import job, step

    @job
    def nightly_import():
        with step("load"):
            ...

Each run is an OpenTelemetry trace and, line by line, rows in PostgreSQL. See it with ``otel-joblog serve`` or ``list``.
"""

from .capture.engine import current_run
from .capture.job import job
from .capture.progress import progress, track
from .capture.queued import queued
from .capture.step import step
from .errors import Skip
from .setup import configure, flush, shutdown

__all__ = ["job", "step", "progress", "track", "current_run", "queued", "Skip", "configure", "flush", "shutdown"]
