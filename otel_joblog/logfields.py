"""Which run, job and step a log line comes from, for the format of the application's own handlers.

::

    from otel_joblog.logfields import RunFields

    handler.addFilter(RunFields())  # then "%(run_id)s %(job)s %(step)s %(message)s" in its format
"""

from __future__ import annotations

import logging

from .capture.engine import current

__all__ = ["RunFields"]


class RunFields(logging.Filter):
    """Gives each record ``run_id``, ``job`` and ``step``; each is empty where there is none. It lets all records pass.

    Put it on a handler: a logger's filters see only what is logged by that very logger. A record that has such a field
    already keeps it, as one that came through a queue.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        active = current()
        fields = {"run_id": "", "job": "", "step": ""}
        if active is not None:
            fields |= {"run_id": active.run.run_id, "job": active.run.name}
            if active is not active.run:
                fields["step"] = active.name
        record.__dict__ |= fields | record.__dict__
        return True
