"""``queued``: a run that waits in a queue is known before it starts."""

from __future__ import annotations

from .job import checked

__all__ = ["queued"]


def queued(name: str, /, *, reference: str | None = None, queue: str | None = None) -> dict[str, str]:
    """Say that a run of this job was put into a queue: it is ``pending`` until it starts. Call it where you enqueue::

        message = {"invoice": 4711, "joblog": queued("send-invoice", reference="invoice-4711", queue="mail")}

    What it returns goes with the message, as it is or as JSON. The worker gives it to the job, whose run it then is::

        with job("send-invoice", queued=message["joblog"]):
            ...

    That run is the root of a trace of its own, with a link to the span that ``queued`` was called in. Where nothing is
    recorded it returns an empty dict, with which a run is one like any other. A name that is no text raises TypeError.

    :param name: the job's name, as the worker says it.
    :param reference: what the run is about (an order, a file, a date), to find it by.
    :param queue: the name of the queue.
    :return: short texts by name: ``run_id``, ``queued_at`` (ISO 8601, UTC) and, where known, ``reference``,
        ``queue`` and ``traceparent``, which is the span that it was called in.
    """
    from .waiting import enqueue

    return enqueue(checked(name), reference, queue)
