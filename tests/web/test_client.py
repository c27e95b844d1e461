"""The client of the HTTP API, against a real viewer."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import pytest
import uvicorn

from otel_joblog.client import AsyncClient, Client
from otel_joblog.conventions import Attribute, Severity
from otel_joblog.errors import (
    RequestRefused,
    RunNotFound,
    StepNotFound,
    StoreUnavailable,
    TaskNotFound,
    ViewerUnavailable,
)
from otel_joblog.web.app import create_app
from tests.web.serving import served
from tests.web.story import MINUTE, Story

Tell = Callable[..., Story]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


def test_every_name_of_the_api_answers_in_its_shape(client: Client, tell: Tell) -> None:
    story = tell("orders")
    span_id = story.step("load", begin=1, **{Attribute.STAGE: "extract", Attribute.TASK_ID: "a/b 1"})
    story.say("one", "two", step="load", at=2)
    story.say("three", severity=Severity.ERROR, at=5)
    story.end()
    detail = client.run(story.run_id[:32])
    assert (detail.run.run_id, detail.run.job, [step.name for step in detail.steps]) == (
        story.run_id,
        "orders",
        ["load"],
    )
    assert [run.run_id for run in client.runs(job="orders", status=["success", "error"])] == [story.run_id]
    assert [run.run_id for run in client.runs(since=datetime(2001, 1, 1, tzinfo=UTC))] == [story.run_id]
    assert list(client.runs(job="other")) == []
    assert client.step(story.run_id, span_id).stage == "extract"
    assert [line.message for line in client.logs(story.run_id)] == ["one", "two", "three"]
    assert [line.message for line in client.logs(story.run_id, stage="extract", q="tw")] == ["two"]
    assert [line.message for line in client.logs(story.run_id, tail=True, limit=1)] == ["three"]
    assert [stage.stage for stage in client.stages(story.run_id).items] == ["extract"]
    assert [found.line.message for found in client.task_logs("a/b 1")] == ["one", "two"]
    assert [job.job for job in client.jobs(q="ord")] == ["orders"]
    assert [found.line.message for found in client.search("three", level="error")] == ["three"]


def test_a_list_asks_for_its_next_page_when_that_is_needed(client: Client, tell: Tell) -> None:
    story = tell("orders")
    story.say(*(f"line {number}" for number in range(5_200)))
    found = [line.message for line in client.logs(story.run_id)]
    assert found == [f"line {number}" for number in range(5_200)]
    assert len(list(client.logs(story.run_id, limit=5_100))) == 5_100
    assert [line.message for line in islice(client.logs(story.run_id), 2)] == ["line 0", "line 1"]
    assert list(client.logs(story.run_id, limit=0)) == []


def test_the_same_is_there_for_asyncio(address: str, tell: Tell) -> None:
    stories = [tell("orders", began=1_700_000_000_000_000_000 + number * MINUTE) for number in range(203)]
    stories[0].step("load", begin=1, **{Attribute.TASK_ID: "t"})
    stories[0].say("said", step="load", at=2)

    async def ask() -> None:
        async with AsyncClient(address) as client:
            assert [run.run_id async for run in client.runs()] == [story.run_id for story in reversed(stories)]
            first = stories[0].run_id
            step = (await client.run(first)).steps[0]
            assert (await client.step(first, step.span_id)).name == "load"
            assert [line.message async for line in client.logs(first)] == ["said"]
            assert (await client.stages(first)).items[0].lines == 1
            assert [found.job async for found in client.task_logs("t")] == ["orders"]
            assert [job.job async for job in client.jobs()] == ["orders"]
            assert [found.run_id async for found in client.search("said")] == [first]
            with pytest.raises(RunNotFound):
                await client.run("abcdef0123")

    asyncio.run(ask())


def test_what_goes_wrong_is_said_by_its_own_error(client: Client, tell: Tell) -> None:
    story = tell("orders")
    with pytest.raises(RunNotFound, match="no run's id begins with 'abcdef0123'"):
        client.run("abcdef0123")
    with pytest.raises(RunNotFound, match="is no run id"):
        client.run("nightly")
    with pytest.raises(StepNotFound):
        client.step(story.run_id, "0" * 16)
    with pytest.raises(TaskNotFound):
        list(client.task_logs("none"))
    with pytest.raises(RequestRefused, match="has no parameter 'typ'"):
        list(client.runs(typ="cron"))
    with pytest.raises(RequestRefused, match="trace, debug"):
        list(client.logs(story.run_id, level="loud"))
    with pytest.raises(ValueError, match="no time zone"):
        list(client.runs(since=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_no_viewer_and_no_database_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Client(f"http://user:secret@127.0.0.1:{port}") as client, pytest.raises(ViewerUnavailable) as told:
        client.run("abcdef")
    assert "otel-joblog serve" in str(told.value)
    assert "secret" not in str(told.value)
    with served(f"host=127.0.0.1 port={port}") as address, Client(address) as client, pytest.raises(StoreUnavailable):
        list(client.jobs())


class Guard(BaseHTTPRequestHandler):
    """A proxy that nobody passes; it remembers what it was shown."""

    shown: list[str | None]

    def do_GET(self) -> None:
        self.shown.append(self.headers["Authorization"])
        self.send_response(401)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def test_a_token_or_a_password_is_shown_to_who_guards_the_viewer() -> None:
    Guard.shown = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Guard) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            for options in ({"token": "t0ken"}, {"auth": ("ann", "pw")}):
                with Client(address, **options) as client, pytest.raises(RequestRefused, match="401"):  # type: ignore[arg-type]
                    client.run("abcdef")
        finally:
            server.shutdown()
            thread.join()
    assert Guard.shown == ["Bearer t0ken", "Basic YW5uOnB3"]
    with pytest.raises(ValueError, match="not both"):
        Client(token="t", auth=("u", "p"))


def test_a_viewer_on_a_unix_socket_is_asked(dsn: str, tell: Tell, tmp_path: Path) -> None:
    story = tell("orders")
    path = tmp_path / "s"
    server = uvicorn.Server(uvicorn.Config(create_app(dsn), uds=str(path), log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.01)
        with Client("http://localhost", uds=path) as client:
            assert client.run(story.run_id).run.job == "orders"

        async def ask() -> str:
            async with AsyncClient("http://localhost", uds=path) as client:
                return (await client.run(story.run_id)).run.job

        assert asyncio.run(ask()) == "orders"
    finally:
        server.should_exit = True
        thread.join()


def test_the_examples_of_the_document_run(address: str, tell: Tell, capsys: pytest.CaptureFixture[str]) -> None:
    story = tell("nightly-import")
    story.say("the disk full of sand", '"disk full"', severity=Severity.ERROR)
    story.end(error=("ValueError", "no", "Traceback"))
    examples = re.findall(r"```python\n(.*?)```", (DOCS / "api.md").read_text(), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        with contextlib.suppress(SystemExit):
            exec(compile(example.replace("http://127.0.0.1:8765", address), "api.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "nightly-import" in printed
    assert "the disk full of sand" in printed
    assert "no run's id begins with 'abcdef'" in printed
