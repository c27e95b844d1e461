"""What waits in a queue, in the words of the commands."""

from __future__ import annotations

import contextlib
import json
import time

from otel_joblog.records import Queued, format_run_id
from otel_joblog.store.columns import instant
from otel_joblog.store.write.writer import Writer
from tests.cli.commands import Command
from tests.web.story import MINUTE, Story

DAY = 24 * 60 * MINUTE

WAITS = bytes(range(1, 17)), bytes(range(1, 9))


def test_list_and_show_say_how_long_a_run_has_waited_and_then_how_long_it_did(dsn: str, otel_joblog: Command) -> None:
    at = time.time_ns() - 12 * DAY
    said = {"joblog.queued_at": instant(at).isoformat(), "joblog.reference": "invoice-7"}
    with contextlib.closing(Writer(dsn)) as writer:
        writer.write([Queued(*WAITS, at, "send-invoice", "shop", said, [])])
        Story(writer)
        (run,) = json.loads(otel_joblog("list", "--status", "pending", "--json").stdout)
        assert (run["job"], run["queue_delay"]) == ("send-invoice", None)
        assert "waiting for 12 d invoice-7" in otel_joblog("list", "--status", "pending").stdout
        shown = otel_joblog("show", run["run_id"]).stdout
        assert "queued " in shown
        assert ", waiting for 12 d" in shown
        Story(writer, "send-invoice", run_id=format_run_id(*WAITS), began=at + 5 * MINUTE, **said).end()
    assert "after 5 m 00 s in the queue" in otel_joblog("show", run["run_id"]).stdout
