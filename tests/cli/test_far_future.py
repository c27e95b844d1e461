"""Runs that a wrong clock put far ahead are left out of the list, and told of."""

from __future__ import annotations

import contextlib

from otel_joblog.store.write.writer import Writer
from tests.cli.commands import Command
from tests.web.story import Story

IN_2116 = 4_607_280_000 * 10**9


def test_the_list_begins_with_now_and_says_what_it_leaves_out(dsn: str, otel_joblog: Command) -> None:
    with contextlib.closing(Writer(dsn)) as writer:
        Story(writer, "now").end()
        assert otel_joblog("list").stderr == ""
        for _ in range(3):
            Story(writer, "ahead", began=IN_2116).end()
    listed = otel_joblog("list")
    assert "now" in listed.stdout
    assert "ahead" not in listed.stdout
    assert listed.stderr == "Left out: 3 runs said to begin more than a day from now. A clock is wrong.\n"


def test_an_export_of_everything_has_them(dsn: str, otel_joblog: Command) -> None:
    with contextlib.closing(Writer(dsn)) as writer:
        stories = [Story(writer, "now"), Story(writer, "ahead", began=IN_2116)]
        for story in stories:
            story.say("a line")
            story.end()
    exported = otel_joblog("export", "--all", "--format", "csv").stdout
    assert all(story.run_id in exported for story in stories)
