"""Requests that nobody should send: valid ones mutated, raw bytes, bombs. The long form has a command of its own:

    python -m tests.ingest.fuzz [--requests 100000] [--seed 1]

It serves the ingest in a process of its own and fails on any answer but success and those to a client's mistakes, on
memory that grows, and on rows that do not agree with one another or with the valid requests sent in between.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import multiprocessing
import random
import socket
import sys
import tempfile
import threading
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

from otel_joblog.config import Settings
from otel_joblog.store.schema.migrate import migrate
from otel_joblog.store.server.embedded import EmbeddedServer
from tests.store.agreement import WRONG_COUNTS, assert_statistics_are_right

from .messages import NOW, as_json, job, log_event, log_record, logs, pairs, span, trace_id, traces

__all__ = ["ANSWERS", "Sent", "assert_stored_rightly", "request", "valid"]

ANSWERS = {200, 400, 401, 405, 413, 415}
LIMIT = "2MiB"  # of a request
BOMB = gzip.compress(bytes(64 * 1024**2), 9)
PROTOBUF, JSON = "application/x-protobuf", "application/json"

KEYS = [
    *(
        "joblog.kind",
        "joblog.run_id",
        "joblog.parent_run",
        "joblog.status",
        "joblog.seq",
        "joblog.lines",
        "joblog.steps",
    ),
    *(
        "joblog.attempt",
        "joblog.exit_code",
        "joblog.job.name",
        "joblog.reference",
        "joblog.expected_s",
        "joblog.result.x",
    ),
    *("log.message", "log.severity", "log.severity_number", "log.iostream", "messaging.system", "exception.message"),
    *(
        "faas.trigger",
        "cicd.pipeline.run.id",
        "a",
        "",
        "\0",
        "é",
    ),
]
VALUES = [
    *("job", "step", "error", "timeout", "lost", "pending", "running", "sidekiq", "timer", "INFO", "stderr", "", "\0"),
    *(
        "x" * 70_000,
        "\ud7ff\U0010ffff",
        "password=hunter2",
        0,
        1,
        -1,
        2**31,
        2**63 - 1,
        -(2**63),
        True,
        False,
        0.0,
        1e308,
    ),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        b"",
        b"\0\xff",
        [],
        {},
        [1, "a", None, [2.5]],
        {"a": {"": [b"x"]}},
        None,
    ),
]
TIMES = [0, 1, NOW, NOW + 1, NOW - 10**15, 2**63 - 1, 2**63, 2**64 - 1]


class Sent(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


def request(rng: random.Random) -> Sent:
    """Any request."""
    path = rng.choice(["/v1/traces", "/v1/logs"])
    made = logs([_log(rng) for _ in range(rng.randrange(4))]) if path == "/v1/logs" else _spans(rng)
    json_form = rng.random() < 0.3
    body = as_json(made) if json_form else made.SerializeToString()
    if rng.random() < 0.6:
        body = _mutated(rng, body)
    if rng.random() < 0.05:
        body = rng.randbytes(rng.randrange(200))
    headers = {"Content-Type": JSON if json_form else PROTOBUF}
    packing = rng.random()
    if packing < 0.1:
        body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
    elif packing < 0.15:
        body, headers["Content-Encoding"] = zlib.compress(body), "deflate"
    if packing < 0.15 and rng.random() < 0.3:
        body = _mutated(rng, body)
    if rng.random() < 0.001:
        body, headers["Content-Encoding"] = BOMB, "gzip"
    if rng.random() < 0.02:
        headers[rng.choice(["Content-Type", "Content-Encoding"])] = rng.choice(
            ["", "gzip", "text/plain", "br", PROTOBUF]
        )
    return Sent(path, headers, body)


def valid(number: int) -> Sent:
    """The valid request of that number: a run of its own with a span and two lines."""
    spans = [job(1, trace=number, events=[log_event(f"line {number}")]), span(2, 1, trace=number)]
    spans[1].events.append(log_event("below", 5))
    for one in spans:
        one.trace_id = b"\xbb" + one.trace_id[1:]
    return Sent("/v1/traces", {"Content-Type": PROTOBUF}, traces(spans).SerializeToString())


def _spans(rng: random.Random) -> Any:
    # Few traces and ids, so that requests meet one another.
    def some(number: int) -> Any:
        made = span(
            rng.randrange(1, 6),
            rng.choice([None, *range(1, 6)]),
            trace=rng.randrange(1, 200),
            attributes=_attributes(rng),
            name=rng.choice(["job", "", "n" * 600, "\0", f"span {number}"]),
            kind=rng.randrange(6),
        )
        if rng.random() < 0.3:
            made.attributes.extend(pairs({"joblog.kind": rng.choice(["job", "step"])}))
        if rng.random() < 0.1:
            made.start_time_unix_nano, made.end_time_unix_nano = rng.choice(TIMES), rng.choice(TIMES)
        if rng.random() < 0.05:
            made.span_id = rng.randbytes(rng.randrange(20))
        for place in range(rng.randrange(3)):
            made.events.append(log_event(str(rng.choice(VALUES)), place, rng.choice(["INFO", "ERROR", "?"])))
            made.events[-1].attributes.extend(pairs(_attributes(rng)))
            if rng.random() < 0.1:
                made.events[-1].time_unix_nano = rng.choice(TIMES)
        return made

    return traces(
        [some(number) for number in range(rng.randrange(6))], **{rng.choice(["a", "host__name"]): rng.choice(VALUES)}
    )


def _log(rng: random.Random) -> Any:
    made = log_record(rng.choice(VALUES), rng.randrange(1, 6), trace=rng.randrange(1, 200), attributes=_attributes(rng))
    if rng.random() < 0.1:
        made.time_unix_nano = rng.choice(TIMES)
    return made


def _attributes(rng: random.Random) -> dict[str, Any]:
    return {rng.choice(KEYS): rng.choice(VALUES) for _ in range(rng.randrange(5))}


def _mutated(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body or b"\0")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(changed) or 1)
        match rng.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del changed[at : at + rng.randrange(20)]
            case 2:
                changed[at:at] = rng.randbytes(rng.randrange(20))
            case 3:
                changed[at:at] = changed[at : at + rng.randrange(200)]
            case _:
                del changed[at:]
    return bytes(changed)


def assert_stored_rightly(dsn: str, numbers: range) -> None:
    """Rows agree with one another, and the valid requests of these numbers are there, whole and once."""
    with psycopg.connect(dsn) as connection:
        assert connection.execute(WRONG_COUNTS).fetchall() == []
        # Kinds of errors are told from messages in ways that the check does not know.
        assert_statistics_are_right(connection, leaving_out={"job_error_day"})
        rows = connection.execute(
            "select trace_id, name, status, lines, (select count(*) from joblog.job_step as step"
            " where step.trace_id = run.trace_id and step.run_span_id = run.span_id) from joblog.job_run as run"
            " where trace_id between 'bb000000-0000-0000-0000-000000000000' and 'bbffffff-ffff-ffff-ffff-ffffffffffff'"
            " order by 1"
        ).fetchall()
    expected = [(b"\xbb" + trace_id(number)[1:]).hex() for number in numbers]
    assert [row[0].hex for row in rows] == expected
    assert {row[1:] for row in rows} <= {("job", 2, 2, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ojf-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.start()
        try:
            migrate(server.dsn)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute("alter system set synchronous_commit = off")
                connection.execute("select pg_reload_conf()")
            _long(server.dsn, options.requests, options.seed)
        finally:
            server.stop()


def _serve(dsn: str, listener: socket.socket) -> None:
    import uvicorn

    from otel_joblog.ingest.service import Ingest, create_app

    app = create_app(Ingest(Settings.from_environment({}, ingest_max_bytes=LIMIT), dsn))
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


def _long(dsn: str, requests: int, seed: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(dsn, listener))
        process.start()
        watched = psutil.Process(process.pid)
        answers: Counter[tuple[str, int]] = Counter()
        unexpected: list[str] = []
        every = 50  # one of so many is valid
        threads = [
            threading.Thread(
                target=_send,
                args=(listener.getsockname()[1], range(place, requests, 4), seed, every, answers, unexpected),
            )
            for place in range(4)
        ]
        for thread in threads:
            thread.start()
        most = 0
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(1)
            most = max(most, watched.memory_info().rss)
            done = sum(answers.values())
            print(f"\r{done:,} of {requests:,}, {watched.memory_info().rss / 1e6:.0f} MB", end="", file=sys.stderr)
        print(file=sys.stderr)
        alive = process.is_alive()
        process.terminate()
        process.join()
    for (path, status), number in sorted(answers.items()):
        print(f"{path:12} {status} {number:8,}")
    print(f"memory at most {most / 1e6:.0f} MB")
    assert alive, "the ingest died"
    assert not unexpected, unexpected[:5]
    assert most < 600e6, "its memory grows"
    assert_stored_rightly(dsn, range(every, requests, every))
    print("what is stored agrees")


def _send(
    port: int, numbers: range, seed: int, every: int, answers: Counter[tuple[str, int]], unexpected: list[str]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for number in numbers:
        is_valid = bool(number) and number % every == 0
        sent = valid(number) if is_valid else request(random.Random(seed * 10**9 + number))
        try:
            connection.request("POST", sent.path, sent.body, sent.headers)
            answer = connection.getresponse()
            said = answer.read()
        except (http.client.HTTPException, OSError) as error:  # refused before all of the body was sent
            connection.close()
            if len(sent.body) < 60_000:
                unexpected.append(f"{number}: {error!r}")
            continue
        answers[sent.path, answer.status] += 1
        if answer.status not in ANSWERS or (is_valid and answer.status != 200):
            unexpected.append(f"{number}: {answer.status} {said[:300]!r}")
        if sent.headers["Content-Type"] == JSON and answer.status == 200:
            json.loads(said)
    connection.close()


if __name__ == "__main__":
    main()
