"""Our own health as OTel metrics, for applications that have a meter provider; without one they cost nothing.

What the semantic conventions have a name for has it (``otel.sdk.exporter.*``, with ``otel.component.name``); the
journal, which they do not know, is ``joblog.journal.*``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from ..journal.backlog import Backlog, backlog
from ..journal.figures import Figures, figures
from ..journal.room import Room

__all__ = ["Watched", "observe"]


class Watched(NamedTuple):
    room: Room
    folders: Iterable[Path] | None  # the journals that this process ships; None: all below the room's root


Observations = Iterable[Observation]


def observe(watched: Callable[[], Watched | None]) -> None:
    """Make the instruments. ``watched`` is asked whenever they are collected."""
    meter = get_meter("otel_joblog")

    def counted(read: Callable[[Figures], int], **attributes: str) -> list[Callable[[CallbackOptions], Observations]]:
        def collect(_options: CallbackOptions) -> Observations:
            return [
                Observation(read(done), {"otel.component.name": name} | attributes) for name, done in figures.items()
            ]

        return [collect]

    def waiting(read: Callable[[Watched], Observations]) -> list[Callable[[CallbackOptions], Observations]]:
        def collect(_options: CallbackOptions) -> Observations:
            now = watched()
            return [] if now is None else read(now)

        return [collect]

    meter.create_observable_counter(
        "otel.sdk.exporter.span.exported", counted(lambda done: done.spans), "{span}", "Spans that were taken."
    )
    meter.create_observable_counter(
        "otel.sdk.exporter.log.exported", counted(lambda done: done.lines), "{log_record}", "Lines that were taken."
    )
    meter.create_observable_counter(
        "joblog.exporter.retries", counted(lambda done: done.retries), "{batch}", "Batches not taken, tried again."
    )
    meter.create_observable_counter(
        "joblog.exporter.refused",
        counted(lambda done: done.refused),
        "{record}",
        "Records refused for ever and set aside in the dead-letter file.",
    )
    meter.create_observable_gauge("joblog.journal.queue.size", waiting(_sizes), "By", "What waits to be shipped.")
    meter.create_observable_gauge("joblog.journal.queue.age", waiting(_ages), "s", "Age of the oldest that waits.")
    meter.create_observable_gauge("joblog.journal.queue.capacity", waiting(_capacity), "By", "The journal's cap.")


def _sizes(watched: Watched) -> Observations:
    return [Observation(behind.bytes, {"otel.component.name": behind.exporter}) for behind in _backlog(watched)]


def _ages(watched: Watched) -> Observations:
    return [Observation(behind.age or 0.0, {"otel.component.name": behind.exporter}) for behind in _backlog(watched)]


def _capacity(watched: Watched) -> Observations:
    return [Observation(watched.room.limit)]


def _backlog(watched: Watched) -> list[Backlog]:
    try:
        return backlog(watched.room.root, watched.folders)
    except OSError:  # a look that fails tells nothing
        return []
