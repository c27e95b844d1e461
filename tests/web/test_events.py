"""Who listens is told which runs change, by one poll of the store for all who do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from otel_joblog.conventions import RunStatus
from otel_joblog.store.read.pulse import Mark
from otel_joblog.web.pulse import Pulse
from tests.web.serving import served
from tests.web.story import Story

Tell = Callable[..., Story]


class Events:
    """A stream of events, and the id of the latest."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()
        self.answer = answer
        self.last_id = ""

    def next(self) -> tuple[str, dict[str, Any]]:
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                self.last_id = fields["id"]
                return fields["event"], json.loads(fields["data"])
            else:
                fields = {}
        raise AssertionError("the stream ended")

    def changes(self) -> list[dict[str, Any]]:
        """Those of the next event that is not a beat."""
        kind, said = self.next()
        while kind == "beat":
            kind, said = self.next()
        assert kind == "runs"
        return list(said["changes"])


@contextmanager
def listening(web: httpx.Client, query: str = "", **headers: str) -> Iterator[Events]:
    with web.stream("GET", f"/api/v1/events{query}", headers=headers, timeout=60) as answer:
        yield Events(answer)


def test_a_listener_is_told_of_each_run_that_begins_changes_and_ends(web: httpx.Client, tell: Tell) -> None:
    tell("earlier")
    with listening(web) as events:
        assert events.answer.headers["content-type"].startswith("text/event-stream")
        assert events.answer.headers["cache-control"] == "no-cache"
        assert events.next() == ("reset", {})
        story = tell("nightly-import")
        about = {"run_id": story.run_id, "job": "nightly-import", "service": "etl"}
        assert events.changes() == [{**about, "status": "running", "new": True}]
        story.say("a line")
        assert events.changes() == [{**about, "status": "running", "new": False}]
        story.end(RunStatus.ERROR)
        assert events.changes() == [{**about, "status": "error", "new": False}]


def test_who_was_cut_off_is_told_what_it_missed_and_another_to_begin_anew(web: httpx.Client, tell: Tell) -> None:
    with listening(web) as kept, listening(web) as cut:
        assert kept.next()[0] == cut.next()[0] == "reset"
        tell("first")
        assert cut.changes() == kept.changes()
        last_id = cut.last_id
        missed = tell("missed")
        assert [change["run_id"] for change in kept.changes()] == [missed.run_id]
        with listening(web, **{"Last-Event-ID": last_id}) as again:
            assert [change["run_id"] for change in again.changes()] == [missed.run_id]
        for unknown in ("", "another-7", "nonsense", f"{last_id}9999999"):
            with listening(web, **{"Last-Event-ID": unknown}) as anew:
                assert anew.next()[0] == "reset"


def test_a_listener_may_ask_for_a_run_or_a_job(web: httpx.Client, tell: Tell) -> None:
    mine = tell("mine")
    with (
        listening(web) as all_of_them,
        listening(web, f"?run={mine.run_id}") as one,
        listening(web, "?job=mine") as job,
    ):
        assert all_of_them.next()[0] == one.next()[0] == job.next()[0] == "reset"
        other = tell("other")
        assert [change["run_id"] for change in all_of_them.changes()] == [other.run_id]
        mine.say("a line")
        assert {change["run_id"] for events in (one, job) for change in events.changes()} == {mine.run_id}


def test_streams_end_when_the_server_stops(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    with httpx.Client(timeout=60) as client:
        with served(dsn) as address:
            stream = client.stream("GET", f"{address}/api/v1/events")
            answer = stream.__enter__()
            events = Events(answer)
            assert events.next()[0] == "reset"
        with pytest.raises(AssertionError, match="the stream ended"):
            events.next()
        stream.__exit__(None, None, None)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


class Watched:
    """A store whose marks are set by hand."""

    def __init__(self) -> None:
        self.looks = 0
        self.marks_now: dict[str, Mark] = {}

    async def marks(self) -> dict[str, Mark]:
        self.looks += 1
        return dict(self.marks_now)


def test_one_look_at_the_store_serves_all_and_nobody_looks_where_nobody_listens() -> None:
    async def tried() -> None:
        store = Watched()
        pulse = Pulse(store, every=0.01, most=3)  # type: ignore[arg-type]
        streams = [pulse.listen() for _ in range(3)]
        assert [(await anext(stream)).kind for stream in streams] == ["reset"] * 3
        assert pulse.full
        assert [event async for event in pulse.listen()] == []  # a fourth
        store.marks_now = {"a": Mark("job", "service", RunStatus.RUNNING, 1)}
        events = [await anext(stream) for stream in streams]
        assert [[change.run_id for change in event.changes] for event in events] == [["a"]] * 3
        store.marks_now = {}  # it has ended, and newer ones have taken its place
        (change,) = (await anext(streams[0])).changes
        assert (change.run_id, change.status) == ("a", "")
        for stream in streams:
            await stream.aclose()
        looks = store.looks
        await asyncio.sleep(0.1)
        assert store.looks == looks
        assert not pulse.full

    asyncio.run(tried())
