"""The process of a courier (:mod:`otel_joblog.journal.courier`)."""

from __future__ import annotations

import os

from ..config import Settings
from ..journal.courier import run_courier
from ..journal.room import Room
from ..setup import make_sinks

__all__ = ["main"]


def main() -> None:
    settings = Settings.from_environment(on_bad=lambda _problem: None)  # the scribe has told of it
    os.chdir("/")
    os.umask(0o077)
    os.environ.pop("PGSERVICE", None)  # the command's; where no file has such a service, libpq connects nowhere at all
    sinks = make_sinks(settings, otlp_by_default=True)
    room = Room.of(settings, [sink.name for sink in sinks])
    run_courier(settings.journal_dir, sinks, room, lost_after=settings.lost_after)
    os._exit(0)  # a lane that hangs in a connection must not keep us
