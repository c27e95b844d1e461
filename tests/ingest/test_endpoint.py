"""OTLP over HTTP: what every kind of request is answered, and what is then in the database."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_joblog.health.keeper import keep_due_times
from otel_joblog.ingest import body as body_module
from otel_joblog.ingest import endpoint, lanes
from otel_joblog.ingest.otlp import Decoder, Received
from otel_joblog.store.upkeep.maintenance import maintain

from .messages import SECOND, as_json, job, log_event, log_record, logs, span, traces
from .serving import served

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
TRACES = "/v1/traces"
REQUEST = traces([job(1, events=[log_event("hello")]), span(2, 1)])
BODY = REQUEST.SerializeToString()


@pytest.fixture
def web(dsn: str) -> Iterator[httpx.Client]:
    with served(dsn) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def counts(dsn: str) -> Any:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "select (select count(*) from joblog.job_run), (select count(*) from joblog.job_step),"
            " (select count(*) from joblog.job_log)"
        ).fetchone()


def status_of(response: httpx.Response) -> Status:
    assert response.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(response.content)


RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, PROTOBUF),
        (as_json(REQUEST), JSON),
        (as_json(REQUEST), {"Content-Type": "Application/JSON; charset=utf-8"}),
        (gzip.compress(BODY), PROTOBUF | {"Content-Encoding": "gzip"}),
        (gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), PROTOBUF | {"Content-Encoding": "gzip"}),
        (zlib.compress(BODY), PROTOBUF | {"Content-Encoding": "deflate"}),
        (RAW_DEFLATE.compress(BODY) + RAW_DEFLATE.flush(), PROTOBUF | {"Content-Encoding": "deflate"}),
        (gzip.compress(as_json(REQUEST)), JSON | {"Content-Encoding": "gzip"}),
    ],
)
def test_a_request_is_stored_when_it_is_answered(
    web: httpx.Client, dsn: str, body: bytes, headers: dict[str, str]
) -> None:
    response = web.post(TRACES, content=body, headers=headers)
    assert response.status_code == 200
    assert counts(dsn) == (1, 1, 1)
    if "json" in headers["Content-Type"].lower():
        assert (response.headers["content-type"], response.json()) == ("application/json", {})
    else:
        assert response.headers["content-type"] == "application/x-protobuf"
        assert not ExportTraceServiceResponse.FromString(response.content).HasField("partial_success")
    assert web.post(TRACES, content=body, headers=headers).status_code == 200
    assert counts(dsn) == (1, 1, 1), "sent again, it is there once"


def test_logs_find_their_run(web: httpx.Client, dsn: str) -> None:
    body = logs([log_record("early", 2)]).SerializeToString()
    response = web.post("/v1/logs", content=body, headers=PROTOBUF)
    assert not ExportLogsServiceResponse.FromString(response.content).HasField("partial_success")
    web.post(TRACES, content=BODY, headers=PROTOBUF)
    web.post("/v1/logs", content=as_json(logs([log_record("late", 1)])), headers=JSON)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select lines from joblog.job_run").fetchall() == [(3,)]


def test_a_job_that_comes_by_otlp_is_judged_after_the_time_that_its_runs_take(web: httpx.Client, dsn: str) -> None:
    run = job(1, end=3_000 * SECOND, attributes={"joblog.schedule": "@daily"})
    web.post(TRACES, content=traces([run]).SerializeToString(), headers=PROTOBUF)
    assert maintain(dsn, None, [keep_due_times])
    with psycopg.connect(dsn) as connection:
        (later,) = connection.execute("select distinct judged_at - late_at from joblog.job_expected").fetchall()
    assert later == (timedelta(seconds=3_000),)


def test_an_empty_request_is_taken(web: httpx.Client) -> None:
    for path in (TRACES, "/v1/logs"):
        assert web.post(path, content=b"", headers=PROTOBUF).status_code == 200
        assert web.post(path, content=b"{}", headers=JSON).status_code == 200


def test_what_cannot_be_kept_is_told_and_the_rest_is_kept(web: httpx.Client, dsn: str) -> None:
    bad = job(3)
    bad.trace_id = b"short"
    request = traces([job(1), bad])
    response = web.post(TRACES, content=request.SerializeToString(), headers=PROTOBUF)
    told = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert (response.status_code, told.rejected_spans) == (200, 1)
    assert told.error_message == "a span without valid trace and span id"
    said = web.post("/v1/logs", content=as_json(logs([log_record("x", 1, trace=None)])), headers=JSON).json()
    assert said["partialSuccess"]["rejectedLogRecords"] == "1"
    assert counts(dsn) == (1, 0, 0)


@pytest.mark.parametrize(("body", "headers"), [(BODY, PROTOBUF), (as_json(REQUEST), JSON)])
def test_a_string_that_is_not_unicode_costs_nothing(
    web: httpx.Client, dsn: str, body: bytes, headers: dict[str, str]
) -> None:
    response = web.post(TRACES, content=body.replace(b"hello", b"h\xe9llo"), headers=headers)
    told = ExportTraceServiceResponse()
    if headers is JSON:
        json_format.Parse(response.content, told)
    else:
        told.ParseFromString(response.content)
    assert (response.status_code, told.partial_success.rejected_spans) == (200, 0)
    assert told.partial_success.error_message == "what is not Unicode was escaped, in places: 1"
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select message from joblog.job_log").fetchall() == [("h\\xe9llo",)]
    assert counts(dsn) == (1, 1, 1)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"\xff\xff", PROTOBUF, 400, 3),
        (b"not gzip", PROTOBUF | {"Content-Encoding": "gzip"}, 400, 3),
        (gzip.compress(BODY)[:-9], PROTOBUF | {"Content-Encoding": "gzip"}, 400, 3),
        (b"not deflate", PROTOBUF | {"Content-Encoding": "deflate"}, 400, 3),
        (bytes(1024 * 1024 + 1), PROTOBUF, 413, 8),
        (gzip.compress(bytes(200 * 1024 * 1024)), PROTOBUF | {"Content-Encoding": "gzip"}, 413, 8),
        (BODY, PROTOBUF | {"Content-Encoding": "br"}, 415, 3),
    ],
)
def test_what_is_wrong_is_told_as_a_status(
    dsn: str, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    with served(dsn, ingest_max_bytes="1MiB") as address:
        response = httpx.post(address + TRACES, content=body, headers=headers, timeout=60)
        assert (response.status_code, status_of(response).code) == (status, code)
        assert status_of(response).message
        assert httpx.post(address + TRACES, content=BODY, headers=PROTOBUF, timeout=60).status_code == 200


@pytest.mark.parametrize("headers", [PROTOBUF, JSON])
def test_a_request_with_too_much_in_it_is_refused(dsn: str, headers: dict[str, str]) -> None:
    def post(path: str, request: Any) -> tuple[int, str]:
        body = as_json(request) if headers is JSON else request.SerializeToString()
        response = httpx.post(address + path, content=body, headers=headers, timeout=60)
        if response.status_code == 200:
            return 200, ""
        return response.status_code, response.json()["message"] if headers is JSON else status_of(response).message

    with served(dsn, ingest_max_items=3) as address:
        assert post(TRACES, traces([job(1), *(span(number, 1) for number in range(2, 5))])) == (
            413,
            "more than 3 spans in one request: send fewer at once (a collector: sending_queue.batch.max_size),"
            " or raise OTEL_JOBLOG_INGEST_MAX_ITEMS",
        )
        status, message = post("/v1/logs", logs([log_record("x", 1, at=number) for number in range(4)]))
        assert (status, message[:23]) == (413, "more than 3 log records")
        status, message = post(TRACES, traces([job(1, events=[log_event("x", number) for number in range(13)])]))
        assert (status, message[:29]) == (413, "more than 12 events and links")
        assert counts(dsn) == (0, 0, 0)
        events = [log_event("x", number) for number in range(12)]
        assert post(TRACES, traces([job(1, events=events), span(2, 1), span(3, 1)])) == (200, "")
        assert post("/v1/logs", logs([log_record("x", 1, at=number) for number in range(3)])) == (200, "")
    assert counts(dsn) == (1, 2, 15)


def test_what_is_wrong_is_told_in_the_form_that_was_spoken(web: httpx.Client) -> None:
    response = web.post(TRACES, content=b"{", headers=JSON)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/json")
    assert (response.json()["code"], "not an OTLP request" in response.json()["message"]) == (3, True)
    response = web.post(TRACES, content=BODY, headers={"Content-Type": "text/plain"})
    assert (response.status_code, response.json()["code"]) == (415, 3)
    response = web.get(TRACES)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert web.post("/v1/metrics", content=b"", headers=PROTOBUF).status_code == 404


def test_a_token_is_asked_for(dsn: str) -> None:
    with served(dsn, ingest_token="correct") as address:
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic correct"}):
            response = httpx.post(address + TRACES, content=BODY, headers=PROTOBUF | header, timeout=60)
            assert (response.status_code, status_of(response).code) == (401, 16)
            assert response.headers["www-authenticate"] == "Bearer"
        right = PROTOBUF | {"Authorization": "Bearer correct"}
        assert httpx.post(address + TRACES, content=BODY, headers=right, timeout=60).status_code == 200
    assert counts(dsn) == (1, 1, 1)


def test_foreign_host_names_are_refused_unless_a_token_is_asked_for(dsn: str) -> None:
    rebound = PROTOBUF | {"Host": "rebound.example.com"}
    with served(dsn) as address:
        assert httpx.post(address + TRACES, content=BODY, headers=rebound, timeout=60).status_code == 400
        assert counts(dsn) == (0, 0, 0)
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
            local = PROTOBUF | {"Host": host}
            assert httpx.post(address + TRACES, content=BODY, headers=local, timeout=60).status_code == 200
    with served(dsn, ingest_token="correct") as address:
        shown = rebound | {"Authorization": "Bearer correct"}
        assert httpx.post(address + TRACES, content=BODY, headers=shown, timeout=60).status_code == 200


def test_a_database_that_is_away_means_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "AWAY", 60.0)
    with served("host=127.0.0.1 port=1 dbname=nowhere") as address:
        assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200
        for _ in range(2):  # the second is not even let in
            response = httpx.post(address + TRACES, content=BODY, headers=PROTOBUF, timeout=60)
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
            assert status_of(response).code == 14
            assert "port 1 failed" in status_of(response).message, "it tells why"
        health = httpx.get(f"{address}/healthz", timeout=60)
        assert (health.status_code, health.text) == (503, "nothing can be stored now\n")


def test_a_body_that_comes_slowly_is_told_to_come_again(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "SLOWEST", 0.2)
    with served(dsn) as address, socket.create_connection(address.removeprefix("http://").split(":")) as slow:
        slow.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n")
        slow.sendall(b"Content-Length: 100\r\n\r\n12345")
        slow.settimeout(60)
        assert slow.recv(100).startswith(b"HTTP/1.1 503 ")


def test_who_would_hold_too_much_is_told_to_come_again(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "MOST_REQUESTS", 0)
    with served(dsn) as address:
        response = httpx.post(address + TRACES, content=BODY, headers=PROTOBUF, timeout=60)
        assert (response.status_code, response.headers["retry-after"]) == (429, "2")


def test_bodies_that_others_left_no_room_for_are_told_to_come_again(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "HELD_BYTES", 0)  # so that it is two of the largest
    head = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
    with served(dsn, ingest_max_bytes="1MiB") as address, contextlib.ExitStack() as held:
        host, port = address.removeprefix("http://").split(":")
        for _ in range(2):
            slow = held.enter_context(socket.create_connection((host, int(port))))
            slow.sendall(head + b"Content-Length: 1048576\r\n\r\n" + bytes(1048575))
        deadline = time.monotonic() + 60
        while (response := httpx.post(address + TRACES, content=BODY, headers=PROTOBUF, timeout=60)).status_code == 200:
            assert time.monotonic() < deadline
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")


def test_bodies_become_objects_one_after_the_other(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import concurrent.futures

    decode = Decoder.traces
    inside: list[int] = []
    most = 0
    both = threading.Event()

    def watched(self: Decoder, body: bytes, *, json: bool = False) -> Received:
        nonlocal most
        inside.append(1)
        most = max(most, len(inside))
        if most > 1:
            both.set()
        both.wait(0.3)  # long enough for the other lane to come in, too
        received = decode(self, body, json=json)
        inside.pop()
        return received

    monkeypatch.setattr(Decoder, "traces", watched)
    monkeypatch.setattr(lanes, "MERGED_REQUESTS", 1)
    bodies = [traces([job(1, trace=number)]).SerializeToString() for number in range(1, 5)]
    with served(dsn) as address, concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda body: httpx.post(address + TRACES, content=body, headers=PROTOBUF, timeout=60), bodies
        )
        assert [answer.status_code for answer in answers] == [200] * 4
    assert (most, counts(dsn)) == (1, (4, 0, 0))


def test_requests_at_once_are_merged_and_each_is_told_its_own(dsn: str) -> None:
    import concurrent.futures

    bodies = [traces([job(1, trace=number)]).SerializeToString() for number in range(1, 60)] + [b"\xff\xff"] * 5
    with served(dsn) as address, httpx.Client(base_url=address, timeout=60) as client:

        def post(body: bytes) -> int:
            return client.post(TRACES, content=body, headers=PROTOBUF).status_code

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(post, bodies))
    assert answers == [200] * 59 + [400] * 5
    assert counts(dsn) == (59, 0, 0)


def test_what_the_database_refuses_is_rejected_by_itself(dsn: str) -> None:
    """A check that only this test has stands for whatever a database may refuse."""
    with psycopg.connect(dsn) as connection:
        connection.execute("alter table joblog.job_run add check (name <> 'refused')")
    request = traces([job(1), job(2, name="refused", trace=2), job(1, trace=3)])
    with served(dsn) as address:
        response = httpx.post(address + TRACES, content=request.SerializeToString(), headers=PROTOBUF, timeout=60)
    assert response.status_code == 200
    assert ExportTraceServiceResponse.FromString(response.content).partial_success.rejected_spans == 1
    assert counts(dsn) == (2, 0, 0)


def test_secrets_are_taken_out(web: httpx.Client, dsn: str) -> None:
    request = traces([job(1, events=[log_event("password=hunter2")], attributes={"api_key": "hunter2"})])
    web.post(TRACES, content=request.SerializeToString(), headers=PROTOBUF)
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select message from joblog.job_log union all select attributes::text from joblog.job_run"
        )
        assert "hunter2" not in str(rows.fetchall())
